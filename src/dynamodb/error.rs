//! The errors of an attempt and of an operation, and the error case and sentence that the
//! caller gets for them.
//!
//! The rule: if any attempt of a write may have been applied, the write fails as `timeout`
//! or `unavailable`. It never fails with a case that says that nothing was written.

use crate::aws::clock_skew;
use crate::aws::error_code::{self, CONTENT_TOO_LARGE, Case, Remedy, TOO_MANY_REQUESTS};
use crate::aws::retry::RetryKind;
use crate::error::Error;
use crate::http::TransportError;
use crate::text::{LONGEST_LINE, escaped, first_line};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
pub use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::interceptors::context::Error as ErasedError;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// Error codes for a request without a signature.
const UNSIGNED: &[&str] = &[
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

/// The error of one attempt.
#[derive(Debug)]
pub enum AttemptError {
    /// No complete response arrived.
    Transport(TransportError),
    /// DynamoDB responded with an error.
    Service(Box<ServiceError>),
    /// The response is not DynamoDB's.
    UnexpectedResponse {
        /// The status of the response.
        status: u16,
        /// A description of the fault.
        cause: String,
        /// The wait that the response asked for.
        retry_after: Option<Duration>,
    },
    /// The request could not be built, or there were no credentials to sign it.
    Unsent(Error),
}

/// An error response of DynamoDB.
#[derive(Debug)]
pub struct ServiceError {
    /// The error code, such as `ValidationException`.
    pub code: String,
    /// DynamoDB's own message. It may be empty.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// AWS's request id, which AWS support asks for.
    pub request_id: Option<String>,
    /// The server's time from the `date` header.
    pub date: Option<String>,
    /// The wait that the server asked for.
    pub retry_after: Option<Duration>,
    /// The error of the SDK, which holds the typed error of the operation.
    pub source: OrchestratorError<ErasedError>,
}

/// A failed operation, after all its attempts.
#[derive(Debug)]
pub struct OperationError {
    /// The name of the operation.
    pub operation: &'static str,
    /// The error of the last attempt.
    pub last: AttemptError,
    /// The number of attempts.
    pub attempts: u32,
    /// True if an attempt before the last one may have been applied.
    pub earlier_may_have_been_applied: bool,
    /// The deadline of the operation, in the time of the platform's `Clock::monotonic`.
    pub deadline: Duration,
}

impl AttemptError {
    /// Returns true if the attempt may have taken effect.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_been_applied(),
            Self::Service(error) => error_code::may_have_been_applied(&error.code, error.status),
            // A proxy that refuses a request for its size or for the load has not forwarded it.
            Self::UnexpectedResponse { status, .. } => {
                *status != TOO_MANY_REQUESTS && !self.refuses_the_size()
            }
            Self::Unsent(_) => false,
        }
    }

    /// Returns true if DynamoDB, or a proxy in front of it, refused the request for its size.
    ///
    /// "The server is refusing to process a request because the request content is larger
    /// than the server is willing or able to process" (RFC 9110, section 15.5.14).
    #[must_use]
    pub fn refuses_the_size(&self) -> bool {
        let status = match self {
            Self::Service(error) => error.status,
            Self::UnexpectedResponse { status, .. } => *status,
            Self::Transport(_) | Self::Unsent(_) => return false,
        };
        status == CONTENT_TOO_LARGE
    }

    /// Returns true if DynamoDB reports that the credentials have expired.
    #[must_use]
    pub fn says_that_credentials_have_expired(&self) -> bool {
        matches!(self, Self::Service(error)
            if error_code::remedy(&error.code) == Remedy::NewCredentials)
    }

    /// Returns true if a wrong signing time explains the error. Then DynamoDB did nothing,
    /// and the same request may succeed when it is signed with the current time.
    #[must_use]
    pub fn is_explained_by(&self, signed_at: SystemTime) -> bool {
        matches!(self, Self::Service(error)
            if clock_skew::explains(&error.code, error.date.as_deref(), signed_at))
    }

    /// Returns the kind of retry that may succeed after a wait, or `None` if a wait cannot
    /// help.
    #[must_use]
    pub fn retry_kind(&self) -> Option<RetryKind> {
        match self {
            Self::Transport(error) => error.is_transient().then_some(RetryKind::Transient),
            Self::UnexpectedResponse { status, .. } => error_code::retry_kind(None, *status),
            Self::Unsent(_) => None,
            Self::Service(error) => error_code::retry_kind(Some(&error.code), error.status)
                .or_else(|| cancellations(error.typed()?).next()?.retry),
        }
    }

    /// Returns the wait that the server asked for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Service(error) => error.retry_after,
            Self::UnexpectedResponse { retry_after, .. } => *retry_after,
            Self::Transport(_) | Self::Unsent(_) => None,
        }
    }

    /// Returns the error case of the WIT contract.
    fn case(&self) -> Case {
        match self {
            Self::Transport(TransportError::Timeout | TransportError::ConnectTimeout) => {
                Error::Timeout
            }
            Self::Transport(TransportError::Denied(_)) => Error::AccessDenied,
            Self::Transport(TransportError::Malformed(_)) => Error::Other,
            Self::Transport(_) => Error::Unavailable,
            Self::UnexpectedResponse { .. } | Self::Service(_) if self.refuses_the_size() => {
                Error::TooLarge
            }
            Self::UnexpectedResponse { status, .. } if *status == TOO_MANY_REQUESTS => {
                Error::Throttled
            }
            Self::UnexpectedResponse { .. } => Error::Unavailable,
            Self::Service(error)
                if error.code == "ValidationException"
                    && is_about_an_items_size(&error.message) =>
            {
                Error::TooLarge
            }
            Self::Service(error) => error_code::case(&error.code, error.status),
            Self::Unsent(error) => error.case(),
        }
    }
}

