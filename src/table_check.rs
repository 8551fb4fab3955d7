//! Proves that a table can be used, with one read of one key that nobody
//! writes: half a read capacity unit.

use crate::aws::Client;
use crate::aws::failure::{Failure, Problem};
use crate::aws::operation::GetItem;
use crate::config::Table;
use crate::error::Error;
use crate::platform::Platform;
use crate::state::item::key_attributes;
use crate::state::key::quote;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;

/// The key that is read.
const PROBE: &str = "dapr-dynamodb||probe";

/// What a table must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Its primary key is the configured partition key and nothing else.
    PartitionKey,
    /// Any primary key.
    AnyKey,
}

/// Reads the probe.
///
/// # Errors
///
/// `invalid-configuration` naming the field at fault, `not-found`,
/// `access-denied`, `timeout`, `unavailable` and what else a read can have.
pub async fn check<P: Platform>(
    client: &Client<P>,
    table: &Table,
    needs: Needs,
) -> Result<(), Error> {
    let input = GetItemInput::builder()
        .table_name(&table.name)
        .set_key(Some(key_attributes(table, PROBE.to_owned())))
        .build()
        .map_err(Error::unbuilt)?;
    match client.call_for_time::<GetItem>(input).await {
        Ok(_) => Ok(()),
        Err(failure) => match (refusal(client, &failure), needs) {
            (Some(Refusal::Key(_)), Needs::AnyKey) => Ok(()),
            (Some(Refusal::Key(words)), Needs::PartitionKey) => {
                Err(Error::InvalidConfiguration(format!(
                    "`partitionKey` is {}, but that, as a string, is not the primary key of table `{}` ({words}): name the table's own, or create the table with this one alone",
                    quote(&table.partition_key),
                    table.name
                )))
            }
            (Some(Refusal::TableName), _) => Err(Error::InvalidConfiguration(format!(
                "`table` is {}, which no DynamoDB table is called: give a name of 3 to 255 letters, digits, `_`, `-` and `.`",
                quote(&table.name)
            ))),
            (Some(Refusal::Other(words)), _) => Err(Error::InvalidConfiguration(format!(
                "DynamoDB refuses a read of table `{}`: {words}",
                table.name
            ))),
            (None, _) => Err(failure.of_read(&table.name, client.endpoint_url())),
        },
    }
}

/// Why DynamoDB takes the probe for no valid request, in its words.
enum Refusal {
    Key(String),
    TableName,
    Other(String),
}

/// DynamoDB has one code for all, and tells them apart in its sentence: "The
/// provided key element does not match the schema", "The number of conditions
/// on the keys is invalid", "Invalid table/index name".
fn refusal<P: Platform>(client: &Client<P>, failure: &Failure) -> Option<Refusal> {
    let words = match &failure.problem {
        Problem::Service(error) if error.code == "ValidationException" => {
            client.quoted(&error.message)
        }
        _ => return None,
    };
    let lower = words.to_ascii_lowercase();
    let names = ["tablename", "table name", "table/index name"];
    Some(if names.iter().any(|name| lower.contains(name)) {
        Refusal::TableName
    } else if lower.contains("key") {
        Refusal::Key(words)
    } else {
        Refusal::Other(words)
    })
}

#[cfg(test)]
mod tests;
