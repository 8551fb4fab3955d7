//! Time passes while a case looks, never while it only waits: it asks again until an item is gone, within a bound.

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::caller::Caller;
use crate::expectation::holds;
use crate::outcome::Checked;
use crate::requests::expiring;

/// How far the clock of a store may be from the one here, in seconds: it may be that of a server.
pub const CLOCK_TOLERANCE: u32 = 2;
/// How long an item may outlive its second. The longest time to live that is waited for is within.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks, so that a store far away is not asked more often than it needs to be.
const PAUSE: Duration = Duration::from_millis(50);

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The item under `name` is gone before long.
pub async fn no_longer_there(store: &mut Caller, name: &str) -> Checked {
    let began = Instant::now();
    while store.get(name).await?.is_some() {
        holds(
            began.elapsed() < PATIENCE,
            format_args!("the item of {name:?} is still there after {PATIENCE:?}"),
        )?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// All that was set before with a time to live of one second has expired, and was not looked at since: a store that
/// removes what it finds expired, has not found it.
pub async fn outlived(store: &mut Caller) -> Checked {
    const LAST: &str = "set-last";
    store.set(LAST, b"v", expiring(1)).await?;
    no_longer_there(store, LAST).await
}

/// A moment is so many seconds after a call that began at `before` and has ended.
pub fn due_in(what: impl Display, seconds: u32, before: u64, moment: Option<u64>) -> Checked {
    let tolerance = u64::from(CLOCK_TOLERANCE);
    let due = u64::from(seconds);
    let first = (before + due).saturating_sub(tolerance);
    let last = now() + due + tolerance;
    holds(
        moment.is_some_and(|moment| (first..=last).contains(&moment)),
        format_args!("{what} in {seconds} s is {moment:?}, not within {first} and {last}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_due_within_the_tolerance_and_no_later() {
        let before = now();
        assert!(due_in("k", 60, before, Some(before + 60)).is_ok());
        for wrong in [None, Some(60), Some(before + 10), Some(before + 3600)] {
            assert!(due_in("k", 60, before, wrong).is_err(), "{wrong:?}");
        }
    }
}
