//! The case of the contract for each thing that can go wrong with an operation.

use super::failure::{Problem, ServiceError};
use super::message::TransportError;
use super::retry::{self, RetryKind, TOO_MANY_REQUESTS};
use crate::error::Error;

/// The case of the contract for a problem.
pub(super) fn case(problem: &Problem) -> fn(String) -> Error {
    match problem {
        Problem::Transport(TransportError::Timeout | TransportError::ConnectTimeout) => {
            Error::Timeout
        }
        Problem::Transport(TransportError::Denied(_)) => Error::AccessDenied,
        Problem::Transport(TransportError::Malformed(_)) => Error::Other,
        problem if problem.says_that_the_request_is_too_large() => Error::TooLarge,
        Problem::Foreign { status, .. } if *status == TOO_MANY_REQUESTS => Error::Throttled,
        Problem::Transport(_) | Problem::Foreign { .. } => Error::Unavailable,
        Problem::Service(error) => service_case(error),
        Problem::Unsent(error) => error.case(),
    }
}

/// The case for an error answer. Source of the codes: "Error handling with
/// DynamoDB" in the Developer Guide and "Common errors" in the API reference.
fn service_case(error: &ServiceError) -> fn(String) -> Error {
    match error.code.as_str() {
        "ConditionalCheckFailedException" => Error::EtagMismatch,
        "ResourceNotFoundException" => Error::NotFound,
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Error::AccessDenied,
        "ReplicatedWriteConflictException" => Error::Conflict,
        "TransactionInProgressException" => Error::Unavailable,
        "ItemCollectionSizeLimitExceededException" | "RequestEntityTooLarge" => Error::TooLarge,
        "ValidationException" if is_about_an_items_size(&error.message) => Error::TooLarge,
        "ValidationException" => Error::InvalidArgument,
        code => match retry::classify(Some(code), error.status) {
            Some(RetryKind::Throttling) => Error::Throttled,
            Some(RetryKind::Transient) => Error::Unavailable,
            Some(RetryKind::Conflict) => Error::Conflict,
            None if error.status >= 500 => Error::Unavailable,
            None => Error::Other,
        },
    }
}

/// Returns true if DynamoDB refuses an item for its size. It has no code for that, only a
/// sentence: "Item size has exceeded the maximum allowed size", or, where it was to
/// update an item, "Item size to update has exceeded the maximum allowed size".
pub(super) fn is_about_an_items_size(message: &str) -> bool {
    message.contains("Item size") && message.contains("has exceeded")
}
