//! Encodes and decodes items in the layout of Dapr's Go component, with an additional
//! `contentType` attribute.
//!
//! Source: `state/aws/dynamodb/dynamodb.go` of dapr/components-contrib.

use super::{Item, Table, ttl};
use crate::error::Error;
use crate::limits::{PARTITION_KEY_BYTES, SMALLEST_NUMBER, check_item_size, item_size};
use crate::text::quote;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// The attribute of the value: S if the bytes are UTF-8, otherwise B. Both are read.
pub const VALUE: &str = "value";

/// The attribute of the ETag: S.
pub const ETAG: &str = "etag";

/// The attribute of the media type: S. Dapr's Go component does not know it and ignores it.
pub const CONTENT_TYPE: &str = "contentType";

/// An item as DynamoDB stores it.
pub type Attributes = HashMap<String, AttributeValue>;

/// The parts of a new item, apart from its key.
#[derive(Debug)]
pub struct NewItem {
    /// The bytes.
    pub value: Vec<u8>,
    /// The new ETag.
    pub etag: String,
    /// The media type.
    pub content_type: Option<String>,
    /// The time to live in seconds, from the time of the write.
    pub ttl: Option<u64>,
}

/// An encoded new item. Each attempt computes the expiry again, from its own time.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    attributes: Attributes,
    ttl: Option<u64>,
}

impl Encoded {
    /// Creates an item with these attributes that never expires.
    #[cfg(test)]
    pub(crate) fn lasting(attributes: Attributes) -> Self {
        Self {
            attributes,
            ttl: None,
        }
    }

    /// Returns true if the item has a time to live.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.ttl.is_some()
    }

    /// Returns its attributes without the expiry.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Returns its attributes if it is written `now`, in seconds since the Unix epoch.
    #[must_use]
    pub fn into_attributes(self, table: &Table, now: u64) -> Attributes {
        let Self {
            mut attributes,
            ttl,
        } = self;
        if let (Some(name), Some(ttl)) = (&table.ttl_attribute, ttl) {
            let at = ttl::expires_at(ttl, now);
            attributes.insert(name.clone(), AttributeValue::N(at.to_string()));
        }
        attributes
    }

    /// Returns its size in bytes, as DynamoDB counts it. The digits of the expiry are not
    /// known yet, so it counts with the smallest possible size.
    #[must_use]
    pub fn size(&self, table: &Table) -> usize {
        let expiry = match (&table.ttl_attribute, self.ttl) {
            (Some(name), Some(_)) => name.len() + SMALLEST_NUMBER,
            _ => 0,
        };
        item_size(&self.attributes) + expiry
    }
}

/// Returns an ETag of 16 hexadecimal digits from random bits.
#[must_use]
pub fn new_etag(random: u64) -> String {
    format!("{random:016x}")
}

/// Returns the key attribute of an item.
#[must_use]
pub fn key_attributes(table: &Table, key: String) -> Attributes {
    HashMap::from([(table.partition_key.clone(), AttributeValue::S(key))])
}

