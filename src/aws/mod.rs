//! The parts that DynamoDB's and STS's clients share: where a service is (`endpoint`), how
//! a request is signed (`sign`) and at which time (`clock_skew`), what an error code
//! means (`error_code`), and how long and how often a request is tried (`retry`).

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

/// All attempts of one request have to end while DynamoDB still knows the token
/// by which it tells a retry of a transaction: ten minutes.
///
/// Source: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference.
const LONGEST_OPERATION: Duration = Duration::from_secs(10 * 60);

/// How long and how often a client may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To open a connection.
    pub connect_timeout: Duration,
    /// For one attempt, from sending to the last byte of the answer.
    pub request_timeout: Duration,
    /// Attempts for one operation, the first one included.
    pub max_attempts: u32,
}

impl Limits {
    /// The limits that the configuration gives.
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

    /// Longest time that one operation may take with all its attempts and the
    /// waits between them.
    #[must_use]
    pub fn operation_timeout(self) -> Duration {
        self.request_timeout.saturating_mul(self.max_attempts)
    }
}

/// Attempts for one request, the first one included.
fn max_attempts(fields: &Fields<'_>) -> Result<u32, Error> {
    let Some(field) = fields.field(&["maxAttempts"], &["AWS_MAX_ATTEMPTS"]) else {
        return Ok(retry::MAX_ATTEMPTS);
    };
    match field.value.trim().parse() {
        Ok(attempts) if attempts > 0 => Ok(attempts),
        _ => Err(field.refused("give a whole number from 1 to 4294967295")),
    }
}

/// For one attempt. All of them together have to end in time.
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
        _ => Err(field.refused("give a duration above zero such as `500ms` or `10s`")),
    }
}
