//! Durations as Dapr writes them: Go's (`500ms`, `1m30s`, `1.5h`), or a whole
//! number of seconds. No library reads Go's without taking others for it.
//!
//! Source: `metadata/duration.go` of dapr/kit, `time.ParseDuration` of Go.

use std::time::Duration;

/// Go's units, in seconds.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3_600.0),
];

/// None where the text is no duration, or a negative one.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    if text.is_empty() {
        return None;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_durations_and_whole_seconds_are_read() {
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
    fn what_is_no_duration_is_none() {
        for text in [
            "",
            "s",
            "-1s",
            "ten",
            "1.s.2",
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
