//! The embedded DynamoDB as a command, for hosts that are other processes. The first line on standard
//! output is its endpoint; when that is there, so are the tables and the files, and it takes requests.

use std::{io, path::PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    Status, Surroundings,
    lending::Lending,
    serving::{Interruption, Serving},
    session::{DEFAULT_PARTITION_KEY, DEFAULT_TABLE, DEFAULT_TTL_ATTRIBUTE_NAME},
};
use crate::{
    command_line::Failure,
    embedded::{Embedded, Storage},
};

/// `serve`
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// A table to have; created if absent; may be repeated
    #[arg(long = "table", value_name = "NAME", default_value = DEFAULT_TABLE, value_parser = NonEmptyStringValueParser::new())]
    tables: Vec<String>,
    /// The partition key of the tables, a string
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PARTITION_KEY, value_parser = NonEmptyStringValueParser::new())]
    partition_key: String,
    /// The attribute by which items expire
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TTL_ATTRIBUTE_NAME, value_parser = NonEmptyStringValueParser::new())]
    ttl_attribute_name: String,
    /// Keep the tables in this folder; without it, they are in memory and gone afterwards
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take requests of known access keys alone, and stand in for all that gives AWS credentials out:
    /// shared files, STS, a container's agent, instance metadata. Each is described in DIR by a file to be
    /// read by a shell, such as `. DIR/web-identity.sh`, which names the first table
    #[arg(long, value_name = "DIR")]
    credentials: Option<PathBuf>,
    #[command(flatten)]
    serving: Serving,
}

pub(super) async fn run(
    arguments: &ServeArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let (embedded, lending) = match start(arguments).await {
        Ok(started) => started,
        Err(failure) => {
            writeln!(surroundings.stderr, "error: {failure}")?;
            return Ok(Status::Failure);
        }
    };
    let interruption = Interruption::listen();
    let endpoint = lending
        .as_ref()
        .map_or(embedded.endpoint(), Lending::endpoint);
    writeln!(surroundings.stdout, "{endpoint}")?;
    surroundings.stdout.flush()?;
    arguments.serving.over(interruption).await;
    Ok(Status::Success)
}

async fn start(arguments: &ServeArguments) -> Result<(Embedded, Option<Lending>), Failure> {
    let storage = Storage::of(arguments.data.as_deref());
    // The port is for what takes the requests.
    let port = match arguments.credentials {
        Some(_) => 0,
        None => arguments.serving.port,
    };
    let embedded = Embedded::start_on_port(storage, port)
        .await
        .map_err(Failure::here)?;
    for table in &arguments.tables {
        embedded
            .create_table_if_absent(table, &arguments.partition_key)
            .await
            .map_err(Failure::here)?;
        embedded
            .enable_ttl(table, &arguments.ttl_attribute_name)
            .await
            .map_err(|error| {
                let name = &arguments.ttl_attribute_name;
                let sentence = "of the table of an earlier run, name the same attribute";
                Failure::here(format!(
                    "--ttl-attribute-name {name}, table {table}: {error}; {sentence}"
                ))
            })?;
    }
    let lending = match &arguments.credentials {
        Some(folder) => {
            let table = arguments
                .tables
                .first()
                .map_or(DEFAULT_TABLE, String::as_str);
            let port = arguments.serving.port;
            let lending = Lending::start(folder, embedded.endpoint(), port, table);
            Some(lending.map_err(Failure::here)?)
        }
        None => None,
    };
    Ok((embedded, lending))
}
