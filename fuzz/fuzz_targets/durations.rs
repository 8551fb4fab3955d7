//! Fuzzes durations and compares them with exact integer arithmetic. Every accepted text is a Go duration or a whole number
//! of seconds, and has the right length.

#![no_main]

use dapr_dynamodb::fields::duration::parse;
use libfuzzer_sys::fuzz_target;

/// Go's units, in nanoseconds.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The maximum number of digits before and after the point that the model computes exactly.
const DIGITS: usize = 9;

/// The exponent of the model's unit: 10^-9 ns.
const SCALE: u32 = 9;

enum Model {
    /// A number of units of 10^-9 ns.
    Duration(u128),
    /// Not a duration.
    Refused,
    /// A number with too many digits for the model.
    Unknown,
}

/// Parses one number of a Go duration, in units of 10^-9.
fn decimal(text: &str) -> Model {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return Model::Refused;
    }
    if whole.len() > DIGITS || fraction.len() > DIGITS {
        return Model::Unknown;
    }
    let number = |text: &str| text.parse::<u128>().unwrap_or(0);
    let missing = u32::try_from(DIGITS - fraction.len()).expect("few");
    Model::Duration(number(whole) * 10_u128.pow(SCALE) + number(fraction) * 10_u128.pow(missing))
}

fn model(text: &str) -> Model {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.parse::<u64>() {
            Ok(seconds) => Model::Duration(u128::from(seconds) * 10_u128.pow(SCALE + 9)),
            // It is not a Go duration either, because it has no unit.
            Err(_) => Model::Refused,
        };
    }
    let mut total = 0;
    let mut unknown = false;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let Some(end) = end else {
            return Model::Refused;
        };
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Model::Refused;
        };
        match decimal(number) {
            Model::Refused => return Model::Refused,
            Model::Unknown => unknown = true,
            Model::Duration(number) => total += number * nanos,
        }
        rest = after;
    }
    match (text.is_empty(), unknown) {
        (true, _) => Model::Refused,
        (false, true) => Model::Unknown,
        (false, false) => Model::Duration(total),
    }
}

fuzz_target!(|text: &str| {
    match (model(text), parse(text)) {
        (Model::Unknown, _) | (Model::Refused, None) => {}
        (Model::Duration(exact), Some(duration)) => {
            let unit = 10_u128.pow(SCALE);
            let found = duration.as_nanos() * unit;
            // Each part is rounded down to a nanosecond.
            let parts = text.chars().filter(|c| c.is_alphabetic()).count() as u128;
            let tolerance = unit * (parts + 1);
            assert!(found.abs_diff(exact) <= tolerance, "{text:?}: {duration:?}");
        }
        (Model::Duration(exact), None) => {
            let longest = std::time::Duration::MAX.as_nanos();
            assert!(exact / 10_u128.pow(SCALE) > longest, "{text:?} is refused");
        }
        (Model::Refused, Some(duration)) => panic!("{text:?} is not {duration:?}"),
    }
});
