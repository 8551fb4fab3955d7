//! The program `host-test`. Exit status 0 means success, 1 means failure, and 2 means an invalid
//! command line.
//!
//! It is a function of its arguments and surroundings, so a test can run it as a user would. The
//! other programs of this workspace reuse its start-up and its way to reach a component.

pub mod arguments;
mod calls;
pub mod component_file;
mod configuration;
mod credentials;
mod demo;
mod destination;
mod perform;
pub mod progress_bar;
pub mod serve;
pub mod serving;
pub mod session;
mod surroundings;

use std::ffi::OsString;
use std::io;

pub use self::destination::AWS_HOSTS;
pub use self::perform::output;
pub use self::surroundings::{Surroundings, Terminal, in_this_process, parsed, usage};
pub use crate::command_line::status::Status;

use self::arguments::{Arguments, Command};

/// Runs the program. The first of the arguments is the program's own name.
pub async fn run(arguments: Vec<OsString>, surroundings: Surroundings<'_>) -> Status {
    parsed(arguments, surroundings, perform).await
}

async fn perform(arguments: Arguments, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    let component = arguments.component.as_deref();
    match arguments.command {
        None => demo::run(component, surroundings).await,
        Some(Command::State(state)) => perform::state(component, state, surroundings).await,
        Some(Command::Binding(binding)) => perform::binding(component, binding, surroundings).await,
        Some(Command::Serve(asked)) => serve::run(&asked, surroundings).await,
    }
}

#[cfg(test)]
mod tests;
