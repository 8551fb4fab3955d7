//! The exit status: 0 when all went as asked, 1 when it did not, 2 when the command line makes no
//! sense.

use crate::output::Output;
use crate::perform::{Outcome, Stop};
use std::io::{self, Write};
use std::process::ExitCode;

/// For the end of a program's help.
pub const STATUSES: &str = "\
Exit status: 0 all went as asked; 1 it did not, or there is no item under the key; 2 usage.";

/// The end of a run of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All went as asked.
    Success,
    /// Something failed, and standard error says what; or there was no item under a key.
    Failure,
    /// The command line makes no sense, and standard error says why.
    Usage,
}

impl Status {
    /// The exit status of a process.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
        }
    }

    /// Returns the status of a request; tells why where it failed.
    pub fn of(performed: Result<Outcome, Stop>, output: &mut Output<'_>) -> io::Result<Self> {
        match performed {
            Ok(Outcome::Done) => Ok(Self::Success),
            Ok(Outcome::Absent | Outcome::PartlyFailed | Outcome::OutputLost) => Ok(Self::Failure),
            Err(Stop::Failed(failure)) => {
                output.failure(&failure)?;
                Ok(Self::Failure)
            }
            Err(Stop::Output(error)) => Err(error),
        }
    }

    /// The end of a run: flushes what it has written, and tells where that could not be written.
    pub fn at_end_of(
        ran: io::Result<Self>,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Self {
        let flushed = stdout.flush();
        match ran.and_then(|status| flushed.map(|()| status)) {
            Ok(status) => status,
            // Whoever read has gone (`… | head`): there is nobody to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Self::Failure,
            Err(error) => {
                // Where standard error fails as well, the exit status must do.
                let _ = writeln!(stderr, "error: the output: {error}");
                Self::Failure
            }
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}
