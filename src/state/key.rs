//! A key is checked before any request is sent, and never quoted at full
//! length.

use crate::error::Error;
use crate::limits::PARTITION_KEY_BYTES;
use crate::redact::beginning;

/// Longest part of a key that a sentence quotes, in characters.
const QUOTED: usize = 80;

/// Refuses what DynamoDB takes for no partition key.
///
/// # Errors
///
/// `invalid-argument` where the key is empty or too long.
pub fn check(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::InvalidArgument(
            "the key is empty: give at least one character".to_owned(),
        ));
    }
    if key.len() > PARTITION_KEY_BYTES {
        return Err(Error::InvalidArgument(format!(
            "key {} has {} bytes: DynamoDB takes at most {PARTITION_KEY_BYTES}",
            quote(key),
            key.len()
        )));
    }
    Ok(())
}

/// The key as sentences show it.
#[must_use]
pub fn quote(key: &str) -> String {
    match key.chars().nth(QUOTED) {
        Some(_) => format!("{:?}…", beginning(key, QUOTED)),
        None => format!("{key:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_from_1_to_2048_bytes() {
        assert!(matches!(check(""), Err(Error::InvalidArgument(_))));
        assert_eq!(check(&"k".repeat(2_048)), Ok(()));
        let long = check(&"é".repeat(1_025)).unwrap_err().to_string();
        assert!(long.contains("2050 bytes"), "{long}");
        assert!(long.chars().count() < 200, "{long}");
    }

    #[test]
    fn a_quoted_key_shows_control_characters_and_ends() {
        assert_eq!(quote("a\nb"), r#""a\nb""#);
        assert_eq!(quote(&"x".repeat(81)), format!("\"{}\"…", "x".repeat(80)));
    }
}
