//! Waits and quotas of retries. They follow the SDK's Retry Behavior 2.1 with its values
//! for DynamoDB. Only the longest wait is shorter.
//!
//! If most calls fail, the quotas run out, so retries do not multiply the load on DynamoDB.
//! Transaction conflicts have their own quota. A conflict means that two callers want the
//! same item, and says nothing about the health of DynamoDB. So conflicts do not use up
//! the retries of other calls.
//!
//! Sources: `client/retries/strategy/standard.rs` and `client/retries/token_bucket.rs` of
//! aws-smithy-runtime, `config.rs` of aws-sdk-dynamodb.

use std::cell::Cell;
use std::time::Duration;

/// The default of the maximum number of attempts for one operation, including the first.
pub const MAX_ATTEMPTS: u32 = 4;

/// The first wait after a transient or server error, before jitter.
const TRANSIENT_BASE: Duration = Duration::from_millis(25);

/// The first wait after throttling, before jitter.
const THROTTLING_BASE: Duration = Duration::from_secs(1);

/// The longest wait, before jitter. The SDK has 20 s, which four attempts do not reach. But
/// with the SDK's values the last wait is up to 4 s, and callers wait for seconds although
/// the table has recovered.
///
/// `host-test bench retries`, a command up to commit 49d240e, measured the difference with
/// 64 tasks after 7.5 s in which everything was throttled. With 2 s, 90 % of the throughput
/// was back after 1.5 s instead of 2.5 s. In the throttled time the tasks made 98 requests
/// per second instead of 69 (640 before the throttling).
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The maximum time by which `x-amz-retry-after` may extend the wait before a retry.
const MAX_PUT_OFF: Duration = Duration::from_secs(5);

/// The cause of a retry. It decides the wait and the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryKind {
    /// DynamoDB throttles requests.
    Throttling,
    /// A transient fault of the network or the server.
    Transient,
    /// Another transaction holds the item.
    Conflict,
}

/// Returns the wait before retry number `retry` (1 is the first). `random` gives the
/// jitter. `retry_after` is the wait that the server asked for.
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

/// Returns a uniformly random share of `whole`, chosen by `random`.
#[must_use]
pub fn share(whole: Duration, random: u64) -> Duration {
    whole.mul_f64(unit_interval(random))
}

/// Converts random bits to a number in [0, 1).
fn unit_interval(random: u64) -> f64 {
    /// The number of significant bits of a double.
    const BITS: u32 = 53;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let mantissa = (random >> (u64::BITS - BITS)) as f64;
    mantissa / (1_u64 << BITS) as f64
}

/// The number of tokens in a full bucket.
pub const CAPACITY: u32 = 500;

/// The cost of a retry after a transient or server error, or a conflict.
pub const RETRY_COST: u32 = 14;

/// The cost of a retry after throttling.
pub const THROTTLING_RETRY_COST: u32 = 5;

/// The number of tokens that a call returns if it succeeds at its first attempt.
pub const SUCCESS_REWARD: u32 = 1;

/// The retry quotas of a client.
#[derive(Debug, Default)]
pub struct RetryQuotas {
    conflicts: TokenBucket,
    faults: TokenBucket,
}

/// The tokens that a call has taken for its latest retry, and the kind of that retry.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    kind: RetryKind,
    tokens: u32,
}

impl RetryQuotas {
    /// Takes the tokens of one retry. Returns `None` if too few are left.
    pub fn acquire(&self, kind: RetryKind) -> Option<Permit> {
        let tokens = match kind {
            RetryKind::Throttling => THROTTLING_RETRY_COST,
            RetryKind::Transient | RetryKind::Conflict => RETRY_COST,
        };
        self.bucket(kind)
            .take(tokens)
            .then_some(Permit { kind, tokens })
    }

    /// Returns tokens after a successful call: those of its last retry, or one to each
    /// bucket if the call needed no retry.
    pub fn succeeded(&self, last: Option<Permit>) {
        match last {
            Some(Permit { kind, tokens }) => self.bucket(kind).put_back(tokens),
            None => {
                self.conflicts.put_back(SUCCESS_REWARD);
                self.faults.put_back(SUCCESS_REWARD);
            }
        }
    }

    fn bucket(&self, kind: RetryKind) -> &TokenBucket {
        match kind {
            RetryKind::Conflict => &self.conflicts,
            RetryKind::Throttling | RetryKind::Transient => &self.faults,
        }
    }
}

/// A token bucket, which is one retry quota.
#[derive(Debug)]
struct TokenBucket(Cell<u32>);

impl Default for TokenBucket {
    fn default() -> Self {
        Self(Cell::new(CAPACITY))
    }
}

impl TokenBucket {
    fn take(&self, tokens: u32) -> bool {
        let left = self.0.get().checked_sub(tokens);
        left.inspect(|left| self.0.set(*left)).is_some()
    }

    fn put_back(&self, tokens: u32) {
        self.0
            .set(self.0.get().saturating_add(tokens).min(CAPACITY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = u64::MAX;

    fn millis(kind: RetryKind, retry: u32) -> u128 {
        (backoff(kind, retry, MOST, None) + Duration::from_micros(1)).as_millis()
    }

    #[test]
    fn waits_double_up_to_2_s() {
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
    fn full_jitter_allows_a_wait_of_zero() {
        assert_eq!(backoff(RetryKind::Throttling, 5, 0, None), Duration::ZERO);
        let half = backoff(RetryKind::Throttling, 1, 1 << 63, None);
        assert_eq!(half, Duration::from_millis(500));
    }

    #[test]
    fn retry_after_extends_the_wait_by_at_most_5_s() {
        let asked = |ms| Some(Duration::from_millis(ms));
        let wait = |ms| backoff(RetryKind::Throttling, 1, 1 << 63, asked(ms)).as_millis();
        assert_eq!([wait(100), wait(2_000), wait(60_000)], [500, 2_000, 5_500]);
    }

    /// Takes and counts the retries of this kind that are left.
    fn left(quotas: &RetryQuotas, kind: RetryKind) -> usize {
        std::iter::from_fn(|| quotas.acquire(kind)).count()
    }

    #[test]
    fn empty_bucket_stops_retries_until_calls_succeed() {
        let quotas = RetryQuotas::default();
        let retries = left(&quotas, RetryKind::Transient);
        assert_eq!(retries, 35, "500 tokens at 14 a retry");
        let throttled = left(&quotas, RetryKind::Throttling);
        assert_eq!(throttled, 2, "10 are left, at 5 a retry");
        for _ in 0..5 {
            quotas.succeeded(None);
        }
        assert_eq!(left(&quotas, RetryKind::Throttling), 1);
    }

    #[test]
    fn successful_retry_returns_tokens_up_to_capacity() {
        for kind in [
            RetryKind::Transient,
            RetryKind::Throttling,
            RetryKind::Conflict,
        ] {
            let quotas = RetryQuotas::default();
            let permit = quotas.acquire(kind);
            quotas.succeeded(permit);
            assert_eq!(quotas.bucket(kind).0.get(), CAPACITY);
            quotas.succeeded(None);
            assert_eq!(quotas.bucket(kind).0.get(), CAPACITY);
        }
    }

    #[test]
    fn conflicts_and_faults_have_separate_quotas() {
        let quotas = RetryQuotas::default();
        assert_eq!(left(&quotas, RetryKind::Conflict), 35);
        assert_eq!(left(&quotas, RetryKind::Transient), 35);
        for _ in 0..14 {
            quotas.succeeded(None);
        }
        assert_eq!(left(&quotas, RetryKind::Conflict), 1);
    }
}
