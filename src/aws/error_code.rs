//! The meaning of AWS's error codes, in one table for DynamoDB and STS. For each code the
//! table has the error case of the WIT contract and the remedy that makes another attempt
//! worthwhile. It also says whether the request may have taken effect.
//!
//! Sources:
//!
//! - "Error handling with DynamoDB" in the Developer Guide, and "Common errors" in the API
//!   reference.
//! - Retries: `retries/classifiers.rs` of aws-runtime.
//! - Codes that a wrong signing time may cause: `service_clock_skew.rs` of aws-runtime.
//! - Expired credentials: `invalidation.rs` of smithy-rs.

use super::retry::RetryKind;
use crate::error::Error;

/// The HTTP status with which a proxy or gateway in front of DynamoDB throttles requests.
/// DynamoDB itself throttles with error codes and status 400. The SDK does not retry 429.
pub const TOO_MANY_REQUESTS: u16 = 429;

/// The HTTP status that refuses a request for its size.
pub const CONTENT_TOO_LARGE: u16 = 413;

/// HTTP statuses that mean a transient fault, regardless of the body.
const TRANSIENT_STATUSES: &[u16] = &[500, 502, 503, 504];

/// An error case of the WIT contract.
pub type Case = fn(String) -> Error;

/// The change that makes another attempt worthwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// No change helps, unless the HTTP status says otherwise.
    None,
    /// A wait.
    Wait(RetryKind),
    /// A signature with the current time, if the signing time was wrong.
    NewSignature,
    /// New credentials.
    NewCredentials,
}

/// The case, the remedy, and true if the request may have been applied. If there is no
/// case, the HTTP status decides. With a status of 500 or more, the request may always
/// have been applied.
type Meaning = (Option<Case>, Remedy, bool);

const THROTTLED: Meaning = refused(Error::Throttled, Remedy::Wait(RetryKind::Throttling));
const PASSING_FAULT: Meaning = refused(Error::Unavailable, Remedy::Wait(RetryKind::Transient));
const DENIED: Meaning = refused(Error::AccessDenied, Remedy::None);
const DENIED_FOR_ITS_TIME: Meaning = refused(Error::AccessDenied, Remedy::NewSignature);
const EXPIRED: Meaning = refused(Error::AccessDenied, Remedy::NewCredentials);
const TOO_LARGE: Meaning = refused(Error::TooLarge, Remedy::None);

const fn refused(case: Case, remedy: Remedy) -> Meaning {
    (Some(case), remedy, false)
}

const MEANINGS: &[(&str, Meaning)] = &[
    ("AccessDenied", DENIED),
    ("AccessDeniedException", DENIED_FOR_ITS_TIME),
    ("AuthFailure", (None, Remedy::NewSignature, false)),
    ("BandwidthLimitExceeded", THROTTLED),
    (
        "ConditionalCheckFailedException",
        refused(Error::EtagMismatch, Remedy::None),
    ),
    ("EC2ThrottledException", THROTTLED),
    ("ExpiredToken", EXPIRED),
    ("ExpiredTokenException", EXPIRED),
    ("IncompleteSignature", DENIED),
    ("IncompleteSignatureException", DENIED),
    ("InternalServerError", PASSING_FAULT),
    ("InvalidClientTokenId", DENIED),
    ("InvalidSignatureException", DENIED_FOR_ITS_TIME),
    ("ItemCollectionSizeLimitExceededException", TOO_LARGE),
    ("LimitExceededException", THROTTLED),
    ("MissingAuthenticationToken", DENIED),
    ("MissingAuthenticationTokenException", DENIED),
    ("NotAuthorized", DENIED),
    ("OptInRequired", DENIED),
    ("PriorRequestNotComplete", THROTTLED),
    ("ProvisionedThroughputExceededException", THROTTLED),
    // The SDK's model marks it as retryable.
    (
        "ReplicatedWriteConflictException",
        refused(Error::Conflict, Remedy::Wait(RetryKind::Transient)),
    ),
    ("RequestEntityTooLarge", TOO_LARGE),
    ("RequestExpired", DENIED),
    ("RequestLimitExceeded", THROTTLED),
    ("RequestThrottled", THROTTLED),
    ("RequestThrottledException", THROTTLED),
    ("RequestTimeTooSkewed", DENIED_FOR_ITS_TIME),
    ("RequestTimeout", PASSING_FAULT),
    ("RequestTimeoutException", PASSING_FAULT),
    (
        "ResourceNotFoundException",
        refused(Error::NotFound, Remedy::None),
    ),
    ("SignatureDoesNotMatch", DENIED_FOR_ITS_TIME),
    ("SlowDown", THROTTLED),
    ("ThrottledException", THROTTLED),
    ("Throttling", THROTTLED),
    ("ThrottlingException", THROTTLED),
    ("TooManyRequestsException", THROTTLED),
    // The SDK does not retry a conflict. This component does, because the conflict ends with
    // the other transaction.
    (
        "TransactionConflictException",
        refused(Error::Conflict, Remedy::Wait(RetryKind::Conflict)),
    ),
    // The transaction with this token is still in progress.
    (
        "TransactionInProgressException",
        (
            Some(Error::Unavailable),
            Remedy::Wait(RetryKind::Throttling),
            true,
        ),
    ),
    ("UnrecognizedClientException", DENIED),
    (
        "ValidationException",
        refused(Error::InvalidArgument, Remedy::None),
    ),
];