/// Refuses a key that DynamoDB does not accept as a partition key.
///
/// # Errors
///
/// `invalid-argument` if the key is empty or too long.
pub fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::InvalidArgument(
            "the key is empty: it must have at least one character".to_owned(),
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

/// Encodes a new item in the layout of the table.
///
/// # Errors
///
/// `too-large` if DynamoDB would refuse its size.
pub fn encode(table: &Table, key: &str, item: NewItem) -> Result<Encoded, Error> {
    let value = match String::from_utf8(item.value) {
        Ok(text) => AttributeValue::S(text),
        Err(error) => AttributeValue::B(Blob::new(error.into_bytes())),
    };
    let mut attributes = key_attributes(table, key.to_owned());
    attributes.insert(VALUE.to_owned(), value);
    attributes.insert(ETAG.to_owned(), AttributeValue::S(item.etag));
    if let Some(content_type) = item.content_type {
        attributes.insert(CONTENT_TYPE.to_owned(), AttributeValue::S(content_type));
    }
    let encoded = Encoded {
        attributes,
        ttl: item.ttl,
    };
    check_item_size(encoded.size(table)).map_err(|error| error.of_key(key))?;
    Ok(encoded)
}

/// Returns true if `attributes` are the item of `key`. An item with another key in a response
/// is an error.
#[must_use]
pub fn is_of_key(table: &Table, key: &str, attributes: &Attributes) -> bool {
    matches!(attributes.get(&table.partition_key), Some(AttributeValue::S(stored)) if stored == key)
}

/// Decodes the item in `attributes`. Returns none if it has expired by `now`, in seconds
/// since the Unix epoch.
///
/// # Errors
///
/// `other` if an attribute has a type that this layout does not use.
pub fn decode(
    table: &Table,
    key: &str,
    mut attributes: Attributes,
    now: u64,
) -> Result<Option<Item>, Error> {
    let foreign = |what: &str| {
        Error::Other(format!(
            "the item of key {} in table `{}` {what}: the state store did not write it",
            quote(key),
            table.name
        ))
    };
    let wrong = |attribute: &str, wanted: &str| {
        foreign(&format!(
            "has an attribute `{attribute}` that is not {wanted}"
        ))
    };
    let expires_at = match &table.ttl_attribute {
        Some(name) => match attributes.remove(name) {
            Some(AttributeValue::N(number)) => {
                Some(expiry(&number).ok_or_else(|| wrong(name, "a number of seconds"))?)
            }
            Some(_) => return Err(wrong(name, "a number (N)")),
            None => None,
        },
        None => None,
    };
    if expires_at
        .as_ref()
        .is_some_and(|expiry| expiry.has_passed(now))
    {
        return Ok(None);
    }
    let value = match attributes.remove(VALUE) {
        Some(AttributeValue::S(text)) => text.into_bytes(),
        Some(AttributeValue::B(bytes)) => bytes.into_inner(),
        Some(_) => return Err(wrong(VALUE, "a string (S) or binary (B)")),
        None => return Err(foreign(&format!("has no attribute `{VALUE}`"))),
    };
    let etag = match attributes.remove(ETAG) {
        // An empty ETag counts as none: a caller that sends it back would set no condition.
        Some(AttributeValue::S(etag)) => Some(etag).filter(|etag| !etag.is_empty()),
        Some(_) => return Err(wrong(ETAG, "a string (S)")),
        None => None,
    };
    let content_type = match attributes.remove(CONTENT_TYPE) {
        Some(AttributeValue::S(content_type)) => Some(content_type),
        // Dapr's layout does not define this name, so it may be an attribute of another tool.
        _ => None,
    };
    Ok(Some(Item {
        value,
        etag,
        content_type,
        expires_at: expires_at.map(|expiry| expiry.second),
    }))
}

/// Returns true if the stored item has this ETag.
#[must_use]
pub fn has_etag(attributes: &Attributes, etag: &str) -> bool {
    matches!(attributes.get(ETAG), Some(AttributeValue::S(stored)) if stored == etag)
}

/// The expiry of an item.
struct Expiry {
    /// The second since the Unix epoch in which the item expires. A time before the epoch
    /// counts as the epoch, and a time beyond the range as the end of the range.
    second: u64,
    /// True if the expiry is after the beginning of that second.
    within: bool,
}

impl Expiry {
    /// Returns true if the expiry has passed by `now`. An expiry within a second passes with
    /// the next second. The conditions of writes agree, because DynamoDB compares the fraction.
    fn has_passed(&self, now: u64) -> bool {
        self.second < now || (self.second == now && !self.within)
    }
}

/// Parses a DynamoDB number as an expiry. Other tools write it with a fraction, such as
/// `time.time()` in Python or a number of milliseconds divided by 1,000.
fn expiry(number: &str) -> Option<Expiry> {
    let magnitude = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = match magnitude.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (magnitude, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    if magnitude.len() < number.len() {
        return Some(Expiry {
            second: 0,
            within: false,
        });
    }
    Some(Expiry {
        // A DynamoDB number has up to 126 digits, so parsing can fail only by the range.
        second: whole.parse().unwrap_or(u64::MAX),
        within: fraction.is_some_and(|digits| digits.bytes().any(|digit| digit != b'0')),
    })
}

#[cfg(test)]
mod tests;
