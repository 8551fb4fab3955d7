//! Cuts writes into batches: each has as many as a BatchWriteItem takes, and fewer
//! where its body would be too long.

use super::plan::Placed;
use crate::limits::{BATCH_WRITE_BYTES, BATCH_WRITE_REQUESTS, CONFIGURED_NAME_CHARACTERS};
use crate::state::change::{Change, Effect};
use crate::state::item::Attributes;
use aws_sdk_dynamodb::types::AttributeValue;

/// Longest JSON form of one byte of a string: `\u0001`.
const ESCAPED_BYTE: usize = 6;

/// Overhead of a write in the body:
/// `{"DeleteRequest":{"Key":{}}},`, rounded up.
const REQUEST: usize = 32;

/// Overhead of an attribute: `"":{"S":""},`, rounded up.
const ATTRIBUTE: usize = 16;

/// Longest configured attribute name in JSON.
const CONFIGURED_NAME: usize = CONFIGURED_NAME_CHARACTERS * ESCAPED_BYTE;

/// The digits of an expiry: those of an `i64` at most.
const EXPIRY: usize = 19;

/// Share of each write in a full batch.
const SHARE: usize = BATCH_WRITE_BYTES / BATCH_WRITE_REQUESTS;

/// The batches of these writes, in their order.
pub(super) fn batches(changes: Vec<Placed>) -> impl Iterator<Item = Vec<Placed>> {
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut batch = Vec::with_capacity(BATCH_WRITE_REQUESTS.min(changes.len()));
        let mut room = BATCH_WRITE_BYTES;
        while batch.len() < BATCH_WRITE_REQUESTS
            && let Some(placed) = changes.next_if(|(_, change)| {
                let left = room.checked_sub(size(change));
                room = left.unwrap_or_default();
                left.is_some() || batch.is_empty()
            })
        {
            batch.push(placed);
        }
        (!batch.is_empty()).then_some(batch)
    })
}

/// Returns an upper bound of a write's size in the body. The strings of small items are not
/// looked at: such an item fits its share even if JSON escapes all of it.
fn size(change: &Change) -> usize {
    let Effect::Put { item, .. } = &change.effect else {
        return REQUEST + ATTRIBUTE + CONFIGURED_NAME + change.key.len() * ESCAPED_BYTE;
    };
    let expiry = match item.expires() {
        true => ATTRIBUTE + CONFIGURED_NAME + EXPIRY,
        false => 0,
    };
    let most = size_of_put(item.attributes(), |text| text.len() * ESCAPED_BYTE);
    expiry
        + match most <= SHARE {
            true => most,
            false => size_of_put(item.attributes(), escaped),
        }
}

/// Returns the size of a put; `string` measures a string without its quotes.
fn size_of_put(attributes: &Attributes, string: impl Fn(&str) -> usize) -> usize {
    let attributes = attributes.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::S(text) | AttributeValue::N(text) => string(text),
            // In base64.
            AttributeValue::B(bytes) => bytes.as_ref().len().div_ceil(3) * 4,
            // No item of the state store has another type.
            _ => 0,
        };
        ATTRIBUTE + string(name) + value
    });
    REQUEST + attributes.sum::<usize>()
}

