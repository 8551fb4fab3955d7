//! The code that the clients of DynamoDB and STS share:
//!
//! - `endpoint`: the endpoint of a service.
//! - `sign`: signatures of requests.
//! - `clock_skew`: correction of the signing time.
//! - `error_code`: the meaning of error codes.
//! - `retry`: waits and quotas of retries.

pub mod clock_skew;
pub mod endpoint;
pub mod error_code;
pub mod retry;
pub mod sign;

use crate::error::Error;
use crate::fields::{Fields, duration};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of all attempts of one request: ten minutes. For this time DynamoDB
/// remembers the token by which it recognizes the retry of a transaction.
///
/// Source: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference.
const LONGEST_OPERATION: Duration = Duration::from_secs(10 * 60);

/// The timeouts and the maximum number of attempts of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time limit to open a connection.
    pub connect_timeout: Duration,
    /// The time limit of one attempt, from sending to the last byte of the response.
    pub request_timeout: Duration,
    /// The maximum number of attempts for one operation, including the first.
    pub max_attempts: u32,
}

impl Limits {
    /// Reads the limits from the configuration.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>) -> Result<Self, Error> {
        let max_attempts = max_attempts(fields)?;
        Ok(Self {
            connect_timeout: timeout(
                fields,
                "connectTimeout",
                "DYNAMODB_CONNECT_TIMEOUT",
                CONNECT_TIMEOUT,
            )?,
            request_timeout: request_timeout(fields, max_attempts)?,
            max_attempts,
        })
    }

    /// Returns the time limit of one operation, with all its attempts and the waits between
    /// them.
    #[must_use]
    pub fn operation_timeout(self) -> Duration {
        self.request_timeout.saturating_mul(self.max_attempts)
    }
}

/// Reads the maximum number of attempts for one operation, including the first.
fn max_attempts(fields: &Fields<'_>) -> Result<u32, Error> {
    let Some(field) = fields.field(&["maxAttempts"], &["AWS_MAX_ATTEMPTS"]) else {
        return Ok(retry::MAX_ATTEMPTS);
    };
    match field.value.trim().parse() {
        Ok(attempts) if attempts > 0 => Ok(attempts),
        _ => Err(field.refused("must be a whole number from 1 to 4294967295")),
    }
}

/// Reads the time limit of one attempt. All attempts together must stay within
/// [`LONGEST_OPERATION`].
fn request_timeout(fields: &Fields<'_>, max_attempts: u32) -> Result<Duration, Error> {
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
            "`requestTimeout` ({timeout:?}) times `maxAttempts` ({max_attempts}) exceeds {LONGEST_OPERATION:?}: reduce one of them"
        )))
    }
}

/// Reads a duration above zero.
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
        _ => Err(field.refused("must be a duration above zero, such as `500ms` or `10s`")),
    }
}
