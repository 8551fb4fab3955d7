//! The program `test-servers`: servers for tests of other programs. They run until they are
//! interrupted.

mod credentials;
mod faults;

use self::credentials::CredentialsArguments;
use self::faults::FaultsArguments;
use clap::{Parser, Subcommand};
use host_test::command_line::status::STATUSES;
use host_test::program::{Status, Surroundings, parsed};
use std::ffi::OsString;
use std::io;

/// Servers for tests: a proxy that injects faults, and a DynamoDB that accepts only known
/// credentials
#[derive(Debug, Parser)]
#[command(name = "test-servers", version, after_help = STATUSES, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a proxy in front of a DynamoDB that injects faults of networks and of DynamoDB
    Faults(FaultsArguments),
    /// Serve an embedded DynamoDB that accepts only known access keys, and every source of these
    /// keys
    Credentials(CredentialsArguments),
}

/// Runs the program. The first argument is the program's own name.
pub async fn run(arguments: Vec<OsString>, surroundings: Surroundings<'_>) -> Status {
    parsed(arguments, surroundings, perform).await
}

async fn perform(arguments: Arguments, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    match arguments.command {
        Command::Faults(asked) => faults::run(&asked, surroundings).await,
        Command::Credentials(asked) => credentials::run(&asked, surroundings).await,
    }
}
