//! Fuzzes the time to live and compares it with arithmetic that cannot overflow, for any clock. Also fuzzes the stored
//! expiry attribute.

#![no_main]

use aws_sdk_dynamodb::types::AttributeValue;
use dapr_dynamodb::aws::clock_skew::unix_seconds;
use dapr_dynamodb::error::Error;
use dapr_dynamodb::state::item::decode;
use dapr_dynamodb::state::ttl::{expires_at, seconds};
use dapr_dynamodb_fuzz::{EXPIRES, table};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

#[derive(arbitrary::Arbitrary, Debug)]
struct Case<'a> {
    ttl: Option<i64>,
    now: u64,
    before_the_epoch: bool,
    /// The expiry attribute of a stored item.
    expiry: &'a str,
}

/// The latest time of writing that the model allows for, in the year 2096.
const LATEST: u64 = 4_000_000_000;

fn model(ttl: Option<i64>) -> Result<Option<i128>, ()> {
    let most = i128::from(i64::MAX) - i128::from(LATEST);
    match ttl.map(i128::from) {
        None | Some(0 | -1) => Ok(None),
        Some(seconds) if (0..=most).contains(&seconds) => Ok(Some(seconds)),
        Some(_) => Err(()),
    }
}

fn clock(case: &Case<'_>) {
    let since = Duration::from_secs(case.now);
    let time = if case.before_the_epoch {
        UNIX_EPOCH.checked_sub(since)
    } else {
        UNIX_EPOCH.checked_add(since)
    };
    if let Some(time) = time {
        let seconds = if case.before_the_epoch { 0 } else { case.now };
        assert_eq!(unix_seconds(time), seconds);
    }
}

fn new_item(case: &Case<'_>) {
    let mut table = table();
    match (seconds(&table, case.ttl), model(case.ttl)) {
        (Ok(found), Ok(wanted)) => {
            assert_eq!(found.map(i128::from), wanted);
            if let Some(seconds) = found {
                let at = i128::from(case.now) + i128::from(seconds);
                let at = at.min(i128::from(i64::MAX));
                assert_eq!(i128::from(expires_at(seconds, case.now)), at);
            }
        }
        (Err(Error::InvalidArgument(sentence)), Err(())) => assert!(sentence.contains("`ttl`")),
        other => panic!("{other:?}"),
    }
    table.ttl_attribute = None;
    let refused = seconds(&table, case.ttl).is_err();
    assert_eq!(refused, !matches!(case.ttl, None | Some(0 | -1)));
}

fn stored_item(case: &Case<'_>) {
    let attributes = HashMap::from([
        (
            EXPIRES.to_owned(),
            AttributeValue::N(case.expiry.to_owned()),
        ),
        ("value".to_owned(), AttributeValue::S(String::new())),
    ]);
    let wanted = moment(case.expiry);
    match (decode(&table(), "the-key", attributes, case.now), wanted) {
        (Ok(None), Some((at, within))) => assert!((at, within) <= (case.now, false)),
        (Ok(Some(item)), Some((at, within))) => {
            assert!((at, within) > (case.now, false));
            assert_eq!(item.expires_at, Some(at));
        }
        (Err(Error::Other(sentence)), None) => assert!(sentence.contains(EXPIRES)),
        other => panic!("{other:?}"),
    }
}

/// Returns the whole part of a decimal number, clamped to the range of `u64`, and true if it has a fraction.
fn moment(number: &str) -> Option<(u64, bool)> {
    let (negative, magnitude) = match number.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, number),
    };
    let (digits, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    if fraction.is_empty() || !fraction.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let within = fraction.chars().any(|digit| digit != '0');
    let whole = digits.chars().try_fold(0_u64, |seconds, digit| {
        let digit = digit.to_digit(10)?;
        Some(seconds.saturating_mul(10).saturating_add(digit.into()))
    });
    let whole = whole.filter(|_| !digits.is_empty())?;
    Some(if negative {
        (0, false)
    } else {
        (whole, within)
    })
}

fuzz_target!(|case: Case<'_>| {
    clock(&case);
    new_item(&case);
    stored_item(&case);
});
