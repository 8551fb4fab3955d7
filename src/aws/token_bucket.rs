//! The retry quota of an instance, as the SDK has it: while most calls fail,
//! retries run out and the load that DynamoDB sees does not multiply.
//!
//! Source of the figures: `client/retries/token_bucket.rs` of
//! aws-smithy-runtime, Retry Behavior 2.1.

use super::retry::RetryKind;
use std::cell::Cell;

/// Tokens of a full bucket.
pub const CAPACITY: u32 = 500;

/// What a retry costs after a transient or server error.
pub const RETRY_COST: u32 = 14;

/// What a retry costs after throttling.
pub const THROTTLING_RETRY_COST: u32 = 5;

/// What a call that succeeds at its first attempt gives back.
pub const SUCCESS_REWARD: u32 = 1;

/// The quota.
#[derive(Debug)]
pub struct TokenBucket {
    tokens: Cell<u32>,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self {
            tokens: Cell::new(CAPACITY),
        }
    }
}

/// Tokens that a call has taken for its latest retry.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Permit(u32);

impl TokenBucket {
    /// Takes the tokens of one retry, or none where they do not suffice.
    pub fn acquire(&self, kind: RetryKind) -> Option<Permit> {
        let cost = match kind {
            RetryKind::Throttling => THROTTLING_RETRY_COST,
            RetryKind::Transient => RETRY_COST,
        };
        let left = self.tokens.get().checked_sub(cost)?;
        self.tokens.set(left);
        Some(Permit(cost))
    }

    /// A call succeeded: the tokens of its last retry come back, or one token
    /// where it needed none.
    pub fn succeeded(&self, last: Option<Permit>) {
        let back = last.map_or(SUCCESS_REWARD, |permit| permit.0);
        self.tokens
            .set(self.tokens.get().saturating_add(back).min(CAPACITY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stop_when_the_bucket_is_empty_and_resume_after_successes() {
        let bucket = TokenBucket::default();
        let retries = std::iter::from_fn(|| bucket.acquire(RetryKind::Transient)).count();
        assert_eq!(retries, 35, "500 tokens at 14 a retry");
        assert_eq!(
            bucket.acquire(RetryKind::Throttling),
            Some(Permit(5)),
            "10 are left"
        );
        assert_eq!(bucket.acquire(RetryKind::Throttling), Some(Permit(5)));
        assert_eq!(bucket.acquire(RetryKind::Throttling), None);
        for _ in 0..5 {
            bucket.succeeded(None);
        }
        assert_eq!(bucket.acquire(RetryKind::Throttling), Some(Permit(5)));
    }

    #[test]
    fn a_retry_that_succeeds_gives_its_tokens_back_and_the_bucket_never_overflows() {
        let bucket = TokenBucket::default();
        let permit = bucket.acquire(RetryKind::Transient);
        bucket.succeeded(permit);
        assert_eq!(bucket.tokens.get(), CAPACITY);
        bucket.succeeded(None);
        assert_eq!(bucket.tokens.get(), CAPACITY);
    }
}