impl ServiceError {
    /// Returns the SDK's typed error of the operation.
    fn typed<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.source.as_operation_error()?.downcast_ref()
    }
}

impl OperationError {
    /// Returns the typed error of the operation, if DynamoDB responded with one.
    #[must_use]
    pub fn service_error<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        match &self.last {
            AttemptError::Service(error) => error.typed(),
            AttemptError::Transport(_)
            | AttemptError::UnexpectedResponse { .. }
            | AttemptError::Unsent(_) => None,
        }
    }

    /// Converts the failure of a read to the caller's error.
    #[must_use]
    pub fn of_read(self, table: &str, endpoint: &str) -> Error {
        self.into_error(table, endpoint, false)
    }

    /// Converts the failure of a write to the caller's error.
    #[must_use]
    pub fn of_write(self, table: &str, endpoint: &str) -> Error {
        self.into_error(table, endpoint, true)
    }

    fn into_error(self, table: &str, endpoint: &str, write: bool) -> Error {
        let mut sentence = format!("{} on table `{table}`: ", self.operation);
        let attempts = self.attempts;
        // Writing to a string cannot fail.
        let _ = match &self.last {
            AttemptError::Transport(error) => write!(sentence, "{error}; endpoint {endpoint}"),
            AttemptError::Service(error) => write_service_error(&mut sentence, error)
                .and_then(|()| write!(sentence, "; endpoint {endpoint}")),
            AttemptError::UnexpectedResponse { status, cause, .. }
                if *status == CONTENT_TOO_LARGE =>
            {
                write!(
                    sentence,
                    "the request exceeds the size limit of {endpoint} (HTTP {status}, {cause}): use smaller values, or raise the limit of the proxy in front of DynamoDB"
                )
            }
            AttemptError::UnexpectedResponse { status, cause, .. }
                if *status == TOO_MANY_REQUESTS =>
            {
                write!(
                    sentence,
                    "{endpoint} limits the request rate (HTTP {status}, {cause}; not a response of DynamoDB): send fewer requests, or raise the limit of the proxy or gateway in front of DynamoDB"
                )
            }
            AttemptError::UnexpectedResponse { status, cause, .. } => write!(
                sentence,
                "{endpoint} sent a response that is not DynamoDB's (HTTP {status}, {cause}): check `endpoint`"
            ),
            AttemptError::Unsent(error) => write!(sentence, "{}", error.sentence()),
        };
        if attempts > 1 {
            let _ = write!(sentence, "; after {attempts} attempts");
        }
        let error = self.last.case()(sentence);
        if write { self.as_write(error) } else { error }
    }

    /// Returns true if any attempt may have taken effect.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        self.last.may_have_been_applied() || self.earlier_may_have_been_applied
    }

    /// Converts `error` to the error of a write that failed with this failure. If any
    /// attempt may have been applied, the result says that the outcome is unknown.
    #[must_use]
    pub fn as_write(&self, error: Error) -> Error {
        if self.may_have_been_applied() {
            error.with_unknown_outcome()
        } else {
            error
        }
    }
}

