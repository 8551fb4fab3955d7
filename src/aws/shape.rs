//! A success is one by its shape: an object of which at least one member is the
//! operation's, or without any. What else speaks HTTP and JSON at the configured
//! address, such as another service or the page of a network's login, is not
//! taken for a table that lacks the item, or for a write that is done.
//!
//! The SDK passes over what it does not know, so that a member of later days is no
//! error. Nor is it here, beside one that is known.

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The members of an operation's answer.
/// Source: "Response Syntax" of each in the DynamoDB API reference.
fn members(operation: &str) -> &'static [&'static str] {
    match operation {
        "GetItem" => &["ConsumedCapacity", "Item"],
        "BatchGetItem" => &["ConsumedCapacity", "Responses", "UnprocessedKeys"],
        "PutItem" | "DeleteItem" => &["Attributes", "ConsumedCapacity", "ItemCollectionMetrics"],
        "BatchWriteItem" => &[
            "ConsumedCapacity",
            "ItemCollectionMetrics",
            "UnprocessedItems",
        ],
        "TransactWriteItems" => &["ConsumedCapacity", "ItemCollectionMetrics"],
        _ => &[],
    }
}

/// Whether `body` can be the answer to a success of `operation`.
pub(super) fn fits(operation: &str, body: &[u8]) -> bool {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Answer(members(operation)));
    read.and_then(|()| json.end()).is_ok()
}

struct Answer(&'static [&'static str]);

impl<'de> Visitor<'de> for Answer {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (mut any, mut known) = (false, false);
        while let Some((name, IgnoredAny)) = members.next_entry::<Cow<'_, str>, _>()? {
            any = true;
            known |= self.0.contains(&&*name);
        }
        if any && !known {
            return Err(A::Error::custom("no member of the operation"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::operation::{
        BatchGetItem, BatchWriteItem, DeleteItem, GetItem, Operation, PutItem, TransactWriteItems,
    };

    #[test]
    fn an_answer_has_a_member_of_its_operation_or_none_at_all() {
        for body in [
            "{}",
            " { } ",
            r#"{"ConsumedCapacity":null}"#,
            r#"{"Later":[{}],"Item":{}}"#,
        ] {
            assert!(fits("GetItem", body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"status":"ok"}"#,
            r#"{"item":{}}"#,
            r#"{"UnprocessedItems":{}}"#,
        ] {
            assert!(!fits("GetItem", body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn what_is_no_object_or_no_json_is_no_answer() {
        for body in ["", "[]", "null", "\"Item\"", "{} {}", "{", "\u{feff}{}"] {
            assert!(!fits("GetItem", body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn members_are_known_of_every_operation() {
        for operation in [
            GetItem::NAME,
            PutItem::NAME,
            DeleteItem::NAME,
            BatchGetItem::NAME,
            BatchWriteItem::NAME,
            TransactWriteItems::NAME,
        ] {
            assert!(!members(operation).is_empty(), "{operation}");
        }
    }
}
