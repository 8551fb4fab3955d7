//! When credentials are fetched again: some time before they expire, at a moment
//! drawn at random so that a fleet does not ask at once.
//!
//! The windows are those that AWS's SDKs agreed on in 2026: smithy-rs, commit
//! 0e89e4b, `aws/rust-runtime/aws-runtime/src/static_stability.rs`. The jitter is
//! our own.

use crate::aws::retry::share;
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);

/// How long credentials without an expiry are used: whoever wrote the file that
/// they are in may have replaced them.
///
/// Source: `client/identity/cache/lazy.rs` of aws-smithy-runtime.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(15 * 60);

/// Longest wait after a fetch that failed.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// Shortest wait after a fetch that failed.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Whether credentials have to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// They are good for a while.
    Not,
    /// They are good, and others should be fetched.
    Soon,
    /// They are good no more.
    Now,
}

/// The moments of one set of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    fetch_from: SystemTime,
    /// None: they do not expire.
    expiry: Option<SystemTime>,
    invalid: bool,
}

impl Times {
    /// Of credentials that were fetched `now`; `random` draws the moment.
    pub(super) fn new(now: SystemTime, expiry: Option<SystemTime>, random: u64) -> Self {
        let fetch_from = match expiry {
            None => now.checked_add(WITHOUT_EXPIRY),
            Some(expiry) => {
                let lifetime = expiry.duration_since(now).unwrap_or_default();
                let window = window(lifetime);
                expiry.checked_sub(window.saturating_sub(share(window / 2, random)))
            }
        };
        Self {
            fetch_from: fetch_from.unwrap_or(now),
            expiry,
            invalid: false,
        }
    }

    /// Whether to fetch `now`.
    pub(super) fn due(&self, now: SystemTime) -> Due {
        if self.invalid || self.expiry.is_some_and(|expiry| now >= expiry) {
            Due::Now
        } else if now >= self.fetch_from {
            Due::Soon
        } else {
            Due::Not
        }
    }

    /// They are good no more, whatever their expiry is.
    pub(super) fn invalidate(&mut self) {
        self.invalid = true;
    }

    /// After a fetch that failed `now`: the nearer the expiry, the sooner again.
    pub(super) fn put_off(&mut self, now: SystemTime, random: u64) {
        let left = self
            .expiry
            .and_then(|expiry| expiry.duration_since(now).ok());
        let longest = left.map_or(LONGEST_WAIT, |left| (left / 2).min(LONGEST_WAIT));
        let wait = longest
            .saturating_sub(share(longest / 2, random))
            .max(SHORTEST_WAIT);
        self.fetch_from = now.checked_add(wait).unwrap_or(now);
    }
}

/// How long before their expiry credentials that have `lifetime` left are fetched
/// again, before jitter: never more than half of it.
fn window(lifetime: Duration) -> Duration {
    let window = if lifetime <= 20 * MINUTE {
        5 * MINUTE
    } else if lifetime < 90 * MINUTE {
        15 * MINUTE
    } else {
        60 * MINUTE
    };
    window.min(lifetime / 2)
}
