//! The exit status: 0 for success, 1 for failure, 2 for an invalid command line.

use crate::output::Output;
use crate::perform::{Outcome, Stop};
use std::io::{self, Write};
use std::process::ExitCode;

/// The last line of a program's help.
pub const STATUSES: &str = "\
Exit status: 0 success; 1 failure, or no item under the key; 2 invalid command line.";

/// The result of a run of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything succeeded.
    Success,
    /// Something failed, as standard error says, or there was no item under a key.
    Failure,
    /// The command line is invalid, as standard error says.
    Usage,
}

impl Status {
    /// Returns the exit status of a process.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
        }
    }

    /// Returns the status of a request. Prints the error if it failed.
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

    /// Ends a run: flushes the output, and reports if it could not be written.
    pub fn at_end_of(
        ran: io::Result<Self>,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Self {
        let flushed = stdout.flush();
        match ran.and_then(|status| flushed.map(|()| status)) {
            Ok(status) => status,
            // The reader has closed the pipe (`… | head`), so nobody would see a message.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Self::Failure,
            Err(error) => {
                // If standard error fails too, only the exit status reports the error.
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
