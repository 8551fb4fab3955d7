//! A check that proves that a table can be used. It reads one key that nobody writes, which
//! costs half a read capacity unit.

use super::Client;
use super::codec::GetItem;
use super::error::AttemptError;
use crate::error::Error;
use crate::http::Platform;
use crate::text::{first_line, quote};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::AttributeValue;

/// The prefix of the probe's key. The rest is random, because many instances that read the
/// same key would make its partition hot.
const PROBE: &str = "dapr-dynamodb||probe||";

/// A warning about a table that passed the check, or `None`.
pub type Warning = Option<String>;

/// The primary key that a table must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The primary key is the configured partition key alone.
    PartitionKey,
    /// Any primary key.
    AnyKey,
}

/// Checks a table by reading the probe. A table also passes if DynamoDB throttles the read:
/// then DynamoDB was reached, and it knows the credentials.
///
/// # Errors
///
/// `invalid-configuration` naming the field at fault, `not-found`, `access-denied`,
/// `timeout`, `unavailable`, and all other errors of a read.
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

/// Returns the warning for a table that passes in spite of `error`, which has DynamoDB's
/// error code `code`. Returns `None` if the table does not pass.
fn warning(table: &str, needs: Needs, code: Option<&str>, error: &Error) -> Warning {
    match (error, code?) {
        (Error::Throttled(sentence), _) => Some(format!(
            "table `{table}` is reachable, but throttled now: {sentence}"
        )),
        // `create` only writes, so its role needs no permission to read.
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

/// Error codes for valid credentials whose policies do not allow the operation.
///
/// Source: "Common errors" in the DynamoDB API reference.
const NOT_ALLOWED: &[&str] = &["AccessDenied", "AccessDeniedException", "NotAuthorized"];

/// Returns the outcome for a probe that DynamoDB rejects as invalid, with the message
/// `words`.
///
/// DynamoDB has one code for all causes, and names the cause in its message:
///
/// - "Invalid table/index name" is about the name of the table.
/// - "The provided key element does not match the schema" is about another name or type of
///   the key, or about a sort key. The embedded engine also uses this message for all three.
/// - "The number of conditions on the keys is invalid" is about a sort key: the probe has
///   one key attribute, so the table has two. DynamoDB Local uses this message, and
///   DynamoDB itself has been seen to use it
///   (<https://github.com/awsdocs/aws-javascript-developer-guide-v2/pull/32>).
fn refused(words: &str, table: &str, partition_key: &str, needs: Needs) -> Result<Warning, Error> {
    let lower = words.to_ascii_lowercase();
    let names = ["tablename", "table name", "table/index name"];
    Err(Error::InvalidConfiguration(
        if names.iter().any(|name| lower.contains(name)) {
            format!(
                "invalid `table` {}: not a valid DynamoDB table name; use 3 to 255 letters, digits, `_`, `-` and `.`",
                quote(table)
            )
        } else if !lower.contains("key") {
            format!("DynamoDB rejects a read of table `{table}`: {words}")
        } else if needs == Needs::AnyKey {
            return Ok(None);
        } else if lower.contains("number of conditions on the keys") {
            format!(
                "invalid `table` {}: the table has a sort key ({words}); the state store needs a table without a sort key",
                quote(table)
            )
        } else {
            format!(
                "invalid `partitionKey` {}: the primary key of table `{table}` is not a string attribute of that name alone ({words}); set `partitionKey` to the table's partition key; if the table has a sort key, use a table without a sort key",
                quote(partition_key)
            )
        },
    ))
}

#[cfg(test)]
mod tests;
