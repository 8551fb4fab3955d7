//! The layout of an item: that of Dapr's Go component, both ways, and a
//! `contentType` beside it.
//!
//! Source: `state/aws/dynamodb/dynamodb.go` of dapr/components-contrib.

use super::key::quote;
use super::model::Item;
use crate::config::Table;
use crate::error::Error;
use crate::limits::check_item_size;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// The bytes: S where they are UTF-8, else B. Both are read.
pub const VALUE: &str = "value";

/// The ETag: S.
pub const ETAG: &str = "etag";

/// The media type: S. Not known to Dapr's Go component, which ignores it.
pub const CONTENT_TYPE: &str = "contentType";

/// An item as DynamoDB has it.
pub type Attributes = HashMap<String, AttributeValue>;

/// What is written of an item, beside its key.
#[derive(Debug)]
pub struct NewItem {
    /// The bytes.
    pub value: Vec<u8>,
    /// The new ETag.
    pub etag: String,
    /// The media type.
    pub content_type: Option<String>,
    /// Seconds since the Unix epoch.
    pub expires_at: Option<u64>,
}

/// An ETag from random bits: 16 hexadecimal digits.
#[must_use]
pub fn new_etag(random: u64) -> String {
    format!("{random:016x}")
}

/// The key of an item alone.
#[must_use]
pub fn key_attributes(table: &Table, key: String) -> Attributes {
    HashMap::from([(table.partition_key.clone(), AttributeValue::S(key))])
}

/// The attributes of a new item.
///
/// # Errors
///
/// `too-large` where DynamoDB would refuse its size.
pub fn encode(table: &Table, key: &str, item: NewItem) -> Result<Attributes, Error> {
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
    if let (Some(name), Some(expires_at)) = (&table.ttl_attribute, item.expires_at) {
        attributes.insert(name.clone(), AttributeValue::N(expires_at.to_string()));
    }
    check_item_size(&attributes).map_err(|error| error.of_key(key))?;
    Ok(attributes)
}

/// Whether an answer brought the item of that key: a value of another one is no
/// answer.
#[must_use]
pub fn is_of_key(table: &Table, key: &str, attributes: &Attributes) -> bool {
    matches!(attributes.get(&table.partition_key), Some(AttributeValue::S(stored)) if stored == key)
}

/// The item in `attributes`; none where it has expired by `now`, in seconds
/// since the Unix epoch.
///
/// # Errors
///
/// `other` where an attribute has a type that no item of this layout has.
pub fn decode(
    table: &Table,
    key: &str,
    mut attributes: Attributes,
    now: u64,
) -> Result<Option<Item>, Error> {
    let foreign = |what: &str| {
        Error::Other(format!(
            "the item of key {} in table `{}` {what}: another tool wrote it",
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
                Some(expiry(&number).ok_or_else(|| wrong(name, "a whole number of seconds"))?)
            }
            Some(_) => return Err(wrong(name, "a number (N)")),
            None => None,
        },
        None => None,
    };
    if expires_at.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    let value = match attributes.remove(VALUE) {
        Some(AttributeValue::S(text)) => text.into_bytes(),
        Some(AttributeValue::B(bytes)) => bytes.into_inner(),
        Some(_) => return Err(wrong(VALUE, "a string (S) or binary (B)")),
        None => return Err(foreign(&format!("has no attribute `{VALUE}`"))),
    };
    let etag = match attributes.remove(ETAG) {
        // An empty ETag would be no condition where it is given back.
        Some(AttributeValue::S(etag)) => Some(etag).filter(|etag| !etag.is_empty()),
        Some(_) => return Err(wrong(ETAG, "a string (S)")),
        None => None,
    };
    let content_type = match attributes.remove(CONTENT_TYPE) {
        Some(AttributeValue::S(content_type)) => Some(content_type),
        // Dapr's layout does not know the name: it may be another tool's.
        _ => None,
    };
    Ok(Some(Item {
        value,
        etag,
        content_type,
        expires_at,
    }))
}

/// Whether the stored item has this ETag.
#[must_use]
pub fn has_etag(attributes: &Attributes, etag: &str) -> bool {
    matches!(attributes.get(ETAG), Some(AttributeValue::S(stored)) if stored == etag)
}

/// Seconds since the Unix epoch. A moment before it counts as the epoch, and
/// one beyond the range as its end.
fn expiry(number: &str) -> Option<u64> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() < number.len() {
        return Some(0);
    }
    // A number of DynamoDB has up to 126 digits: all that can fail here is the range.
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
