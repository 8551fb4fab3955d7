//! How long the item of a line has to live: `ttl`, Dapr's `ttlInSeconds`, or the `expiresAt` that
//! bulk-get prints, as what is left of it when the line is read.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Fault;

/// The ways to say it; at most one is given.
pub(super) struct Given {
    pub(super) ttl: Option<i64>,
    pub(super) ttl_in_seconds: Option<String>,
    /// In seconds since the Unix epoch.
    pub(super) expires_at: Option<u64>,
}

impl Given {
    /// Seconds from `now`; absent where the line says nothing of it.
    pub(super) fn seconds_from(self, now: SystemTime) -> Result<Option<i64>, Fault> {
        match (self.ttl, self.ttl_in_seconds, self.expires_at) {
            (None, None, None) => Ok(None),
            (Some(ttl), None, None) => Ok(Some(ttl)),
            (None, Some(text), None) => match text.parse() {
                Ok(ttl) => Ok(Some(ttl)),
                Err(_) => Err(Fault::whole_line(format!(
                    "ttlInSeconds: {text:?} is no whole number"
                ))),
            },
            (None, None, Some(expires_at)) => remaining(expires_at, now).map(Some),
            _ => Err(Fault::whole_line(
                "give one of ttl, ttlInSeconds and expiresAt",
            )),
        }
    }
}

/// Above 0: a time to live of 0 would be none at all, and revive the item for good.
fn remaining(expires_at: u64, now: SystemTime) -> Result<i64, Fault> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match expires_at.checked_sub(now).map(i64::try_from) {
        Some(Ok(seconds)) if seconds > 0 => Ok(seconds),
        Some(Err(_)) => Err(Fault::whole_line(format!(
            "expiresAt: {expires_at} is too far off"
        ))),
        _ => Err(Fault::no_item(format!(
            "expiresAt: the item expired at {expires_at}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_becomes_the_seconds_that_are_left_and_one_that_has_passed_is_refused() {
        let now = UNIX_EPOCH + Duration::from_millis(1_000_900);
        assert_eq!(remaining(1060, now).unwrap(), 60);
        assert_eq!(remaining(1001, now).unwrap(), 1);
        for passed in [0, 999, 1000] {
            assert_eq!(
                remaining(passed, now).unwrap_err().sentence,
                format!(
                    "expiresAt: the item expired at {passed}; there is nothing to set: take the line out"
                )
            );
        }
        assert!(remaining(u64::MAX, now).is_err());
    }
}
