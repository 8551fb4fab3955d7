//! Proves that a table can be used, with one read of one key that nobody
//! writes: half a read capacity unit.

use super::Client;
use super::codec::GetItem;
use super::error::AttemptError;
use crate::error::Error;
use crate::http::Platform;
use crate::text::{first_line, quote};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::AttributeValue;

/// Prefix of the probe's key. The rest is random: a fleet of instances
/// that all read one key would make its partition hot.
const PROBE: &str = "dapr-dynamodb||probe||";

/// A warning about a table that passed the check; `None` if there is none.
pub type Warning = Option<String>;

/// The primary key that a table must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Its primary key is the configured partition key and nothing else.
    PartitionKey,
    /// Any primary key.
    AnyKey,
}

/// Reads the probe. A table passes also where DynamoDB throttles that: it has been
/// reached, by somebody whom it knows.
///
/// # Errors
///
/// `invalid-configuration` naming the field at fault, `not-found`,
/// `access-denied`, `timeout`, `unavailable` and what else a read can have.
pub async fn check<P: Platform>(
    client: &Client<P>,
    table: &str,
    partition_key: &str,
    needs: Needs,
) -> Result<Warning, Error> {
    let probe = format!("{PROBE}{:016x}", client.platform().random());
    let input = GetItemInput::builder()
        .table_name(table)
        .key(partition_key, AttributeValue::S(probe))
        .build()
        .map_err(Error::unbuilt)?;
    let Err(failure) = client.call_for_time::<GetItem>(input).await else {
        return Ok(None);
    };
    let code = match &failure.last {
        AttemptError::Service(error) if error.code == "ValidationException" => {
            return refused(&first_line(&error.message), table, partition_key, needs);
        }
        AttemptError::Service(error) => Some(error.code.clone()),
        _ => None,
    };
    let error = failure.of_read(table, client.endpoint_url());
    match warning(table, needs, code.as_deref(), &error) {
        Some(warning) => Ok(Some(warning)),
        None => Err(error),
    }
}

/// Returns the warning for a table that passes in spite of this error, for which
/// DynamoDB gave that code; `None` where it does not pass.
fn warning(table: &str, needs: Needs, code: Option<&str>, error: &Error) -> Warning {
    match (error, code?) {
        (Error::Throttled(sentence), _) => Some(format!(
            "table `{table}` can be reached, but is throttled now: {sentence}"
        )),
        // `create` writes: a role for it need not be allowed to read.
        (Error::AccessDenied(sentence), code)
            if needs == Needs::AnyKey && NOT_ALLOWED.contains(&code) =>
        {
            Some(format!(
                "table `{table}` was not checked: the role may not call `dynamodb:GetItem`, which `create` does not need ({sentence})"
            ))
        }
        _ => None,
    }
}

/// Error codes for known credentials whose policies do not allow the operation.
///
/// Source: "Common errors" in the DynamoDB API reference.
const NOT_ALLOWED: &[&str] = &["AccessDenied", "AccessDeniedException", "NotAuthorized"];

/// The outcome where DynamoDB takes the probe for no valid request, in its `words`.
///
/// DynamoDB has one code for all, and tells them apart in its sentence: "Invalid
/// table/index name", "The provided key element does not match the schema". The
/// second one it says of another name or type as well as of a sort key, and so does
/// the embedded engine. DynamoDB Local says of a sort key "The number of conditions on
/// the keys is invalid", as DynamoDB itself has been seen to do
/// (<https://github.com/awsdocs/aws-javascript-developer-guide-v2/pull/32>): the probe
/// has one key attribute, so the table has two.
fn refused(words: &str, table: &str, partition_key: &str, needs: Needs) -> Result<Warning, Error> {
    let lower = words.to_ascii_lowercase();
    let names = ["tablename", "table name", "table/index name"];
    Err(Error::InvalidConfiguration(
        if names.iter().any(|name| lower.contains(name)) {
            format!(
                "`table` is {}, which no DynamoDB table is called: give a name of 3 to 255 letters, digits, `_`, `-` and `.`",
                quote(table)
            )
        } else if !lower.contains("key") {
            format!("DynamoDB refuses a read of table `{table}`: {words}")
        } else if needs == Needs::AnyKey {
            return Ok(None);
        } else if lower.contains("number of conditions on the keys") {
            format!(
                "`table` is {}, which has a sort key ({words}): use another table, for the state store needs one without a sort key",
                quote(table)
            )
        } else {
            format!(
                "`partitionKey` is {}, but that, as a string, is not the whole primary key of table `{table}` ({words}): name the table's own partition key; if the table has a sort key as well, use another table, for the state store needs one without a sort key",
                quote(partition_key)
            )
        },
    ))
}

#[cfg(test)]
mod tests;
