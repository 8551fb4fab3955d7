//! Parses durations as Dapr writes them: Go's format (`500ms`, `1m30s`, `1.5h`) or a whole
//! number of seconds. No library parses Go's format without accepting other formats too.
//!
//! Source: `metadata/duration.go` of dapr/kit, `time.ParseDuration` of Go.

use std::time::Duration;

/// Go's units, in nanoseconds.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
];

const SECOND: u128 = 1_000_000_000;

/// The number of digits after the point that count. Further digits are less than a
/// nanosecond, even in hours.
const FRACTION_DIGITS: usize = 13;

/// Returns the duration in `text`, or none if it is not a duration or is negative.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if text.is_empty() {
        return None;
    }
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut total = 0_u128;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(nanoseconds(number, *nanos)?)?;
        rest = after;
    }
    let seconds = u64::try_from(total / SECOND).ok()?;
    let nanos = u32::try_from(total % SECOND).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// Returns `number` units in nanoseconds, rounded down as Go does.
fn nanoseconds(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0),
        digits => digits.parse::<u128>().ok(),
    };
    let fraction = fraction.get(..FRACTION_DIGITS).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = digits(fraction)?.checked_mul(unit)? / scale;
    digits(whole)?.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_and_whole_seconds_are_parsed() {
        for (text, micros) in [
            ("500ms", 500_000),
            ("10s", 10_000_000),
            ("1m30s", 90_000_000),
            ("1m1.5s", 61_500_000),
            (".5s", 500_000),
            ("1.5h", 5_400_000_000),
            ("20µs", 20),
            ("1h0m", 3_600_000_000),
            ("10", 10_000_000),
            (" 2s ", 2_000_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn many_parts_are_added_without_rounding_error() {
        let tenths = "0.1s".repeat(1_000);
        assert_eq!(parse(&tenths), Some(Duration::from_secs(100)));
        assert_eq!(parse("1.0000000000000000000000009s"), parse("1s"));
        assert_eq!(parse("0.9999999999ns"), Some(Duration::ZERO));
    }

    #[test]
    fn invalid_duration_is_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "ten",
            "1.s.2",
            ".s",
            "1.2.3s",
            "1.5",
            "1.5x",
            "2days",
            "1month",
            "1 s",
            "1e9s",
            "99999999999999999999h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
