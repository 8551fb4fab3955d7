//! Sends one batch with BatchWriteItem until DynamoDB leaves nothing unprocessed.
//!
//! A batch with an unknown outcome is not sent again, unless `unconfirmedWrites` is `repeat`.
//! The store reads it back instead: items in the table with their new ETags were written, and
//! the outcome of the others stays unknown.
//!
//! A batch has as many writes as BatchWriteItem accepts, or fewer if its body would be too
//! long.

use super::write::{Placed, Written};
use super::{StallTimeout, UnprocessedRetry, left_unprocessed};
use crate::dynamodb::CallInput;
use crate::dynamodb::codec::BatchWriteItem;
use crate::dynamodb::error::OperationError;
use crate::error::Error;
use crate::http::Platform;
use crate::limits::{BATCH_WRITE_BYTES, BATCH_WRITE_REQUESTS, CONFIGURED_NAME_CHARACTERS};
use crate::state::StateStore;
use crate::state::change::{Change, Effect};
use crate::state::condition::Condition;
use crate::state::item::{Attributes, key_attributes};
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest as BatchDelete, PutRequest as BatchPut, WriteRequest,
};
use std::collections::HashMap;

/// The writes of a batch that are not done yet, by key: the position of the result, and the
/// effect.
type Pending = HashMap<String, (usize, Effect)>;

/// The error of a batch.
enum BatchError {
    /// The error of all writes of the batch.
    Failed(Error),
    /// The request is too large, and nothing of it was written.
    TooLarge(Error),
    /// Any part of the batch may have been written.
    UnknownOutcome(Box<OperationError>),
}

impl<P: Platform> StateStore<P> {
    /// Writes one batch until no write of it is left unprocessed.
    pub(super) async fn write_batch(
        &self,
        changes: Vec<Placed>,
        stall: &StallTimeout<'_, P>,
    ) -> Vec<(usize, Written)> {
        let mut pending: Pending = changes
            .into_iter()
            .map(|(position, change)| (change.key, (position, change.effect)))
            .collect();
        let mut written = Vec::with_capacity(pending.len());
        let mut rounds = UnprocessedRetry::new(&self.client);
        loop {
            let sent = match stall.check() {
                Ok(()) => self.send_batch(&pending).await,
                Err(error) => Err(BatchError::Failed(error)),
            };
            let unprocessed = match sent {
                Ok(unprocessed) => unprocessed,
                Err(BatchError::Failed(Error::InvalidArgument(_) | Error::TooLarge(_)))
                    if pending.len() > 1 =>
                {
                    // DynamoDB refuses a whole batch for one invalid item. The others are valid.
                    for (position, change) in placed(pending) {
                        written.push((position, self.write_one(change, stall).await));
                    }
                    return written;
                }
                Err(BatchError::TooLarge(_)) if pending.len() > 1 => {
                    let mut half: Vec<_> = placed(pending).collect();
                    let other_half = half.split_off(half.len() / 2);
                    for half in [half, other_half] {
                        written.extend(Box::pin(self.write_batch(half, stall)).await);
                    }
                    return written;
                }
                Err(BatchError::Failed(error) | BatchError::TooLarge(error)) => {
                    written.extend(failed(pending, &error));
                    return written;
                }
                Err(BatchError::UnknownOutcome(failure)) => {
                    let puts = pending.iter();
                    let puts =
                        puts.filter_map(|(key, (_, effect))| Some((key.as_str(), effect.etag()?)));
                    let in_table = self.keys_written(puts.collect(), &failure).await;
                    let (done, lost) = part(pending, |key| in_table.contains(key));
                    written.extend(succeeded(done));
                    written.extend(failed(lost, &self.write_error(*failure)));
                    return written;
                }
            };
            let before = pending.len();
            let (left_over, done) = match unprocessed.is_empty() {
                true => (Pending::new(), pending),
                false => part(pending, |key| unprocessed.contains(key)),
            };
            pending = left_over;
            let some = pending.len() < before;
            written.extend(succeeded(done));
            if !rounds.goes_on(some, stall).await {
                written.extend(failed(pending, &left_unprocessed()));
                return written;
            }
            if pending.is_empty() {
                return written;
            }
        }
    }

    /// Sends the pending writes. Returns the keys that DynamoDB left unprocessed.
    async fn send_batch(&self, pending: &Pending) -> Result<Vec<String>, BatchError> {
        let expires = pending.values().any(|(_, effect)| effect.expires());
        let input = match expires {
            true => CallInput::timed(|now| self.batch_input(pending, now)),
            false => CallInput::Fixed(self.batch_input(pending, 0).map_err(BatchError::Failed)?),
        };
        let repeat = self.unconfirmed_writes;
        let answer = self
            .client
            .call_write::<BatchWriteItem>(repeat, input)
            .await;
        let answer = answer.map_err(|failure| {
            if failure.may_have_been_applied() {
                return BatchError::UnknownOutcome(failure);
            }
            let why = match failure.last.refuses_the_size() {
                true => BatchError::TooLarge,
                false => BatchError::Failed,
            };
            why(self.write_error(*failure))
        })?;
        let unprocessed = self
            .of_the_table(answer.unprocessed_items)
            .map_err(BatchError::Failed)?;
        let keys = unprocessed.unwrap_or_default().into_iter().map(|request| {
            let key = match (request.put_request, request.delete_request) {
                (Some(put), _) => self.key_of(put.item),
                (None, Some(delete)) => self.key_of(delete.key),
                (None, None) => None,
            };
            // All writes that are not unprocessed count as done. So each unprocessed write must
            // be one that was sent.
            key.filter(|key| pending.contains_key(key)).ok_or_else(|| {
                BatchError::Failed(self.unexpected_answer("an unprocessed item that was not sent"))
            })
        });
        keys.collect()
    }

