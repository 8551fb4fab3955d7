//! The calls on a state store and on a binding, as arguments. There is one command for each
//! function of the contract.

use super::model::Consistency;
use clap::{ArgGroup, Args, Subcommand};
use std::path::PathBuf;

/// A call on a state store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum StateCommand {
    /// Print the value of a key, byte for byte; exit status 1 if there is no item
    Get(GetArguments),
    /// Store a value under a key and print its new ETag
    Set(SetArguments),
    /// Delete a key; deleting an absent key succeeds
    Delete(DeleteArguments),
    /// Print the items of many keys as JSON Lines
    BulkGet(BulkGetArguments),
    /// Store many items, from KEY=VALUE arguments or a JSON file
    #[command(after_help = SET_LINES)]
    BulkSet(BulkSetArguments),
    /// Delete many keys
    #[command(after_help = KEY_LINES)]
    BulkDelete(BulkDeleteArguments),
    /// Apply all operations or none
    #[command(after_help = OPERATION_LINES)]
    Transact(TransactArguments),
    /// Print the features of the store
    Features,
    /// Check that the store can be used now
    Ping,
}

const SET_LINES: &str = "\
The file has one JSON object per line (JSON Lines), or is a JSON array of objects.
An object, such as a line that bulk-get has printed:
  {\"key\": \"order-1\", \"value\": {\"total\": 12.5}}   any JSON, stored as written
  {\"key\": \"note-1\", \"valueText\": \"some text\"}
  {\"key\": \"image-1\", \"valueBase64\": \"iVBORw0KGgo=\"}
Optional fields:
  \"etag\"          write only if the stored item has this ETag
  \"concurrency\"   \"first-write\": write only if there is no item under the key
  \"ttl\"           seconds until the item expires; 0 or -1: never
  \"expiresAt\"     instead of \"ttl\": the time of expiry, in seconds since 1970
  \"contentType\"   the media type of the value

The ETags that bulk-get prints are conditions too. Remove them from the lines to
overwrite items that have changed since, or to copy items to another table. Every
value is set byte for byte: JSON with line breaks or with white space around it is
printed as \"valueText\".
A line without an item (\"absent\", \"error\", or an \"expiresAt\" in the past) is an
error. The form of the file is checked completely before anything is written. An
item that the store refuses, such as one with a changed ETag, fails alone.";

const KEY_LINES: &str = "\
A line of the file is a JSON object with a \"key\" (and, for a delete, an optional
\"etag\"), a JSON string, or any other text, which is the key itself. Other fields
of the object are ignored, so the output of bulk-get can be used. A file that begins
with [ is a JSON array of such objects and strings.";

const OPERATION_LINES: &str = "\
The file has one JSON object per line (JSON Lines), or is a JSON array of objects,
in the format of Dapr's API:
  {\"operation\": \"upsert\", \"request\": {\"key\": \"order-1\", \"value\": 12.5}}
  {\"operation\": \"delete\", \"request\": {\"key\": \"order-2\", \"etag\": \"5f0c…\"}}
The request of an upsert has the fields of a line for bulk-set. The request of a
delete may have an \"etag\", and a \"concurrency\" that has no effect, as in Dapr.";

/// `get`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct GetArguments {
    /// The key to read
    pub key: String,
    /// The consistency of the read; by default, as the store is configured
    #[arg(long)]
    pub consistency: Option<Consistency>,
}

/// `set`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what"))]
pub struct SetArguments {
    /// The key to write
    pub key: String,
    /// The value, stored unchanged; `-` reads standard input (even after `--`)
    // Not a required group: clap would show it before the key in the usage.
    #[arg(
        group = "what",
        allow_negative_numbers = true,
        required_unless_present = "value_file"
    )]
    pub value: Option<String>,
    /// Store the contents of this file
    #[arg(long, value_name = "FILE", group = "what")]
    pub value_file: Option<PathBuf>,
    /// Write only if the stored item has this ETag
    #[arg(long)]
    pub etag: Option<String>,
    /// Write only if there is no item under the key
    #[arg(long)]
    pub first_write: bool,
    /// Let the item expire after this many seconds; 0 or -1: never
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = seconds)]
    pub ttl: Option<i64>,
    /// The media type of the value
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
}

/// `delete`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DeleteArguments {
    /// The key to delete
    pub key: String,
    /// Delete only if the stored item has this ETag
    #[arg(long)]
    pub etag: Option<String>,
}

/// `bulk-get`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what").required(true), after_help = KEY_LINES)]
pub struct BulkGetArguments {
    /// The keys to read
    #[arg(group = "what")]
    pub keys: Vec<String>,
    /// Read the keys from this file: JSON Lines, a JSON array or text; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    pub jsonl: Option<PathBuf>,
    /// The consistency of the read; by default, as the store is configured
    #[arg(long)]
    pub consistency: Option<Consistency>,
}

/// `bulk-set`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct BulkSetArguments {
    /// Items to store, with the values unchanged
    #[arg(value_name = "KEY=VALUE", group = "what", value_parser = pair)]
    pub items: Vec<(String, String)>,
    /// Read the items from this file: JSON Lines or a JSON array; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    pub jsonl: Option<PathBuf>,
}

/// `bulk-delete`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct BulkDeleteArguments {
    /// The keys to delete
    #[arg(group = "what")]
    pub keys: Vec<String>,
    /// Read the keys from this file: JSON Lines, a JSON array or text; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    pub jsonl: Option<PathBuf>,
}

/// `transact`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct TransactArguments {
    /// Operations: `set:KEY=VALUE` or `delete:KEY`
    #[arg(value_name = "OPERATION", group = "what", value_parser = step)]
    pub operations: Vec<Step>,
    /// Read the operations from this file: JSON Lines or a JSON array; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    pub jsonl: Option<PathBuf>,
}

/// One operation of a transaction as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `set:KEY=VALUE`
    Set(String, String),
    /// `delete:KEY`
    Delete(String),
}

/// A call on an output binding.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum BindingCommand {
    /// Perform an operation and print its result
    Invoke(InvokeArguments),
    /// Print the names of the operations
    Operations,
    /// Check that the binding can be used now
    Ping,
}

/// `invoke`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("what"))]
pub struct InvokeArguments {
    /// The operation, such as `create`
    pub operation: String,
    /// The payload, empty by default; `-` reads standard input
    #[arg(value_name = "DATA", group = "what")]
    pub payload: Option<String>,
    /// Use the contents of this file as the payload
    #[arg(long = "data-file", value_name = "FILE", group = "what")]
    pub payload_file: Option<PathBuf>,
    /// A parameter of the operation; may be repeated
    #[arg(long = "parameter", short, value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
}

/// Parses `NAME=VALUE`. The name ends at the first equals sign.
pub fn pair(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("no `=` found: write NAME=VALUE".to_owned()),
    }
}

fn seconds(argument: &str) -> Result<i64, String> {
    argument
        .parse()
        .map_err(|_| "must be a whole number of seconds".to_owned())
}

fn step(argument: &str) -> Result<Step, String> {
    match argument.split_once(':') {
        Some(("set", item)) => pair(item).map(|(key, value)| Step::Set(key, value)),
        Some(("delete", key)) => Ok(Step::Delete(key.to_owned())),
        _ => Err("an operation must begin with set: or delete:".to_owned()),
    }
}
