//! Serves the embedded DynamoDB to hosts in other processes. The first line on standard output is
//! its endpoint. It is printed once the tables exist and the server accepts requests.

use super::serving::Serving;
use super::session::{DEFAULT_PARTITION_KEY, DEFAULT_TABLE, DEFAULT_TTL_ATTRIBUTE_NAME};
use super::{Status, Surroundings};
use crate::command_line::Failure;
use crate::embedded::{Embedded, Storage};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use std::io;
use std::path::PathBuf;

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// A table to serve; created if absent; may be repeated
    #[arg(long = "table", value_name = "NAME", default_value = DEFAULT_TABLE, value_parser = NonEmptyStringValueParser::new())]
    tables: Vec<String>,
    /// The partition key of the tables, a string
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PARTITION_KEY, value_parser = NonEmptyStringValueParser::new())]
    partition_key: String,
    /// The attribute that holds the expiry time of an item
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TTL_ATTRIBUTE_NAME, value_parser = NonEmptyStringValueParser::new())]
    ttl_attribute_name: String,
    /// Store the tables in this folder; by default they are in memory and lost at exit
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The port and the time limit.
    #[command(flatten)]
    pub serving: Serving,
}

pub(super) async fn run(
    arguments: &ServeArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let embedded = match arguments.start(arguments.serving.port).await {
        Ok(embedded) => embedded,
        Err(failure) => {
            writeln!(surroundings.stderr, "error: {failure}")?;
            return Ok(Status::Failure);
        }
    };
    arguments
        .serving
        .serve(embedded.endpoint(), surroundings)
        .await
}

impl ServeArguments {
    /// Starts the embedded DynamoDB on this port, with all tables.
    pub async fn start(&self, port: u16) -> Result<Embedded, Failure> {
        let storage = Storage::of(self.data.as_deref());
        let embedded = Embedded::start_on_port(storage, port).await?;
        for table in &self.tables {
            let key = &self.partition_key;
            embedded.create_table_if_absent(table, key).await?;
            let name = &self.ttl_attribute_name;
            embedded.enable_ttl(table, name).await.map_err(|error| {
                let sentence = "if the table exists from an earlier run, use its attribute";
                Failure::here(format!(
                    "--ttl-attribute-name {name}, table {table}: {error}; {sentence}"
                ))
            })?;
        }
        Ok(embedded)
    }

    /// Returns the first table.
    pub fn table(&self) -> &str {
        self.tables.first().map_or(DEFAULT_TABLE, String::as_str)
    }
}
