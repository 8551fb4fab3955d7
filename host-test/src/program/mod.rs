//! The program `host-test`: exit status 0 when all went as asked, 1 when it did not, 2 when the
//! command line makes no sense.
//!
//! It is a function of its arguments and surroundings, so that a test can run it as a person would.

mod arguments;
mod bench;
mod calls;
mod component_file;
mod configuration;
mod demo;
mod destination;
mod faults;
mod histories;
mod perform;
mod progress_bar;
mod serve;
mod session;
mod until;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
};

use clap::Parser;

pub use self::destination::AWS_HOSTS;

use self::arguments::{Arguments, Command};

/// How a run of the program ended.
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
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// What a run of the program can see and touch, besides files.
pub struct Surroundings<'a> {
    /// Tells the value of an environment variable, `None` where it is not set.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Standard error.
    pub stderr: &'a mut dyn Write,
    /// Who reads what is written.
    pub terminal: Terminal,
}

/// Who reads what is written: all false for a pipe or a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard output is a terminal.
    pub stdout: bool,
    /// How many columns that terminal has, if it tells.
    pub columns_of_stdout: Option<usize>,
    /// Standard error is a terminal, so that a progress bar can be drawn on it.
    pub stderr: bool,
    /// Standard output takes colours.
    pub color_on_stdout: bool,
    /// Standard error takes colours.
    pub color_on_stderr: bool,
}

/// Runs the program. The first of the arguments is the program's own name.
pub async fn run<I>(arguments: I, surroundings: Surroundings<'_>) -> Status
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let arguments = arguments.into_iter().map(Into::into).collect();
    run_words(arguments, surroundings).await
}

/// Not generic, so that it is compiled once, here, and not again in each program and test.
async fn run_words(arguments: Vec<OsString>, mut surroundings: Surroundings<'_>) -> Status {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, &mut surroundings),
    };
    let ran = match arguments.command {
        None => demo::run(arguments.component.as_deref(), &mut surroundings).await,
        Some(Command::State(state)) => {
            perform::state(arguments.component.as_deref(), state, &mut surroundings).await
        }
        Some(Command::Binding(binding)) => {
            perform::binding(arguments.component.as_deref(), binding, &mut surroundings).await
        }
        Some(Command::Bench(asked)) => {
            bench::run(arguments.component.as_deref(), asked, &mut surroundings).await
        }
        Some(Command::Serve(asked)) => serve::run(&asked, &mut surroundings).await,
        Some(Command::Faults(asked)) => faults::run(&asked, &mut surroundings).await,
        Some(Command::Histories(asked)) => {
            histories::run(arguments.component.as_deref(), asked, &mut surroundings).await
        }
        Some(Command::BenchMemory(asked)) => {
            bench::memory(arguments.component.as_deref(), &asked, &mut surroundings).await
        }
        Some(Command::BenchEngine) => bench::engine(&mut surroundings).await,
    };
    let flushed = surroundings.stdout.flush();
    match ran.and_then(|status| flushed.map(|()| status)) {
        Ok(status) => status,
        // Whoever read has gone (`host-test … | head`): there is nobody to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Status::Failure,
        Err(error) => {
            // Where standard error fails as well, the exit status must do.
            let _ = writeln!(surroundings.stderr, "error: the output: {error}");
            Status::Failure
        }
    }
}

/// Help and version are answers; everything else that the parser has to say is an error.
fn usage(error: &clap::Error, surroundings: &mut Surroundings<'_>) -> Status {
    let text = error.render();
    let (stream, color, status) = match error.use_stderr() {
        true => (
            &mut surroundings.stderr,
            surroundings.terminal.color_on_stderr,
            Status::Usage,
        ),
        false => (
            &mut surroundings.stdout,
            surroundings.terminal.color_on_stdout,
            Status::Success,
        ),
    };
    // A help that nobody can read any more is no failure.
    let _ = match color {
        true => write!(stream, "{}", text.ansi()),
        false => write!(stream, "{text}"),
    };
    status
}

#[cfg(test)]
mod tests;
