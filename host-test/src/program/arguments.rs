//! The arguments that the program adds to the commands of the contract. They locate the component and its
//! store.

use super::serve::ServeArguments;
use crate::command_line::arguments::{BindingCommand, StateCommand, pair};
use crate::command_line::status::STATUSES;
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

/// Call dapr_dynamodb.wasm in wasmtime; without a command, run a demo on an embedded DynamoDB
#[derive(Debug, Parser)]
#[command(name = "host-test", version, after_help = STATUSES, propagate_version = true)]
pub(super) struct Arguments {
    /// Run this component instead of the workspace's own; it must export the state store or the output binding
    /// of dapr-wasm:components
    #[arg(long, global = true, value_name = "FILE.wasm")]
    pub(super) component: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Call the state store
    State(StateArguments),
    /// Call the output binding
    Binding(BindingArguments),
    /// Serve an embedded DynamoDB to other programs until interrupted
    Serve(ServeArguments),
}

#[derive(Debug, Args)]
pub(super) struct StateArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    pub(super) command: StateCommand,
}

#[derive(Debug, Args)]
pub(super) struct BindingArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    pub(super) command: BindingCommand,
}

/// The DynamoDB to call, its table, and the output format.
#[derive(Clone, Args, Default)]
pub struct Connection {
    /// Print results as JSON, one value per line
    #[arg(long, global = true)]
    pub json: bool,

    /// Store the embedded DynamoDB in this folder; by default it is in memory and lost at exit
    #[arg(long, global = true, value_name = "DIR", help_heading = WHERE)]
    pub data: Option<PathBuf>,
    /// Call this endpoint instead of the embedded DynamoDB
    #[arg(long, global = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new(), help_heading = WHERE)]
    pub endpoint: Option<String>,
    /// Call AWS's DynamoDB in the configured region
    #[arg(long, global = true, help_heading = WHERE)]
    pub aws: bool,
    /// Print the number of requests on standard error (plain HTTP endpoints only)
    #[arg(long, global = true, help_heading = WHERE)]
    pub count_requests: bool,

    /// Configure the component from a Dapr component file or a folder of them; it also chooses the DynamoDB to
    /// call, unless --data, --endpoint or --aws is given
    #[arg(long, global = true, value_name = "PATH", help_heading = CONFIGURATION)]
    pub component_yaml: Option<PathBuf>,
    /// Use the component of this name if the file or folder contains several
    #[arg(long, global = true, value_name = "NAME", help_heading = CONFIGURATION)]
    pub component_name: Option<String>,
    /// Look up secretKeyRef in this JSON file
    #[arg(long, global = true, value_name = "FILE", help_heading = CONFIGURATION)]
    pub secrets: Option<PathBuf>,
    /// The table; the embedded DynamoDB creates it if absent and uses `state` by default if there is no
    /// component file
    #[arg(long, global = true, value_parser = NonEmptyStringValueParser::new(), help_heading = CONFIGURATION)]
    pub table: Option<String>,
    /// The AWS region
    #[arg(long, global = true, value_parser = NonEmptyStringValueParser::new(), help_heading = CONFIGURATION)]
    pub region: Option<String>,
    /// The access key ID; the embedded DynamoDB needs none
    #[arg(long, global = true, value_name = "ID", help_heading = CONFIGURATION)]
    pub access_key: Option<String>,
    /// The secret access key; prefer AWS_SECRET_ACCESS_KEY or --secrets
    #[arg(long, global = true, value_name = "KEY", help_heading = CONFIGURATION)]
    pub secret_key: Option<String>,
    /// The session token
    #[arg(long, global = true, value_name = "TOKEN", help_heading = CONFIGURATION)]
    pub session_token: Option<String>,
    /// Any other field of the component's metadata; may be repeated
    #[arg(
        long = "metadata", global = true, value_name = "NAME=VALUE", value_parser = pair,
        help_heading = CONFIGURATION
    )]
    pub metadata: Vec<(String, String)>,
}

const WHERE: &str = "Which DynamoDB (by default an embedded one)";
const CONFIGURATION: &str = "Configuration of the component";

impl Connection {
    /// Refuses arguments that exclude each other. The parser itself misses them if one stands before the
    /// command and the other after it.
    pub fn check(&self) -> Result<(), clap::Error> {
        let places = [
            ("--data", self.data.is_some()),
            ("--endpoint", self.endpoint.is_some()),
            ("--aws", self.aws),
        ];
        let mut given = places.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            return Err(Arguments::command().error(
                ErrorKind::ArgumentConflict,
                format!("{first} and {second} both choose the DynamoDB to call: use only one"),
            ));
        }
        let of_file = [
            ("--secrets", self.secrets.is_some()),
            ("--component-name", self.component_name.is_some()),
        ];
        match of_file.iter().find(|(_, given)| *given) {
            Some((argument, _)) if self.component_yaml.is_none() => Err(Arguments::command()
                .error(
                    ErrorKind::MissingRequiredArgument,
                    format!("{argument} needs a component file: add --component-yaml"),
                )),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The other fields may hold secrets.
        f.debug_struct("Connection")
            .field("data", &self.data)
            .field("component_yaml", &self.component_yaml)
            .finish_non_exhaustive()
    }
}
