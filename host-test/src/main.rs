//! The program `host-test`; see the library's `program`.
#![forbid(unsafe_code)]

use std::{
    env,
    io::{self, IsTerminal},
    process::ExitCode,
};

use anstream::{AutoStream, ColorChoice};
use host_test::program::{Surroundings, Terminal, run};
use terminal_size::{Width, terminal_size_of};

#[tokio::main]
async fn main() -> ExitCode {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    // This is where NO_COLOR and its like are respected.
    let terminal = Terminal {
        stdout: stdout.is_terminal(),
        columns_of_stdout: terminal_size_of(&stdout).map(|(Width(columns), _)| columns.into()),
        stderr: stderr.is_terminal(),
        color_on_stdout: AutoStream::choice(&stdout) != ColorChoice::Never,
        color_on_stderr: AutoStream::choice(&stderr) != ColorChoice::Never,
    };
    run(
        env::args_os(),
        Surroundings {
            environment: &|name| env::var(name).ok(),
            stdin: &mut io::stdin(),
            stdout: &mut io::BufWriter::new(stdout),
            stderr: &mut io::stderr(),
            terminal,
        },
    )
    .await
    .into()
}
