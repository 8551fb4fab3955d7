//! Corrects the clock for signatures. A signature is valid for a few minutes only. If a server refuses one, later signatures
//! use the time of that server. The component cannot correct the time because it does not sign.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::HeaderMap;
use http::header::DATE;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A smaller difference of the clocks does not explain a refusal. Source: `service_clock_skew.rs` of aws-runtime.
const THRESHOLD: Duration = Duration::from_secs(4 * 60);

/// The seconds by which the server's clock is ahead of this machine's.
#[derive(Default)]
pub(super) struct ClockSkew(AtomicI64);

impl ClockSkew {
    /// Converts `time` to the server's clock.
    pub(super) fn correct(&self, time: SystemTime) -> SystemTime {
        let ahead = self.0.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let corrected = if ahead >= 0 {
            time.checked_add(by)
        } else {
            time.checked_sub(by)
        };
        corrected.unwrap_or(time)
    }

    /// Updates the difference from the `date` header of a refusal.
    pub(super) fn learn(&self, headers: &HeaderMap, now: SystemTime) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(server) = date
            .and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
            .and_then(|date| SystemTime::try_from(date).ok())
        else {
            return;
        };
        if apart(server, self.correct(now)).unsigned_abs() > THRESHOLD.as_secs() {
            self.0.store(apart(server, now), Ordering::Relaxed);
        }
    }
}

/// Returns the seconds by which `one` is ahead of `other`.
fn apart(one: SystemTime, other: SystemTime) -> i64 {
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match one.duration_since(other) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const DATE_OF_SERVER: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    fn server() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn answer(date: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))])
    }

    #[test]
    fn clock_ten_minutes_off_is_corrected_both_ways() {
        let ten = Duration::from_secs(600);
        let skew = ClockSkew::default();
        for local in [server() - ten, server() + ten, server()] {
            skew.learn(&answer(DATE_OF_SERVER), local);
            assert_eq!(skew.correct(local), server());
        }
    }

    #[test]
    fn small_skew_and_invalid_dates_are_ignored() {
        let skew = ClockSkew::default();
        let local = server() + Duration::from_secs(200);
        skew.learn(&answer(DATE_OF_SERVER), local);
        skew.learn(&answer("yesterday"), local + Duration::from_secs(600));
        skew.learn(&HeaderMap::new(), local + Duration::from_secs(600));
        assert_eq!(skew.correct(local), local);
    }
}
