//! Converts a time to live in seconds to an expiry. Zero and -1 mean that the item never
//! expires.

use super::Table;
use crate::error::Error;

/// The latest expiry, because other readers of the table parse it as an `i64`.
const LATEST: u64 = i64::MAX as u64;

/// The longest time to live. The expiry of an item that is written with it is before
/// [`LATEST`] until October 2096.
const LONGEST: u64 = LATEST - 4_000_000_000;

/// Returns the time to live in seconds; none if the item never expires.
///
/// # Errors
///
/// `invalid-argument` if it is below -1 or its expiry does not fit an `i64`. Also for any
/// time to live on a table without an attribute for it.
pub fn seconds(table: &Table, ttl: Option<i64>) -> Result<Option<u64>, Error> {
    let refuse = |why: String| Err(Error::InvalidArgument(why));
    match ttl {
        None | Some(0 | -1) => Ok(None),
        Some(seconds) => match u64::try_from(seconds) {
            Err(_) => refuse(format!(
                "invalid `ttl` {seconds}: must be a number of seconds above 0, or 0 or -1 for no expiry"
            )),
            Ok(_) if table.ttl_attribute.is_none() => refuse(format!(
                "`ttl` is {seconds}, but time to live is not configured: set `ttlAttributeName`"
            )),
            Ok(seconds) if seconds > LONGEST => refuse(format!(
                "invalid `ttl` {seconds}: the expiry would not fit in 64 bits; use -1 for no expiry"
            )),
            Ok(seconds) => Ok(Some(seconds)),
        },
    }
}

/// Returns the expiry of an item that is written `now`. Both are in seconds since the Unix
/// epoch.
#[must_use]
pub fn expires_at(seconds: u64, now: u64) -> u64 {
    now.saturating_add(seconds).min(LATEST)
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
    fn ttl_above_zero_expires_and_zero_or_minus_one_never_does() {
        let table = table(Some("expires"));
        let longest = i64::try_from(LONGEST).unwrap();
        for (ttl, given) in [
            (Some(60), Some(60)),
            (Some(longest), Some(LONGEST)),
            (Some(0), None),
            (Some(-1), None),
            (None, None),
        ] {
            assert_eq!(seconds(&table, ttl), Ok(given), "{ttl:?}");
        }
    }

    #[test]
    fn expiry_fits_an_i64_at_any_clock_time() {
        assert_eq!(expires_at(60, 1_000), 1_060);
        for now in [4_000_000_000, 4_000_000_001, u64::MAX] {
            assert_eq!(expires_at(LONGEST, now), LATEST);
        }
    }

    #[test]
    fn ttl_below_minus_one_or_too_long_is_refused() {
        for ttl in [-2, i64::MIN, i64::MAX] {
            let error = seconds(&table(Some("expires")), Some(ttl)).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidArgument(s) if s.contains(&ttl.to_string())),
                "{error}"
            );
        }
    }

    #[test]
    fn ttl_without_an_attribute_for_it_is_refused() {
        let error = seconds(&table(None), Some(5)).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidArgument(s) if s.contains("ttlAttributeName")),
            "{error}"
        );
        assert_eq!(seconds(&table(None), Some(-1)), Ok(None));
    }
}
