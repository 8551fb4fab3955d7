//! The program as a person at a shell starts it: as a process of its own (`processes`, `serve`), or through the entry of its
//! library.

mod calls;
mod component_files;
mod destination;
mod json_lines;
mod processes;
mod serve;
mod usage;

use std::process::Command;
use test_support::ran::told;

/// A run of the program.
fn host_test(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_host-test"));
    program.args(arguments);
    program
}
