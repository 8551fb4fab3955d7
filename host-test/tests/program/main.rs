//! Tests of the program as a user starts it: as a separate process (`processes`, `serve`) or
//! through its library entry.

mod calls;
mod component_files;
mod destination;
mod json_lines;
mod processes;
mod serve;
mod usage;

use std::process::Command;
use test_support::ran::told;

/// Returns the command that runs the program.
fn host_test(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_host-test"));
    program.args(arguments);
    program
}
