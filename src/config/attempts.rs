//! How often a request is tried, and how long it may take.

use super::{Fields, duration, refused};
use crate::aws::retry;
use crate::error::Error;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// All attempts of one request have to end while DynamoDB still knows the token
/// by which it tells a retry of a transaction: ten minutes.
///
/// Source: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference.
const LONGEST_OPERATION: Duration = Duration::from_secs(10 * 60);

/// Attempts for one request, the first one included.
pub(super) fn max_attempts(fields: &Fields<'_>) -> Result<u32, Error> {
    let Some(field) = fields.field(&["maxAttempts"], &["AWS_MAX_ATTEMPTS"]) else {
        return Ok(retry::MAX_ATTEMPTS);
    };
    match field.value.trim().parse() {
        Ok(attempts) if attempts > 0 => Ok(attempts),
        _ => Err(refused(&field, "give a whole number from 1 to 4294967295")),
    }
}

/// To open a connection.
pub(super) fn connect_timeout(fields: &Fields<'_>) -> Result<Duration, Error> {
    timeout(
        fields,
        "connectTimeout",
        "DYNAMODB_CONNECT_TIMEOUT",
        CONNECT_TIMEOUT,
    )
}

/// For one attempt. All of them together have to end in time.
pub(super) fn request_timeout(fields: &Fields<'_>, max_attempts: u32) -> Result<Duration, Error> {
    let timeout = timeout(
        fields,
        "requestTimeout",
        "DYNAMODB_REQUEST_TIMEOUT",
        REQUEST_TIMEOUT,
    )?;
    if timeout.saturating_mul(max_attempts) <= LONGEST_OPERATION {
        Ok(timeout)
    } else {
        Err(Error::InvalidConfiguration(format!(
            "`requestTimeout` ({timeout:?}) times `maxAttempts` ({max_attempts}) is more than {LONGEST_OPERATION:?}: give less of either"
        )))
    }
}

/// A duration above zero.
fn timeout(
    fields: &Fields<'_>,
    name: &'static str,
    variable: &'static str,
    default: Duration,
) -> Result<Duration, Error> {
    let Some(field) = fields.field(&[name], &[variable]) else {
        return Ok(default);
    };
    match duration::parse(&field.value) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(refused(
            &field,
            "give a duration above zero such as `500ms` or `10s`",
        )),
    }
}
