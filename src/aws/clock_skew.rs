//! Correction of a wrong clock. A signature is good for some minutes only, so a
//! component on a machine whose clock is off signs with the server's time once
//! an answer has told it.
//!
//! Source: `service_clock_skew.rs` of aws-runtime.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// Below this a signature error is taken at its word.
const THRESHOLD: Duration = Duration::from_secs(4 * 60);

/// Error codes behind which a wrong clock may stand.
const CODES: &[&str] = &[
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// How far the server's clock is ahead (positive) or behind, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct ClockSkew(Cell<i64>);

impl ClockSkew {
    /// `time` as the server's clock has it.
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

    /// Learns from an error of a request that was signed with the time that
    /// `signed_with` corrects: another request may have learnt since. True where
    /// the clock explains it, so that the same request signed with the corrected
    /// time is worth sending.
    pub fn learn(
        &self,
        code: &str,
        date: Option<&str>,
        now: SystemTime,
        signed_with: &Self,
    ) -> bool {
        if !CODES.contains(&code) {
            return false;
        }
        let server = date
            .and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
            .and_then(|date| SystemTime::try_from(date).ok());
        let Some(server) = server else {
            return false;
        };
        let known = signed_with.correct(now);
        let (ahead, off) = match server.duration_since(now) {
            Ok(ahead) => (true, ahead),
            Err(behind) => (false, behind.duration()),
        };
        let millis = i64::try_from(off.as_millis()).unwrap_or(i64::MAX);
        // What is corrected already and still refused is no matter of the clock.
        let unexplained = server
            .duration_since(known)
            .unwrap_or_else(|behind| behind.duration());
        if unexplained <= THRESHOLD {
            return false;
        }
        self.0.set(if ahead { millis } else { -millis });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    const CODE: &str = "RequestTimeTooSkewed";

    /// Of a request that was signed with what is known.
    fn learnt(skew: &ClockSkew, date: Option<&str>, now: SystemTime) -> bool {
        skew.learn(CODE, date, now, skew)
    }

    fn server() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    #[test]
    fn a_clock_that_is_ten_minutes_off_is_corrected_either_way() {
        for local in [
            server() - Duration::from_secs(600),
            server() + Duration::from_secs(600),
        ] {
            let skew = ClockSkew::default();
            let before = skew.clone();
            assert!(learnt(&skew, Some(DATE), local));
            assert_eq!(skew.correct(local), server());
            assert!(!learnt(&skew, Some(DATE), local), "once is enough");
            // A request that was on its way already is worth another try as well.
            assert!(skew.learn(CODE, Some(DATE), local, &before));
        }
    }

    #[test]
    fn a_clock_that_is_right_leaves_an_access_error_an_access_error() {
        let skew = ClockSkew::default();
        let local = server() + Duration::from_secs(60);
        assert!(!skew.learn("AccessDeniedException", Some(DATE), local, &skew));
        assert_eq!(skew.correct(local), local);
    }

    #[test]
    fn other_errors_and_answers_without_a_date_teach_nothing() {
        let skew = ClockSkew::default();
        let local = server() + Duration::from_secs(3_600);
        assert!(!skew.learn("ValidationException", Some(DATE), local, &skew));
        assert!(!learnt(&skew, None, local));
        assert!(!learnt(&skew, Some("yesterday"), local));
        assert_eq!(skew.correct(local), local);
    }
}