/// Length of `text` as the SDK escapes it.
fn escaped(text: &str) -> usize {
    let more = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x0c | b'\n' | b'\r' | b'\t' => 1,
        0..=0x1f => ESCAPED_BYTE - 1,
        _ => 0,
    });
    text.len() + more.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Table;
    use crate::state::condition::Condition;
    use crate::state::item::{NewItem, encode, key_attributes, new_etag};
    use aws_smithy_types::base64;
    use serde_json::{Value, json};

    fn table() -> Table {
        Table {
            name: "orders".to_owned(),
            partition_key: "pk".to_owned(),
            ttl_attribute: Some("expires".to_owned()),
        }
    }

    fn put(key: &str, value: &[u8]) -> Change {
        let etag = new_etag(7);
        let item = NewItem {
            value: value.to_vec(),
            etag: etag.clone(),
            content_type: Some("text/plain".to_owned()),
            ttl: Some(60),
        };
        let item = encode(&table(), key, item).unwrap();
        Change {
            key: key.to_owned(),
            condition: Condition::Always,
            effect: Effect::Put { item, etag },
        }
    }

    fn delete(key: &str) -> Change {
        Change {
            key: key.to_owned(),
            condition: Condition::Always,
            effect: Effect::Delete,
        }
    }

    fn counts(changes: impl IntoIterator<Item = Change>) -> Vec<usize> {
        let changes: Vec<Placed> = changes.into_iter().enumerate().collect();
        let batches: Vec<Vec<Placed>> = batches(changes.clone()).collect();
        assert_eq!(batches.concat(), changes, "all of them in their order");
        batches.iter().map(Vec::len).collect()
    }

    const LARGE: usize = 400_000;

    /// As the SDK writes it: `state::tests::bulk_sizes` measures the requests
    /// themselves.
    fn json(change: &Change) -> String {
        let Effect::Put { item, .. } = &change.effect else {
            let key = key_attributes(&table(), change.key.clone());
            return json!({"DeleteRequest": {"Key": object(&key)}}).to_string();
        };
        let attributes = item.clone().into_attributes(&table(), 1_700_000_000);
        json!({"PutRequest": {"Item": object(&attributes)}}).to_string()
    }

    fn object(attributes: &Attributes) -> Value {
        let member = |(name, value): (&String, &AttributeValue)| {
            let value = match value {
                AttributeValue::S(text) => json!({"S": text}),
                AttributeValue::N(number) => json!({"N": number}),
                AttributeValue::B(bytes) => json!({"B": base64::encode(bytes)}),
                other => panic!("{other:?}"),
            };
            (name.clone(), value)
        };
        attributes.iter().map(member).collect()
    }

    #[test]
    fn no_write_is_larger_than_its_size() {
        let all: String = (0..=0x80_u8).map(char::from).collect();
        for value in ["v", "\"\\\u{8}\u{c}\n\r\t\u{1f}é", &all] {
            // As it is, and large enough to be measured.
            for times in [1, SHARE / ESCAPED_BYTE / value.len() + 1] {
                let change = put(&all, value.repeat(times).as_bytes());
                let (size, json) = (size(&change), json(&change).len() + 1);
                assert!(size >= json, "{size} {json}");
                assert!(times == 1 || size < json + 2_000, "{size} {json}");
            }
        }
        for length in 0..4 {
            let change = put("k", &vec![0xff; LARGE + length]);
            let (size, json) = (size(&change), json(&change).len() + 1);
            assert!((json..json + 3_000).contains(&size), "{size} {json}");
        }
        let change = delete(&all);
        assert!(size(&change) > json(&change).len());
    }

    #[test]
    fn a_batch_has_25_writes() {
        let sets = |count: usize| (0..count).map(|n| put(&format!("k{n}"), b"v"));
        assert_eq!(counts(sets(0)), [0; 0]);
        assert_eq!(counts(sets(1)), [1]);
        assert_eq!(counts(sets(50)), [25, 25]);
        assert_eq!(counts(sets(51)), [25, 25, 1]);
        let key = "\u{1}".repeat(2_048);
        assert_eq!(counts((0..26).map(|_| delete(&key))), [25, 1]);
    }

    #[test]
    fn plain_text_and_bytes_fill_a_batch_of_25() {
        for value in [
            vec![b'x'; LARGE],
            "é".repeat(LARGE / 2).into(),
            vec![0xff; LARGE],
        ] {
            let sets = (0..26).map(|n| put(&format!("k{n}"), &value));
            assert_eq!(counts(sets), [25, 1]);
        }
        let small = |n: usize| put(&format!("s{n}"), &[b'x'; 100_000]);
        let large = |n: usize| put(&format!("l{n}"), &[b'x'; LARGE]);
        let mixed = (0..13).flat_map(|n| [small(n), large(n)]);
        assert_eq!(counts(mixed), [25, 1]);
    }

    #[test]
    fn values_that_json_escapes_make_smaller_batches() {
        for (byte, most) in [(1, 6), (b'"', 19), (b'\n', 19)] {
            let sets = (0..25).map(|n| put(&format!("k{n}"), &vec![byte; LARGE]));
            let counts = counts(sets);
            assert_eq!(counts[0], most, "{byte}");
            assert_eq!(counts.iter().sum::<usize>(), 25);
        }
    }
}
