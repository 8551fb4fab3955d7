//! The arguments that the program adds to the commands of the contract: the output format, and a
//! configuration for use without environment variables.

use clap::{Args, Parser, Subcommand};
use dapr_wasm_command_line::arguments::{BindingCommand, StateCommand, pair};
use dapr_wasm_command_line::status::STATUSES;

/// Call the state store and the output binding of the component in this program
#[derive(Parser)]
#[command(version, after_help = STATUSES, propagate_version = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Call the state store
    #[command(subcommand, after_help = SURROUNDINGS)]
    State(StateCommand),
    /// Call the output binding
    #[command(subcommand, after_help = SURROUNDINGS)]
    Binding(BindingCommand),
}

const SURROUNDINGS: &str = "\
Without --metadata, the component is configured by its environment. It sees only
the variables that the host passes on (in wasmtime: --env NAME=VALUE), and only
files in the folders that the host opens (in wasmtime: --dir DIR).";

/// The configuration of the component and the output format.
#[derive(Args)]
pub(super) struct Settings {
    /// Print results as JSON, one value per line
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// A field of the component's metadata; may be repeated. Pass secrets in the environment
    /// instead
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) metadata: Vec<(String, String)>,
}
