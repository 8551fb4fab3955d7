//! bulk-get: one BatchGetItem per 100 keys. A key that repeats is requested once.

use super::{PARALLEL_REQUESTS, StallTimeout, UnprocessedRetry, left_unprocessed};
use crate::dynamodb::codec::BatchGetItem;
use crate::error::Error;
use crate::http::Platform;
use crate::limits::BATCH_GET_KEYS;
use crate::state::item::{Attributes, check_key, decode, key_attributes};
use crate::state::{Consistency, Item, StateStore};
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::{StreamExt, stream};
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The result of one key.
type Found = Result<Option<Item>, Error>;

impl<P: Platform> StateStore<P> {
    /// Returns the items of `keys` by position.
    ///
    /// # Errors
    ///
    /// The call as a whole never fails: each key has its own error.
    pub async fn bulk_get(
        &self,
        keys: Vec<String>,
        consistency: Option<Consistency>,
    ) -> Vec<Found> {
        let mut results: Vec<Found> = Vec::with_capacity(keys.len());
        let mut first_places: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
        let mut repeated = Vec::new();
        let mut wanted: Vec<&str> = Vec::with_capacity(keys.len());
        for (place, key) in keys.iter().enumerate() {
            let checked = check_key(key);
            if checked.is_ok() {
                match first_places.entry(key) {
                    Entry::Vacant(entry) => {
                        entry.insert(place);
                        wanted.push(key);
                    }
                    Entry::Occupied(entry) => repeated.push((place, *entry.get())),
                }
            }
            results.push(checked.map(|()| None));
        }
        let stall = StallTimeout::new(&self.client);
        let _several = (wanted.len() > BATCH_GET_KEYS).then(|| self.client.several());
        let mut batches = stream::iter(wanted.chunks(BATCH_GET_KEYS))
            .map(|batch| self.get_batch(batch, consistency, &stall))
            .buffer_unordered(PARALLEL_REQUESTS);
        while let Some(batch) = batches.next().await {
            for (key, found) in batch {
                let place = first_places.get(key.as_str());
                if let Some(slot) = place.and_then(|place| results.get_mut(*place)) {
                    *slot = found;
                }
            }
        }
        for (place, first) in repeated {
            if let Some(found) = results.get(first).cloned()
                && let Some(slot) = results.get_mut(place)
            {
                *slot = found;
            }
        }
        results
    }

    /// Reads one batch until no key of it is left unprocessed. A key that is not in the result
    /// is absent.
    async fn get_batch(
        &self,
        keys: &[&str],
        consistency: Option<Consistency>,
        stall: &StallTimeout<'_, P>,
    ) -> Vec<(String, Found)> {
        let mut found = Vec::with_capacity(keys.len());
        let mut pending: Vec<Cow<'_, str>> = keys.iter().copied().map(Cow::from).collect();
        let mut rounds = UnprocessedRetry::new(&self.client);
        loop {
            let answer = match stall.check() {
                Ok(()) => self.ask(&pending, consistency).await,
                Err(error) => Err(error),
            };
            let answer = answer.and_then(|output| self.sort_out(output, &pending));
            let (items, unprocessed) = match answer {
                Ok(sorted) => sorted,
                Err(Error::TooLarge(_)) if pending.len() > 1 => {
                    // A proxy in front of DynamoDB refused this many keys. Half of them may
                    // fit.
                    let keys: Vec<&str> = pending.iter().map(Cow::as_ref).collect();
                    for half in keys.chunks(keys.len().div_ceil(2)) {
                        let half = self.get_batch(half, consistency, stall);
                        found.extend(Box::pin(half).await);
                    }
                    return found;
                }
                Err(error) => {
                    found.extend(failed(pending, &error));
                    return found;
                }
            };
            let some = unprocessed.len() < pending.len();
            pending = unprocessed;
            self.decode_all(items, &mut found);
            if !rounds.goes_on(some, stall).await {
                found.extend(failed(pending, &left_unprocessed()));
                return found;
            }
            if pending.is_empty() {
                return found;
            }
        }
    }

    async fn ask(
        &self,
        keys: &[Cow<'_, str>],
        consistency: Option<Consistency>,
    ) -> Result<BatchGetItemOutput, Error> {
        let keys = keys
            .iter()
            .map(|key| key_attributes(&self.table, key.to_string()))
            .collect();
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .set_consistent_read(self.consistent_read(consistency))
            .build()
            .map_err(Error::unbuilt)?;
        let input = BatchGetItemInput::builder()
            .request_items(&self.table.name, request)
            .build()
            .map_err(Error::unbuilt)?;
        let answer = self.client.call::<BatchGetItem>(input).await;
        answer.map_err(|failure| self.read_error(*failure))
    }

    /// Splits a response into its items and its unprocessed keys. A requested key that is in
    /// neither is absent. So each returned key must be one of the requested keys, and must
    /// occur only once.
    fn sort_out(
        &self,
        output: BatchGetItemOutput,
        asked: &[Cow<'_, str>],
    ) -> Result<(Vec<Attributes>, Vec<Cow<'static, str>>), Error> {
        let mut open: HashSet<&str> = asked.iter().map(Cow::as_ref).collect();
        let items = self.of_the_table(output.responses)?.unwrap_or_default();
        for item in &items {
            match item.get(&self.table.partition_key) {
                Some(AttributeValue::S(key)) if open.remove(key.as_str()) => {}
                _ => return Err(self.unexpected_answer("the item of another key")),
            }
        }
        let left = self.of_the_table(output.unprocessed_keys)?;
        let left = left.map(|request| request.keys).unwrap_or_default();
        let left = left.into_iter().map(|key| match self.key_of(key) {
            Some(key) if open.remove(key.as_str()) => Ok(Cow::from(key)),
            _ => Err(self.unexpected_answer("an unprocessed key that was not requested")),
        });
        Ok((items, left.collect::<Result<_, _>>()?))
    }

    /// Returns the part of a response that belongs to the table.
    pub(super) fn of_the_table<T>(
        &self,
        tables: Option<HashMap<String, T>>,
    ) -> Result<Option<T>, Error> {
        let mut tables = tables.unwrap_or_default();
        let own = tables.remove(&self.table.name);
        if tables.is_empty() {
            Ok(own)
        } else {
            Err(self.unexpected_answer("data of another table"))
        }
    }

    fn decode_all(&self, items: Vec<Attributes>, found: &mut Vec<(String, Found)>) {
        let now = self.now();
        for mut item in items {
            if let Some(AttributeValue::S(key)) = item.remove(&self.table.partition_key) {
                let decoded = decode(&self.table, &key, item, now);
                found.push((key, decoded));
            }
        }
    }

    /// Returns the value of the partition key.
    pub(super) fn key_of(&self, mut attributes: Attributes) -> Option<String> {
        match attributes.remove(&self.table.partition_key) {
            Some(AttributeValue::S(key)) => Some(key),
            _ => None,
        }
    }
}

/// Returns the results of keys that are given up.
fn failed(pending: Vec<Cow<'_, str>>, error: &Error) -> impl Iterator<Item = (String, Found)> {
    pending.into_iter().map(|key| {
        let error = error.clone().of_key(&key);
        (key.into_owned(), Err(error))
    })
}
