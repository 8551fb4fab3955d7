//! Tests of the program as a process, started as from a shell.

#[cfg(unix)]
mod credentials;
mod faults;

use std::process::Command;
use test_support::ran::told;

/// Returns a command that runs the program.
fn test_servers(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_test-servers"));
    program.args(arguments);
    program
}
