//! The program as a process of its own, as a person at a shell starts it.

mod bench;
mod bench_commands;
mod bench_files;
mod faults;
mod serve;
mod shell;

use std::process::{Command, Output};

/// A run of the program.
fn host_test(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_host-test"));
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