/// Returns the error of an operation that sent no request.
#[cold]
#[inline(never)]
pub(super) fn unsent(operation: &'static str, cause: String) -> Box<OperationError> {
    operation_error(operation, AttemptError::Unsent(Error::Other(cause)), 0)
}

/// Returns the error of an operation that succeeded, but whose output has an unexpected type.
#[cold]
#[inline(never)]
pub(super) fn misread(operation: &'static str) -> Box<OperationError> {
    let problem = AttemptError::UnexpectedResponse {
        status: 200,
        cause: "the SDK returned an output of another type".to_owned(),
        retry_after: None,
    };
    operation_error(operation, problem, 1)
}

fn operation_error(
    operation: &'static str,
    last: AttemptError,
    attempts: u32,
) -> Box<OperationError> {
    Box::new(OperationError {
        operation,
        last,
        attempts,
        earlier_may_have_been_applied: false,
        deadline: Duration::ZERO,
    })
}

fn write_service_error(sentence: &mut String, error: &ServiceError) -> std::fmt::Result {
    let line = first_line(&error.message);
    if !line.is_empty() {
        write!(sentence, "{line} ")?;
    }
    sentence.push('(');
    sentence.push_str(&escaped(&error.code, LONGEST_LINE));
    write!(sentence, ", HTTP {}", error.status)?;
    if let Some(id) = &error.request_id {
        write!(sentence, ", request id {id}")?;
    }
    sentence.push(')');
    if UNSIGNED.contains(&error.code.as_str()) {
        sentence.push_str(
            "; if `signing` is `host`, the host must sign requests: enable signing in the host, or unset `signing`",
        );
    }
    if error.code == "ResourceNotFoundException" {
        sentence.push_str("; create the table, or check `table`, `region` and `endpoint`");
    }
    Ok(())
}

/// Returns true if DynamoDB refuses an item for its size. It has no error code for this,
/// only a message: "Item size has exceeded the maximum allowed size". For an update the
/// message is "Item size to update has exceeded the maximum allowed size".
pub(super) fn is_about_an_items_size(message: &str) -> bool {
    message.contains("Item size") && message.contains("has exceeded")
}

/// The known codes of cancellation reasons. Reasons that a retry cannot fix come before
/// reasons that may pass.
///
/// Source: TransactWriteItems in the DynamoDB API reference.
const CANCELLATION_CODES: &[(&str, Case, Option<RetryKind>)] = &[
    ("ConditionalCheckFailed", Error::EtagMismatch, None),
    ("ValidationError", Error::InvalidArgument, None),
    ("ItemCollectionSizeLimitExceeded", Error::TooLarge, None),
    (
        "TransactionConflict",
        Error::Conflict,
        Some(RetryKind::Conflict),
    ),
    (
        "ProvisionedThroughputExceeded",
        Error::Throttled,
        Some(RetryKind::Throttling),
    ),
    (
        "ThrottlingError",
        Error::Throttled,
        Some(RetryKind::Throttling),
    ),
];

/// A reason why DynamoDB cancelled a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Cancellation<'a> {
    /// The index of the operation that caused the cancellation.
    pub position: usize,
    /// DynamoDB's description of the reason.
    pub reason: &'a CancellationReason,
    /// The error case of the WIT contract.
    pub case: Case,
    /// The kind of retry that may succeed, or `None` if no retry can help.
    pub retry: Option<RetryKind>,
}

/// Returns the reasons why DynamoDB cancelled a transaction, the most important one first.
/// For each known code it returns the first operation with that code.
pub fn cancellations(error: &TransactWriteItemsError) -> impl Iterator<Item = Cancellation<'_>> {
    let reasons = cancellation_reasons(error);
    CANCELLATION_CODES.iter().filter_map(|(code, case, retry)| {
        let mut places = reasons.iter().enumerate();
        let (position, reason) = places.find(|(_, reason)| reason.code() == Some(code))?;
        // DynamoDB has no separate code for the size of an item.
        let is_size =
            *code == "ValidationError" && reason.message().is_some_and(is_about_an_items_size);
        Some(Cancellation {
            position,
            reason,
            case: if is_size { Error::TooLarge } else { *case },
            retry: *retry,
        })
    })
}

/// Returns the cancellation reasons, one for each operation of the transaction.
#[must_use]
pub fn cancellation_reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            canceled.cancellation_reasons()
        }
        // Other errors have no reasons.
        _ => &[],
    }
}

/// Returns true if DynamoDB cancelled an operation because its condition did not hold.
#[must_use]
pub fn is_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

#[cfg(test)]
mod tests;
