//! A decoder that reads plain responses to reads in one pass. A response is plain if its
//! attributes are strings, numbers or binary values, and it has no unexpected members. Any
//! other response is not an error here: the SDK reads it.
//!
//! The SDK looks at each byte of a string several times, one byte at a time. For a large
//! response this takes most of the time. Native tests compare the results of this decoder
//! with those of the SDK.

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_types::base64;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

/// The maximum number of attributes of a state store item: partition key, value, ETag,
/// content type and expiry.
const ATTRIBUTES: usize = 5;

/// Reads a response to GetItem. Returns `None` if it is not plain.
pub(super) fn get_item(body: &[u8]) -> Option<GetItemOutput> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "PascalCase")]
    struct Answer {
        item: Option<Item>,
    }
    let Object::<Answer>(answer) = serde_json::from_slice(body).ok()?;
    let item = answer.item.map(|item| item.0);
    Some(GetItemOutput::builder().set_item(item).build())
}

/// Reads a response to BatchGetItem. Returns `None` if it is not plain.
pub(super) fn batch_get_item(body: &[u8]) -> Option<BatchGetItemOutput> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "PascalCase")]
    struct Answer {
        responses: HashMap<String, Vec<Item>>,
        unprocessed_keys: HashMap<String, Object<Unprocessed>>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "PascalCase")]
    struct Unprocessed {
        keys: Vec<Item>,
        consistent_read: Option<bool>,
    }
    let Object::<Answer>(answer) = serde_json::from_slice(body).ok()?;
    let found = answer.responses.into_iter();
    let found = found.map(|(table, items)| (table, attributes(items)));
    let mut left = HashMap::new();
    for (table, Object(unprocessed)) in answer.unprocessed_keys {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(attributes(unprocessed.keys)))
            .set_consistent_read(unprocessed.consistent_read);
        left.insert(table, keys.build().ok()?);
    }
    let output = BatchGetItemOutput::builder()
        .set_responses(Some(found.collect()))
        .set_unprocessed_keys(Some(left));
    Some(output.build())
}

fn attributes(items: Vec<Item>) -> Vec<HashMap<String, AttributeValue>> {
    items.into_iter().map(|item| item.0).collect()
}

/// A JSON object. The code that serde derives for `T` alone would also accept an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// An item, or the key of an item.
struct Item(HashMap<String, AttributeValue>);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Attributes)
    }
}

struct Attributes;

impl<'de> Visitor<'de> for Attributes {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        let mut attributes = HashMap::with_capacity(ATTRIBUTES);
        while let Some((name, Attribute(value))) = members.next_entry()? {
            attributes.insert(name, value);
        }
        Ok(Item(attributes))
    }
}

/// The value of an attribute: a JSON object with one member, whose name is the type.
struct Attribute(AttributeValue);

#[derive(Deserialize)]
enum Type {
    S,
    N,
    B,
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneMember)
    }
}

struct OneMember;

impl<'de> Visitor<'de> for OneMember {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value of type S, N or B")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Attribute, A::Error> {
        let value = match members.next_key()? {
            Some(Type::S) => AttributeValue::S(members.next_value()?),
            Some(Type::N) => AttributeValue::N(members.next_value()?),
            Some(Type::B) => {
                // A borrowed string cannot have escapes. The SDK does not unescape base64,
                // so a value with escapes is left to the SDK, which refuses it.
                let text: &str = members.next_value()?;
                let bytes = base64::decode(text).map_err(A::Error::custom)?;
                AttributeValue::B(Blob::new(bytes))
            }
            None => return Err(A::Error::custom("no type")),
        };
        match members.next_key::<Type>()? {
            None => Ok(Attribute(value)),
            Some(_) => Err(A::Error::custom("two types")),
        }
    }
}
