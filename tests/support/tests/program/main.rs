//! The program as a process of its own, as a person at a shell starts it.

#[cfg(unix)]
mod credentials;
mod faults;

use std::process::Command;
use test_support::ran::told;

/// A run of the program.
fn test_servers(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_test-servers"));
    program.args(arguments);
    program
}
