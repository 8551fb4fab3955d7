//! The meaning of AWS's error codes: the case of the contract, what makes another attempt
//! worth it, and whether the request may have taken effect. One table, for DynamoDB and
//! for STS.
//!
//! Sources: "Error handling with DynamoDB" in the Developer Guide, "Common errors" in the
//! API reference; for retries `retries/classifiers.rs` of aws-runtime; for codes behind
//! which a wrong time of signing may stand `service_clock_skew.rs` of aws-runtime; for
//! expired credentials `invalidation.rs` of smithy-rs.

use super::retry::RetryKind;
use crate::error::Error;

/// The status by which a proxy or gateway before DynamoDB refuses for load. The SDK
/// does not try it again; DynamoDB itself sends its codes with 400.
pub const TOO_MANY_REQUESTS: u16 = 429;

/// The status that refuses a request for its size.
pub const CONTENT_TOO_LARGE: u16 = 413;

/// Statuses that mean a passing fault whatever the body says.
const TRANSIENT_STATUSES: &[u16] = &[500, 502, 503, 504];

/// A case of the contract.
pub type Case = fn(String) -> Error;

/// The change that makes another attempt worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing, unless the status says otherwise.
    None,
    /// A wait.
    Wait(RetryKind),
    /// A signature of the present time, where the time of signing was wrong.
    NewSignature,
    /// Other credentials.
    NewCredentials,
}

/// The case, the remedy, and whether the request may have been applied. Without a case,
/// the status decides. An answer with a status of 500 or more may always have been
/// applied.
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
    // The SDK models it as worth a retry.
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
    // That a conflict is worth a retry is not the SDK's rule but ours: it passes when the
    // other transaction ends.
    (
        "TransactionConflictException",
        refused(Error::Conflict, Remedy::Wait(RetryKind::Conflict)),
    ),
    // The transaction of that token is under way.
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

/// The change that makes another attempt worth it after an error of that code.
#[must_use]
pub fn remedy(code: &str) -> Remedy {
    meaning(code).1
}

/// Classifies an error answer for a retry after a wait. `None`: waiting cannot help.
#[must_use]
pub fn retry_kind(code: Option<&str>, status: u16) -> Option<RetryKind> {
    match code.map(remedy) {
        Some(Remedy::Wait(kind)) => Some(kind),
        // Any other code and status: the request itself is refused.
        _ if TRANSIENT_STATUSES.contains(&status) => Some(RetryKind::Transient),
        _ if status == TOO_MANY_REQUESTS => Some(RetryKind::Throttling),
        _ => None,
    }
}

/// The case of the contract for an error answer.
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

/// Returns true if a request that met this answer may have taken effect.
#[must_use]
pub fn may_have_been_applied(code: &str, status: u16) -> bool {
    status >= 500 || meaning(code).2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_and_server_faults_are_retried_refusals_are_not() {
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
    fn each_code_stands_once_and_in_order() {
        assert!(MEANINGS.is_sorted_by(|(one, _), (next, _)| one < next));
    }
}