fn meaning(code: &str) -> Meaning {
    let known = MEANINGS.iter().find(|(known, _)| *known == code);
    known.map_or((None, Remedy::None, false), |(_, meaning)| *meaning)
}

/// Returns the change that makes another attempt worthwhile after an error with this code.
#[must_use]
pub fn remedy(code: &str) -> Remedy {
    meaning(code).1
}

/// Returns the kind of retry for an error response, or `None` if a wait cannot help.
#[must_use]
pub fn retry_kind(code: Option<&str>, status: u16) -> Option<RetryKind> {
    match code.map(remedy) {
        Some(Remedy::Wait(kind)) => Some(kind),
        // With any other code and status, the server refused the request itself.
        _ if TRANSIENT_STATUSES.contains(&status) => Some(RetryKind::Transient),
        _ if status == TOO_MANY_REQUESTS => Some(RetryKind::Throttling),
        _ => None,
    }
}

/// Returns the error case of the WIT contract for an error response.
#[must_use]
pub fn case(code: &str, status: u16) -> Case {
    let (case, ..) = meaning(code);
    case.unwrap_or(match retry_kind(None, status) {
        Some(RetryKind::Throttling) => Error::Throttled,
        Some(RetryKind::Transient) => Error::Unavailable,
        Some(RetryKind::Conflict) => Error::Conflict,
        None if status >= 500 => Error::Unavailable,
        None => Error::Other,
    })
}

/// Returns true if a request with this error response may have taken effect.
#[must_use]
pub fn may_have_been_applied(code: &str, status: u16) -> bool {
    status >= 500 || meaning(code).2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_and_faults_are_retried_but_not_refusals() {
        use RetryKind::{Conflict, Throttling, Transient};
        for (code, status, verdict) in [
            (
                Some("ProvisionedThroughputExceededException"),
                400,
                Some(Throttling),
            ),
            (Some("ThrottlingException"), 400, Some(Throttling)),
            (Some("RequestLimitExceeded"), 400, Some(Throttling)),
            (
                Some("TransactionInProgressException"),
                400,
                Some(Throttling),
            ),
            (Some("InternalServerError"), 500, Some(Transient)),
            (Some("TransactionConflictException"), 400, Some(Conflict)),
            (Some("ServiceUnavailable"), 503, Some(Transient)),
            (None, 502, Some(Transient)),
            (None, 429, Some(Throttling)),
            (Some("SomethingNew"), 429, Some(Throttling)),
            (Some("ValidationException"), 400, None),
            (Some("ConditionalCheckFailedException"), 400, None),
            (Some("AccessDeniedException"), 400, None),
            (None, 404, None),
        ] {
            assert_eq!(retry_kind(code, status), verdict, "{code:?} {status}");
        }
    }

    #[test]
    fn codes_are_unique_and_sorted() {
        assert!(MEANINGS.is_sorted_by(|(one, _), (next, _)| one < next));
    }
}
