//! One BatchWriteItem, until DynamoDB has left nothing of it unprocessed.

use super::plan::Placed;
use super::progress::Progress;
use super::unprocessed::{Rounds, left};
use super::write::Written;
use crate::aws::operation::BatchWriteItem;
use crate::error::Error;
use crate::platform::Platform;
use crate::state::StateStore;
use crate::state::change::{Change, Effect};
use crate::state::condition::Condition;
use crate::state::item::key_attributes;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::types::{DeleteRequest as BatchDelete, PutRequest as BatchPut, WriteRequest};
use std::collections::HashMap;

/// What of a batch is not yet written, by key: where its result goes, and what
/// it leaves.
type Pending = HashMap<String, (usize, Effect)>;

impl<P: Platform> StateStore<P> {
    /// One batch, until nothing of it is left unprocessed.
    pub(super) async fn write_batch(
        &self,
        changes: Vec<Placed>,
        progress: &Progress<'_, P>,
    ) -> Vec<(usize, Written)> {
        let mut pending: Pending = changes
            .into_iter()
            .map(|(position, change)| (change.key, (position, change.effect)))
            .collect();
        let mut written = Vec::with_capacity(pending.len());
        let mut rounds = Rounds::new(&self.client);
        // Whether an attempt whose answer was lost may have written what is pending.
        let mut in_doubt = false;
        loop {
            let sent = match progress.check() {
                Ok(()) => self.send_batch(&pending).await,
                Err(error) => Err(error),
            };
            let unprocessed = match sent {
                Ok((unprocessed, unknown)) => {
                    in_doubt |= unknown;
                    unprocessed
                }
                Err(Error::InvalidArgument(_) | Error::TooLarge(_)) if pending.len() > 1 => {
                    // DynamoDB refuses a batch for one of its items: the others are good.
                    for (key, (position, effect)) in pending {
                        let change = Change {
                            key,
                            condition: Condition::Always,
                            effect,
                        };
                        let result = self.write_one(change, progress).await;
                        written.push((position, result.map_err(|error| doubted(error, in_doubt))));
                    }
                    return written;
                }
                Err(error) => {
                    written.extend(failed(pending, &doubted(error, in_doubt)));
                    return written;
                }
            };
            let before = pending.len();
            let (left_over, done) = match unprocessed.is_empty() {
                true => (Pending::new(), pending),
                false => pending
                    .into_iter()
                    .partition(|(key, _)| unprocessed.contains(key)),
            };
            pending = left_over;
            let some = pending.len() < before;
            if some {
                progress.made();
                rounds.brought_something_on();
            }
            written.extend(
                done.into_values()
                    .map(|(position, effect)| (position, Ok(effect.etag().map(str::to_owned)))),
            );
            if pending.is_empty() {
                return written;
            }
            if !rounds.another().await {
                written.extend(failed(pending, &doubted(left(), in_doubt)));
                return written;
            }
        }
    }

    /// Sends what is pending; gives the keys that DynamoDB left, and whether an
    /// attempt whose answer was lost may have been applied.
    async fn send_batch(&self, pending: &Pending) -> Result<(Vec<String>, bool), Error> {
        let requests = pending
            .iter()
            .map(|(key, (_, effect))| self.write_request(key, effect))
            .collect::<Result<Vec<_>, Error>>()?;
        let input = BatchWriteItemInput::builder()
            .request_items(&self.table.name, requests)
            .build()
            .map_err(Error::unbuilt)?;
        let answer = self.client.call::<BatchWriteItem>(input).await;
        let answer = answer.map_err(|failure| self.write_error(failure))?;
        let unprocessed = answer
            .output
            .unprocessed_items
            .and_then(|mut tables| tables.remove(&self.table.name))
            .unwrap_or_default();
        let keys = unprocessed
            .into_iter()
            .filter_map(
                |request| match (request.put_request, request.delete_request) {
                    (Some(put), _) => self.key_of(put.item),
                    (None, Some(delete)) => self.key_of(delete.key),
                    (None, None) => None,
                },
            )
            .collect();
        Ok((keys, answer.earlier_may_have_been_applied))
    }

    fn write_request(&self, key: &str, effect: &Effect) -> Result<WriteRequest, Error> {
        let request = WriteRequest::builder();
        Ok(match effect {
            Effect::Put { attributes, .. } => {
                let put = BatchPut::builder().set_item(Some(attributes.clone()));
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

/// The error of what an attempt whose answer was lost may have written.
fn doubted(error: Error, in_doubt: bool) -> Error {
    if in_doubt {
        error.with_unknown_outcome()
    } else {
        error
    }
}

/// The results of what is given up.
fn failed(pending: Pending, error: &Error) -> impl Iterator<Item = (usize, Written)> {
    pending
        .into_iter()
        .map(|(key, (position, _))| (position, Err(error.clone().of_key(&key))))
}
