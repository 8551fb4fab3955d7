//! Time to live: seconds from now become a moment; zero and -1 mean never.

use super::key::quote;
use crate::config::Table;
use crate::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch. A clock before it counts as the epoch.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// When an item with this time to live expires, in seconds since the Unix
/// epoch; none: never.
///
/// # Errors
///
/// `invalid-argument` below -1, for a moment that no `i64` holds (what other
/// readers of the table take), and for any time to live on a table without an
/// attribute for it.
pub fn expires_at(
    table: &Table,
    key: &str,
    ttl: Option<i64>,
    now: u64,
) -> Result<Option<u64>, Error> {
    let refuse = |why: String| Err(Error::InvalidArgument(format!("key {}: {why}", quote(key))));
    match ttl {
        None | Some(0 | -1) => Ok(None),
        Some(seconds) => match u64::try_from(seconds) {
            Err(_) => refuse(format!(
                "`ttl` is {seconds} s: give a number above 0, or 0 or -1 for never"
            )),
            Ok(_) if table.ttl_attribute.is_none() => {
                refuse("`ttl` needs `ttlAttributeName` in the configuration".to_owned())
            }
            Ok(seconds) => match now.checked_add(seconds) {
                Some(at) if i64::try_from(at).is_ok() => Ok(Some(at)),
                _ => refuse(format!(
                    "`ttl` is {seconds} s, which is past the end of time: give -1 for never"
                )),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ttl_attribute: Option<&str>) -> Table {
        Table {
            name: "orders".to_owned(),
            partition_key: "key".to_owned(),
            ttl_attribute: ttl_attribute.map(str::to_owned),
        }
    }

    #[test]
    fn above_zero_is_a_moment_and_zero_or_minus_one_is_never() {
        let table = table(Some("expires"));
        for (ttl, at) in [
            (Some(60), Some(1_060)),
            (Some(i64::MAX - 1_000), Some(i64::MAX as u64)),
            (Some(0), None),
            (Some(-1), None),
            (None, None),
        ] {
            assert_eq!(expires_at(&table, "k", ttl, 1_000), Ok(at), "{ttl:?}");
        }
    }

    #[test]
    fn below_minus_one_and_past_the_end_of_time_are_refused_by_key() {
        for ttl in [-2, i64::MIN, i64::MAX] {
            let error = expires_at(&table(Some("expires")), "the-key", Some(ttl), 1).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidArgument(s) if s.contains("the-key")),
                "{error}"
            );
        }
    }

    #[test]
    fn without_an_attribute_for_it_a_time_to_live_is_refused_and_never_is_not() {
        let error = expires_at(&table(None), "k", Some(5), 0).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidArgument(s) if s.contains("ttlAttributeName")),
            "{error}"
        );
        assert_eq!(expires_at(&table(None), "k", Some(-1), 0), Ok(None));
    }
}
