//! The program as a process of its own, as a person at a shell starts it.

#[cfg(unix)]
mod credentials;
mod faults;

use std::process::{Command, Output};

/// A run of the program.
fn test_servers(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_test-servers"));
    program.args(arguments);
    program
}

/// Exit status, standard output and standard error.
fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}
