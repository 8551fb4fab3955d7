//! The process around a program of this workspace: arguments, streams, terminal and exit status.

use crate::command_line::status::Status;
use anstream::{AutoStream, ColorChoice};
use clap::Parser;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use terminal_size::{Width, terminal_size_of};

/// Everything that a run of the program can see and change, apart from files.
pub struct Surroundings<'a> {
    /// Returns the value of an environment variable, or `None` if it is not set.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Standard error.
    pub stderr: &'a mut dyn Write,
    /// The terminals of the output streams.
    pub terminal: Terminal,
}

/// The properties of the output streams. All are false for a pipe or a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard output is a terminal.
    pub stdout: bool,
    /// The number of columns of that terminal, if known.
    pub columns_of_stdout: Option<usize>,
    /// Standard error is a terminal, so a progress bar can be drawn on it.
    pub stderr: bool,
    /// Standard output shows colours.
    pub color_on_stdout: bool,
    /// Standard error shows colours.
    pub color_on_stderr: bool,
}

/// Runs a program with the arguments and streams of this process.
pub async fn in_this_process(
    run: impl AsyncFnOnce(Vec<OsString>, Surroundings<'_>) -> Status,
) -> ExitCode {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    // These calls respect NO_COLOR and similar variables.
    let terminal = Terminal {
        stdout: stdout.is_terminal(),
        columns_of_stdout: terminal_size_of(&stdout).map(|(Width(columns), _)| columns.into()),
        stderr: stderr.is_terminal(),
        color_on_stdout: AutoStream::choice(&stdout) != ColorChoice::Never,
        color_on_stderr: AutoStream::choice(&stderr) != ColorChoice::Never,
    };
    let surroundings = Surroundings {
        environment: &|name| env::var(name).ok(),
        stdin: &mut io::stdin(),
        stdout: &mut io::BufWriter::new(stdout),
        stderr: &mut io::stderr(),
        terminal,
    };
    run(env::args_os().collect(), surroundings).await.into()
}

/// Parses the arguments, runs the program with them, and flushes its output.
///
/// The first of the arguments is the program's own name.
pub async fn parsed<A: Parser>(
    arguments: Vec<OsString>,
    mut surroundings: Surroundings<'_>,
    run: impl AsyncFnOnce(A, &mut Surroundings<'_>) -> io::Result<Status>,
) -> Status {
    let arguments = match A::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, &mut surroundings),
    };
    let ran = run(arguments, &mut surroundings).await;
    Status::at_end_of(ran, surroundings.stdout, surroundings.stderr)
}

/// Prints help and version to standard output, and every other message of the parser as an error.
pub fn usage(error: &clap::Error, surroundings: &mut Surroundings<'_>) -> Status {
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
    // Failing to print help, for example to a closed pipe, does not change the exit status.
    let _ = match color {
        true => write!(stream, "{}", text.ansi()),
        false => write!(stream, "{text}"),
    };
    status
}
