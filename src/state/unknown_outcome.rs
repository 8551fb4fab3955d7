//! Reads back sets whose response was lost and that are not sent again. If the stored item
//! has the ETag of the set, the set was applied. Otherwise its outcome stays unknown.
//!
//! A delete cannot be read back. If the item is absent, another request may have deleted it,
//! and the lost request may still be on its way.

use super::StateStore;
use super::item::{Attributes, ETAG, has_etag, key_attributes};
use crate::dynamodb::codec::{BatchGetItem, GetItem};
use crate::dynamodb::error::OperationError;
use crate::http::Platform;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

impl<P: Platform> StateStore<P> {
    /// Returns true if the item of `key` has this ETag, after its set ended with `failure`.
    /// Sends one strongly consistent read. If the read fails, the outcome stays unknown.
    pub(super) async fn was_written(
        &self,
        key: &str,
        etag: &str,
        failure: &OperationError,
    ) -> bool {
        if !failure.may_have_been_applied() {
            return false;
        }
        let input = GetItemInput::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_attributes(&self.table, key.to_owned())))
            .consistent_read(true)
            .projection_expression("#e")
            .expression_attribute_names("#e", ETAG)
            .build();
        let Ok(input) = input else { return false };
        let read = self
            .client
            .call_until::<GetItem>(self.read_until(failure), input);
        let stored = read.await.ok().and_then(|answer| answer.item);
        stored.is_some_and(|stored| has_etag(&stored, etag))
    }

    /// Returns the keys whose items have the given ETags, after the batch that writes them
    /// ended with `failure`. The outcome of keys that DynamoDB leaves unprocessed stays
    /// unknown.
    pub(super) async fn keys_written(
        &self,
        etags: HashMap<&str, &str>,
        failure: &OperationError,
    ) -> HashSet<String> {
        if etags.is_empty() || !failure.may_have_been_applied() {
            return HashSet::new();
        }
        let found = self.etags_of(etags.keys().copied(), failure).await;
        let ours = |item: Attributes| {
            let Some(AttributeValue::S(key)) = item.get(&self.table.partition_key) else {
                return None;
            };
            has_etag(&item, etags.get(key.as_str())?).then(|| key.clone())
        };
        found.into_iter().filter_map(ours).collect()
    }

    /// Returns the keys and ETags of the stored items. Asks again for unprocessed keys while
    /// the responses make progress.
    async fn etags_of(
        &self,
        keys: impl Iterator<Item = &str>,
        failure: &OperationError,
    ) -> Vec<Attributes> {
        let keys = keys.map(|key| key_attributes(&self.table, key.to_owned()));
        let mut pending: Vec<Attributes> = keys.collect();
        let table = &self.table.name;
        let mut found = Vec::new();
        let until = self.read_until(failure);
        while self.client.platform().monotonic() < until {
            let asked = pending.len();
            let Some(answer) = self.ask_etags(pending, until).await else {
                break;
            };
            let items = answer.responses.and_then(|mut tables| tables.remove(table));
            found.extend(items.unwrap_or_default());
            let left = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(table));
            pending = left.map(|left| left.keys).unwrap_or_default();
            if pending.is_empty() || pending.len() >= asked {
                break;
            }
        }
        found
    }

    async fn ask_etags(
        &self,
        keys: Vec<Attributes>,
        until: Duration,
    ) -> Option<BatchGetItemOutput> {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .projection_expression("#k, #e")
            .expression_attribute_names("#k", &self.table.partition_key)
            .expression_attribute_names("#e", ETAG)
            .build();
        let input = BatchGetItemInput::builder()
            .request_items(&self.table.name, request.ok()?)
            .build();
        let read = self.client.call_until::<BatchGetItem>(until, input.ok()?);
        read.await.ok()
    }

    /// Returns the deadline of the read. It is that of the set, but at least the time of one
    /// attempt from now, because the read is not a retry.
    fn read_until(&self, failure: &OperationError) -> Duration {
        let now = self.client.platform().monotonic();
        let one_attempt = now.saturating_add(self.client.limits().request_timeout);
        failure.deadline.max(one_attempt)
    }
}
