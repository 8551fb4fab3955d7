//! Which failures are tried again, and after what wait: the SDK's Retry
//! Behavior 2.1 with the values that it sets for DynamoDB, but for the longest
//! wait.
//!
//! Sources: `client/retries/strategy/standard.rs` of aws-smithy-runtime,
//! `retries/classifiers.rs` of aws-runtime, `config.rs` of aws-sdk-dynamodb.

use std::time::Duration;

/// Attempts for one operation, the first one included.
pub const MAX_ATTEMPTS: u32 = 4;

/// First wait after a transient or server error, before jitter.
const TRANSIENT_BASE: Duration = Duration::from_millis(25);

/// First wait after throttling, before jitter.
const THROTTLING_BASE: Duration = Duration::from_secs(1);

/// Longest wait, before jitter. The SDK has 20 s, which four attempts do not
/// reach: but their last wait, of up to 4 s, keeps callers away for seconds from
/// a table that is well again. `host-test bench retries` measured, of 64 tasks
/// after 7.5 s in which everything was throttled, 90 % of the throughput back
/// after 1.5 s in place of 2.5 s, for 98 requests a second in place of 69 in
/// that time (640 before it).
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// How far `x-amz-retry-after` may put off a retry beyond its own wait.
const MAX_PUT_OFF: Duration = Duration::from_secs(5);

/// Error codes that mean: too much at once.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Error codes that mean: a passing fault. `ReplicatedWriteConflictException` is
/// one that the SDK models as worth a retry.
const TRANSIENT: &[&str] = &[
    "InternalServerError",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// The error code that means: a transaction holds the item. That it is worth a
/// retry is not the SDK's rule but ours: a conflict passes when the other
/// transaction ends.
const CONFLICT: &str = "TransactionConflictException";

/// Statuses that mean a passing fault whatever the body says.
const TRANSIENT_STATUSES: &[u16] = &[500, 502, 503, 504];

/// The status by which a proxy or gateway before DynamoDB refuses for load. The SDK
/// does not try it again; DynamoDB itself sends its codes with 400.
pub const TOO_MANY_REQUESTS: u16 = 429;

/// Why a retry is worth it, which decides its wait and its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryKind {
    /// DynamoDB refuses for load.
    Throttling,
    /// A fault of the network or the server that may pass.
    Transient,
    /// Another transaction holds the item.
    Conflict,
}

/// Classifies an error answer of DynamoDB. `None`: trying again cannot help.
#[must_use]
pub fn classify(code: Option<&str>, status: u16) -> Option<RetryKind> {
    match code {
        Some(code) if THROTTLING.contains(&code) => Some(RetryKind::Throttling),
        Some(code) if TRANSIENT.contains(&code) => Some(RetryKind::Transient),
        Some(CONFLICT) => Some(RetryKind::Conflict),
        _ if TRANSIENT_STATUSES.contains(&status) => Some(RetryKind::Transient),
        _ if status == TOO_MANY_REQUESTS => Some(RetryKind::Throttling),
        // Any other code and status: the request itself is refused.
        _ => None,
    }
}

/// How long to wait before retry number `retry` (1 is the first). `random`
/// gives the jitter; `retry_after` is what the server asked for.
#[must_use]
pub fn backoff(
    kind: RetryKind,
    retry: u32,
    random: u64,
    retry_after: Option<Duration>,
) -> Duration {
    let base = match kind {
        RetryKind::Throttling => THROTTLING_BASE,
        RetryKind::Transient | RetryKind::Conflict => TRANSIENT_BASE,
    };
    let factor = 2_u32.saturating_pow(retry.saturating_sub(1));
    let full = base.saturating_mul(factor).min(MAX_BACKOFF);
    let jittered = share(full, random);
    match retry_after {
        Some(asked) => asked.clamp(jittered, jittered + MAX_PUT_OFF),
        None => jittered,
    }
}

/// A share of `whole` that `random` draws, all of them alike.
#[must_use]
pub fn share(whole: Duration, random: u64) -> Duration {
    whole.mul_f64(unit_interval(random))
}

/// Random bits as a number in [0, 1).
fn unit_interval(random: u64) -> f64 {
    /// The significant bits of a double.
    const BITS: u32 = 53;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let mantissa = (random >> (u64::BITS - BITS)) as f64;
    mantissa / (1_u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = u64::MAX;

    fn millis(kind: RetryKind, retry: u32) -> u128 {
        (backoff(kind, retry, MOST, None) + Duration::from_micros(1)).as_millis()
    }

    #[test]
    fn waits_double_from_25_ms_and_from_1_s_when_throttled_up_to_2_s() {
        assert_eq!(
            [1, 2, 3].map(|n| millis(RetryKind::Transient, n)),
            [25, 50, 100]
        );
        assert_eq!(
            [1, 2, 3, 9, u32::MAX].map(|n| millis(RetryKind::Throttling, n)),
            [1_000, 2_000, 2_000, 2_000, 2_000]
        );
    }

    #[test]
    fn jitter_is_full_so_the_shortest_wait_is_none() {
        assert_eq!(backoff(RetryKind::Throttling, 5, 0, None), Duration::ZERO);
        let half = backoff(RetryKind::Throttling, 1, 1 << 63, None);
        assert_eq!(half, Duration::from_millis(500));
    }

    #[test]
    fn the_servers_wish_is_honoured_between_the_own_wait_and_5_s_more() {
        let asked = |ms| Some(Duration::from_millis(ms));
        let wait = |ms| backoff(RetryKind::Throttling, 1, 1 << 63, asked(ms)).as_millis();
        assert_eq!([wait(100), wait(2_000), wait(60_000)], [500, 2_000, 5_500]);
    }

    #[test]
    fn throttling_and_server_faults_are_tried_again_and_refusals_are_not() {
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
            assert_eq!(classify(code, status), verdict, "{code:?} {status}");
        }
    }
}
