//! Correction of a wrong clock. Expiry times must be right to the second, and a signature is
//! valid for only five minutes. So the component follows the server's clock, as far as its
//! responses show it.
//!
//! Source of the threshold: `service_clock_skew.rs` of aws-runtime.

use super::error_code::{self, Remedy};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The smallest clock difference that can be the cause of a refused signature.
const THRESHOLD: Duration = Duration::from_secs(4 * 60);

/// The resolution of a `Date` header, in milliseconds. The server may have made the
/// response at any moment of that second.
const RESOLUTION: i128 = 1_000;

/// The valid times of a server: the years from 2012, when DynamoDB was launched, to 9998.
/// A time after 9999 cannot be signed.
const PLAUSIBLE: std::ops::Range<i64> = 1_325_376_000..253_370_764_800;

/// The difference of the server's clock, in milliseconds. It is positive if the server's
/// clock is ahead.
#[derive(Clone, Debug, Default)]
pub struct ClockSkew(Cell<i64>);

impl ClockSkew {
    /// Converts `time` to the time of the server's clock.
    pub fn correct(&self, time: SystemTime) -> SystemTime {
        let skew = self.0.get();
        let by = Duration::from_millis(skew.unsigned_abs());
        let corrected = if skew >= 0 {
            time.checked_add(by)
        } else {
            time.checked_sub(by)
        };
        corrected.unwrap_or(time)
    }

    /// Learns from the `Date` of a response. `sent` and `arrived` are this machine's times
    /// right before the request and right after the response. The server's clock showed
    /// `date` at some moment between them. An estimate that agrees with this stays as it
    /// is, so that it does not change with every response.
    pub fn observe(&self, date: &str, sent: SystemTime, arrived: SystemTime) {
        let Some(server) = parse(date).map(millis) else {
            return;
        };
        let (sent, arrived) = (millis(sent), millis(arrived));
        // The clock may have been set back between request and response.
        let (first, last) = (sent.min(arrived), sent.max(arrived));
        let (least, most) = (server - last, server + RESOLUTION - first);
        let known = i128::from(self.0.get());
        if !(least..=most).contains(&known) {
            let middle = least + (most - least) / 2;
            self.0.set(i64::try_from(middle).unwrap_or_default());
        }
    }
}

/// Returns true if a wrong signing time explains an error response with this date. The
/// cause may be a wrong clock, or a process that was suspended between signing and sending.
/// Then the same request may succeed when it is signed with the current time.
#[must_use]
pub fn explains(code: &str, date: Option<&str>, signed_at: SystemTime) -> bool {
    let Some(server) = date.and_then(parse) else {
        return false;
    };
    let off = server
        .duration_since(signed_at)
        .unwrap_or_else(|behind| behind.duration());
    error_code::remedy(code) == Remedy::NewSignature && off > THRESHOLD
}

/// Returns the seconds since the Unix epoch. A time before the epoch counts as the epoch.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn parse(date: &str) -> Option<SystemTime> {
    let date = DateTime::from_str(date, Format::HttpDate).ok()?;
    if !PLAUSIBLE.contains(&date.secs()) {
        return None;
    }
    SystemTime::try_from(date).ok()
}

/// Returns the milliseconds since the Unix epoch, which are negative before it.
fn millis(time: SystemTime) -> i128 {
    let whole = |duration: Duration| i128::try_from(duration.as_millis()).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    const CODE: &str = "RequestTimeTooSkewed";

    fn server() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn apart(a: SystemTime, b: SystemTime) -> Duration {
        a.duration_since(b).unwrap_or_else(|error| error.duration())
    }

    #[test]
    fn clock_is_corrected_either_way_to_half_a_second() {
        for off in [2, 30, 600, 86_400 * 365] {
            for local in [server() - seconds(off), server() + seconds(off)] {
                let skew = ClockSkew::default();
                skew.observe(DATE, local, local);
                assert!(
                    apart(skew.correct(local), server()) <= Duration::from_millis(500),
                    "{off}"
                );
            }
        }
    }

    #[test]
    fn estimate_stays_while_responses_agree_with_it() {
        let skew = ClockSkew::default();
        // The server made the response in the second of `DATE`, and between `sent` and `arrived`.
        for (sent, arrived) in [(0, 0), (1, 1), (0, 3), (1, 90)] {
            let (sent, arrived) = (server() + seconds(sent), server() + seconds(arrived));
            skew.observe(DATE, sent, arrived);
            assert_eq!(skew.correct(sent), sent);
        }
        let before = server() - seconds(3);
        skew.observe(DATE, before, server() - seconds(2));
        let learnt = skew.correct(before);
        assert_ne!(learnt, before);
        skew.observe(DATE, before, server() - seconds(2));
        assert_eq!(skew.correct(before), learnt, "the same response again");
    }

    #[test]
    fn clock_set_during_a_request_gives_no_wrong_estimate() {
        let skew = ClockSkew::default();
        let (ahead, right) = (server() + seconds(3_600), server());
        skew.observe(DATE, ahead, right);
        assert_eq!(skew.correct(right), right);
    }

    #[test]
    fn signing_time_explains_errors_above_four_minutes() {
        for (off, explained) in [(239, false), (240, false), (241, true), (3_600, true)] {
            for signed_at in [server() - seconds(off), server() + seconds(off)] {
                assert_eq!(explains(CODE, Some(DATE), signed_at), explained, "{off}");
                assert!(!explains("ValidationException", Some(DATE), signed_at));
                assert!(!explains(CODE, None, signed_at));
                assert!(!explains(CODE, Some("yesterday"), signed_at));
            }
        }
    }

    #[test]
    fn implausible_dates_are_ignored() {
        let skew = ClockSkew::default();
        let local = server() + seconds(3_600);
        for date in [
            "",
            "yesterday",
            "Tue, 14 Nov 2023",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Sat, 01 Jan 0000 00:00:00 GMT",
            "Tue, 14 Nov -001 23:59:59 GMT",
        ] {
            skew.observe(date, local, local);
            assert_eq!(skew.correct(local), local);
        }
    }
}
