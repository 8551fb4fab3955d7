//! The program `host-test`: exit status 0 when all went as asked, 1 when it did not, 2 when the
//! command line makes no sense.
//!
//! It is a function of its arguments and surroundings, so that a test can run it as a person would.

mod arguments;
mod bench;
mod calls;
mod component_file;
mod configuration;
mod conformance;
mod credentials;
mod demo;
mod destination;
mod faults;
mod histories;
mod lending;
mod perform;
mod progress_bar;
mod serve;
mod serving;
mod session;

use std::{
    ffi::OsString,
    io::{Read, Write},
};

use clap::Parser;

pub use self::destination::AWS_HOSTS;
pub use crate::command_line::status::Status;

use self::arguments::{Arguments, Command};

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
        Some(Command::Conformance(asked)) => {
            conformance::run(arguments.component.as_deref(), asked, &mut surroundings).await
        }
        Some(Command::BenchMemory(asked)) => {
            bench::memory(arguments.component.as_deref(), &asked, &mut surroundings).await
        }
        Some(Command::BenchEngine) => bench::engine(&mut surroundings).await,
    };
    Status::at_end_of(ran, surroundings.stdout, surroundings.stderr)
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
