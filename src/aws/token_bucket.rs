//! The retry quotas of an instance. While most calls fail, retries run out and the
//! load that DynamoDB sees does not multiply. Conflicts between transactions have a
//! quota of their own: they say that two callers want one item, and nothing of
//! whether DynamoDB is well, so they leave other calls their retries.
//!
//! Source of the figures: `client/retries/token_bucket.rs` of
//! aws-smithy-runtime, Retry Behavior 2.1.

use super::retry::RetryKind;
use std::cell::Cell;

/// Tokens of a full bucket.
pub const CAPACITY: u32 = 500;

/// Cost of a retry after a transient or server error, or a conflict.
pub const RETRY_COST: u32 = 14;

/// Cost of a retry after throttling.
pub const THROTTLING_RETRY_COST: u32 = 5;

/// What a call that succeeds at its first attempt gives back.
pub const SUCCESS_REWARD: u32 = 1;

/// The quotas.
#[derive(Debug, Default)]
pub struct RetryQuotas {
    conflicts: TokenBucket,
    faults: TokenBucket,
}

/// Tokens that a call has taken for its latest retry, and what for.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    kind: RetryKind,
    tokens: u32,
}

impl RetryQuotas {
    /// Takes the tokens of one retry, or none where they do not suffice.
    pub fn acquire(&self, kind: RetryKind) -> Option<Permit> {
        let tokens = match kind {
            RetryKind::Throttling => THROTTLING_RETRY_COST,
            RetryKind::Transient | RetryKind::Conflict => RETRY_COST,
        };
        self.bucket(kind)
            .take(tokens)
            .then_some(Permit { kind, tokens })
    }

    /// A call succeeded: the tokens of its last retry come back, or one token to
    /// each bucket where it needed none.
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

/// One quota.
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

    /// Counts the retries of this kind that are left.
    fn left(quotas: &RetryQuotas, kind: RetryKind) -> usize {
        std::iter::from_fn(|| quotas.acquire(kind)).count()
    }

    #[test]
    fn retries_stop_when_the_bucket_is_empty_and_resume_after_successes() {
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
    fn a_retry_that_succeeds_gives_its_tokens_back_and_the_bucket_never_overflows() {
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
    fn conflicts_and_faults_do_not_use_up_each_others_retries() {
        let quotas = RetryQuotas::default();
        assert_eq!(left(&quotas, RetryKind::Conflict), 35);
        assert_eq!(left(&quotas, RetryKind::Transient), 35);
        for _ in 0..14 {
            quotas.succeeded(None);
        }
        assert_eq!(left(&quotas, RetryKind::Conflict), 1);
    }
}
