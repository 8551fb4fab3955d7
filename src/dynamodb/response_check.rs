//! Checks a response before it is read. The checksum proves that the body is the one that
//! DynamoDB sent. The shape shows that the body is a response to the operation.
//!
//! A 200 response must be a JSON object that is empty or has at least one member of the
//! operation. This rejects responses of other servers at the configured address, such as
//! another service or the login page of a network. Otherwise such a response would look
//! like an absent item or a successful write.
//!
//! BatchGetItem also needs the member `Responses`, which DynamoDB always sends, even if
//! its list is empty. Without it, a response would say that all keys are absent.
//!
//! The SDK ignores unknown members, so that members that DynamoDB adds later are not an
//! error. This check also accepts them, if there is a known member too.

use super::codec;
use crate::http::{CHECKSUM, Response, TransportError};
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Returns the members of the response to an operation.
/// Source: "Response Syntax" of each operation in the DynamoDB API reference.
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

/// Returns the member without which a response to the operation is damaged. BatchWriteItem
/// has none: DynamoDB-compatible servers omit `UnprocessedItems` if there are none.
fn required(operation: &str) -> Option<&'static str> {
    (operation == "BatchGetItem").then_some("Responses")
}

/// Returns true if `body` can be the body of a successful response to `operation`.
pub(super) fn fits(operation: &str, body: &[u8]) -> bool {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Answer {
        members: members(operation),
        required: required(operation),
    });
    read.and_then(|()| json.end()).is_ok()
}

struct Answer {
    members: &'static [&'static str],
    required: Option<&'static str>,
}

impl<'de> Visitor<'de> for Answer {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a response of the operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (mut any, mut known) = (false, false);
        let mut complete = self.required.is_none();
        while let Some((name, value)) = members.next_entry::<Cow<'_, str>, Option<IgnoredAny>>()? {
            any = true;
            known |= self.members.contains(&&*name);
            // The SDK reads a member that is null as an absent one.
            complete |= value.is_some() && self.required == Some(&*name);
        }
        if any && !known {
            return Err(A::Error::custom("no member of the operation"));
        }
        if !complete {
            return Err(A::Error::custom("a member is missing"));
        }
        Ok(())
    }
}

/// Checks the body against its CRC-32, if the response has one. A body that fails the
/// check is never read.
///
/// # Errors
///
/// [`TransportError::Damaged`].
pub(super) fn check(response: &Response) -> Result<(), TransportError> {
    let Some(sent) = response.header(CHECKSUM) else {
        return Ok(());
    };
    let arrived = response.crc32;
    let arrived = arrived.unwrap_or_else(|| crc32fast::hash(&response.body));
    if sent.trim().parse() == Ok(arrived) {
        Ok(())
    } else {
        let encoding = codec::encoding(response);
        let encoding = encoding.map(|words| format!("; {words}"));
        Err(TransportError::Damaged(format!(
            "{CHECKSUM} is {}, the body has {arrived}{}",
            codec::quoted(sent),
            encoding.unwrap_or_default()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::codec::{
        BatchGetItem, BatchWriteItem, DeleteItem, GetItem, Operation, PutItem, TransactWriteItems,
    };

    #[test]
    fn response_has_a_known_member_or_none() {
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
    fn batch_get_response_needs_responses() {
        for body in [
            r#"{"Responses":{}}"#,
            r#"{"Responses":{"t":[]},"UnprocessedKeys":{}}"#,
        ] {
            assert!(fits("BatchGetItem", body.as_bytes()), "{body}");
        }
        for body in [
            "{}",
            r#"{"UnprocessedKeys":{}}"#,
            r#"{"UnprocessedKeys":{},"Responses":null}"#,
            r#"{"ConsumedCapacity":[]}"#,
        ] {
            assert!(!fits("BatchGetItem", body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn batch_write_response_may_omit_unprocessed_items() {
        for body in ["{}", r#"{"UnprocessedItems":{}}"#] {
            assert!(fits("BatchWriteItem", body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn response_must_be_a_json_object() {
        for body in ["", "[]", "null", "\"Item\"", "{} {}", "{", "\u{feff}{}"] {
            assert!(!fits("GetItem", body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn every_operation_has_known_members() {
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

    fn response(crc: Option<&str>) -> Response {
        let headers = crc.map(|crc| (CHECKSUM.to_owned(), crc.as_bytes().to_vec()));
        Response {
            status: 200,
            headers: headers.into_iter().collect(),
            body: b"123456789".to_vec(),
            crc32: None,
        }
    }

    #[test]
    fn body_passes_with_matching_or_no_checksum() {
        assert_eq!(check(&response(Some("3421780262"))), Ok(()));
        assert_eq!(check(&response(None)), Ok(()));
        assert!(check(&response(Some("3421780263"))).is_err());
        assert!(check(&response(Some("many"))).is_err());
    }

    #[test]
    fn checksum_of_the_host_counts_if_there_is_one() {
        let mut computed = response(Some("3421780262"));
        computed.crc32 = Some(3_421_780_262);
        assert_eq!(check(&computed), Ok(()));
        computed.crc32 = Some(3_421_780_263);
        assert!(check(&computed).is_err());
    }

    #[test]
    fn checksum_error_names_the_content_encoding() {
        let mut encoded = response(Some("3421780263"));
        let field = ("Content-Encoding".to_owned(), b"gzip".to_vec());
        encoded.headers.push(field);
        let error = check(&encoded).unwrap_err().to_string();
        assert!(error.contains("content encoding gzip"), "{error}");
    }
}