    fn batch_input(&self, pending: &Pending, now: u64) -> Result<BatchWriteItemInput, Error> {
        let requests = pending
            .iter()
            .map(|(key, (_, effect))| self.write_request(key, effect, now))
            .collect::<Result<Vec<_>, Error>>()?;
        BatchWriteItemInput::builder()
            .request_items(&self.table.name, requests)
            .build()
            .map_err(Error::unbuilt)
    }

    fn write_request(&self, key: &str, effect: &Effect, now: u64) -> Result<WriteRequest, Error> {
        let request = WriteRequest::builder();
        Ok(match effect {
            Effect::Put { item, .. } => {
                let attributes = item.clone().into_attributes(&self.table, now);
                let put = BatchPut::builder().set_item(Some(attributes));
                request.put_request(put.build().map_err(Error::unbuilt)?)
            }
            Effect::Delete => {
                let key = key_attributes(&self.table, key.to_owned());
                let delete = BatchDelete::builder().set_key(Some(key));
                request.delete_request(delete.build().map_err(Error::unbuilt)?)
            }
        }
        .build())
    }
}

/// Returns the pending writes as planned changes.
fn placed(pending: Pending) -> impl Iterator<Item = Placed> {
    pending.into_iter().map(|(key, (position, effect))| {
        let change = Change {
            key,
            condition: Condition::Always,
            effect,
        };
        (position, change)
    })
}

/// Splits the pending writes into those whose key `picked` selects, and the others.
fn part(pending: Pending, picked: impl Fn(&String) -> bool) -> (Pending, Pending) {
    pending.into_iter().partition(|(key, _)| picked(key))
}

/// Returns the results of writes that are done.
fn succeeded(done: Pending) -> impl Iterator<Item = (usize, Written)> {
    done.into_values()
        .map(|(position, effect)| (position, Ok(effect.etag().map(str::to_owned))))
}

/// Returns the results of writes that are given up.
fn failed(pending: Pending, error: &Error) -> impl Iterator<Item = (usize, Written)> {
    pending
        .into_iter()
        .map(|(key, (position, _))| (position, Err(error.clone().of_key(&key))))
}

/// The longest JSON form of one byte of a string, in bytes: `\u0001`.
const ESCAPED_BYTE: usize = 6;

/// The overhead of a write in the body, in bytes:
/// `{"DeleteRequest":{"Key":{}}},`, rounded up.
const REQUEST: usize = 32;

/// The overhead of an attribute, in bytes: `"":{"S":""},`, rounded up.
const ATTRIBUTE: usize = 16;

/// The longest configured attribute name in JSON, in bytes.
const CONFIGURED_NAME: usize = CONFIGURED_NAME_CHARACTERS * ESCAPED_BYTE;

/// The maximum number of digits of an expiry, which is at most `i64::MAX`.
const EXPIRY: usize = 19;

/// The share of each write in a full batch, in bytes.
const SHARE: usize = BATCH_WRITE_BYTES / BATCH_WRITE_REQUESTS;

/// Splits the writes into batches, in order.
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

/// Returns an upper bound of a write's size in the body. It does not scan the strings of small
/// items: such an item fits its share even if JSON escapes all of it.
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
            // The length in base64.
            AttributeValue::B(bytes) => bytes.as_ref().len().div_ceil(3) * 4,
            // The items of a state store have no other types.
            _ => 0,
        };
        ATTRIBUTE + string(name) + value
    });
    REQUEST + attributes.sum::<usize>()
}

/// Returns the length of `text` as the SDK escapes it.
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
    use crate::state::Table;
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
        assert_eq!(batches.concat(), changes, "all of them, in order");
        batches.iter().map(Vec::len).collect()
    }

    const LARGE: usize = 400_000;

    /// Returns the JSON of a change, as the SDK writes it. `state::tests::bulk_sizes` measures
    /// the requests themselves.
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
    fn size_is_an_upper_bound_of_a_write() {
        let all: String = (0..=0x80_u8).map(char::from).collect();
        for value in ["v", "\"\\\u{8}\u{c}\n\r\t\u{1f}é", &all] {
            // The value as it is, and one that is large enough to be scanned.
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
    fn batch_has_at_most_25_writes() {
        let sets = |count: usize| (0..count).map(|n| put(&format!("k{n}"), b"v"));
        assert_eq!(counts(sets(0)), [0; 0]);
        assert_eq!(counts(sets(1)), [1]);
        assert_eq!(counts(sets(50)), [25, 25]);
        assert_eq!(counts(sets(51)), [25, 25, 1]);
        let key = "\u{1}".repeat(2_048);
        assert_eq!(counts((0..26).map(|_| delete(&key))), [25, 1]);
    }

    #[test]
    fn plain_text_and_bytes_fill_a_batch_of_25_writes() {
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
    fn escaped_values_make_smaller_batches() {
        for (byte, most) in [(1, 6), (b'"', 19), (b'\n', 19)] {
            let sets = (0..25).map(|n| put(&format!("k{n}"), &vec![byte; LARGE]));
            let counts = counts(sets);
            assert_eq!(counts[0], most, "{byte}");
            assert_eq!(counts.iter().sum::<usize>(), 25);
        }
    }
}
