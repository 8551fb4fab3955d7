//! One BatchWriteItem, until DynamoDB has left nothing of it unprocessed. One
//! whose outcome is unknown is not sent again, unless `unconfirmedWrites` is
//! `repeat`: what of it stands in the table was written, of the rest nobody can
//! know.

use super::plan::Placed;
use super::progress::Progress;
use super::unprocessed::{Rounds, left};
use super::write::Written;
use crate::aws::CallInput;
use crate::aws::failure::Failure;
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

/// Why a batch did not come back as done.
enum Undone {
    /// This is what came of it.
    Told(Error),
    /// It is too large as a whole, and nothing of it was written.
    TooLarge(Error),
    /// Anything of it may have been written.
    InDoubt(Box<Failure>),
}

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
        loop {
            let sent = match progress.check() {
                Ok(()) => self.send_batch(&pending).await,
                Err(error) => Err(Undone::Told(error)),
            };
            let unprocessed = match sent {
                Ok(unprocessed) => unprocessed,
                Err(Undone::Told(Error::InvalidArgument(_) | Error::TooLarge(_)))
                    if pending.len() > 1 =>
                {
                    // DynamoDB refuses a batch for one of its items: the others are good.
                    for (position, change) in placed(pending) {
                        written.push((position, self.write_one(change, progress).await));
                    }
                    return written;
                }
                Err(Undone::TooLarge(_)) if pending.len() > 1 => {
                    let mut half: Vec<_> = placed(pending).collect();
                    let other_half = half.split_off(half.len() / 2);
                    for half in [half, other_half] {
                        written.extend(Box::pin(self.write_batch(half, progress)).await);
                    }
                    return written;
                }
                Err(Undone::Told(error) | Undone::TooLarge(error)) => {
                    written.extend(failed(pending, &error));
                    return written;
                }
                Err(Undone::InDoubt(failure)) => {
                    let puts = pending.iter();
                    let puts =
                        puts.filter_map(|(key, (_, effect))| Some((key.as_str(), effect.etag()?)));
                    let standing = self.standing(puts.collect(), &failure).await;
                    let (done, lost) = part(pending, |key| standing.contains(key));
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
            if some {
                progress.made();
                rounds.brought_something_on();
            }
            written.extend(succeeded(done));
            if pending.is_empty() {
                return written;
            }
            if !some && !rounds.another().await {
                written.extend(failed(pending, &left()));
                return written;
            }
        }
    }

    /// Sends what is pending; gives the keys that DynamoDB left.
    async fn send_batch(&self, pending: &Pending) -> Result<Vec<String>, Undone> {
        let expires = pending.values().any(|(_, effect)| effect.expires());
        let input = match expires {
            true => CallInput::timed(|now| self.batch_input(pending, now)),
            false => CallInput::Fixed(self.batch_input(pending, 0).map_err(Undone::Told)?),
        };
        let repeat = self.unconfirmed_writes;
        let answer = self
            .client
            .call_write::<BatchWriteItem>(repeat, input)
            .await;
        let answer = answer.map_err(|failure| {
            if failure.may_have_been_applied() {
                return Undone::InDoubt(failure);
            }
            let why = match failure.problem.says_that_the_request_is_too_large() {
                true => Undone::TooLarge,
                false => Undone::Told,
            };
            why(self.write_error(*failure))
        })?;
        let unprocessed = self
            .of_the_table(answer.unprocessed_items)
            .map_err(Undone::Told)?;
        let keys = unprocessed.unwrap_or_default().into_iter().map(|request| {
            let key = match (request.put_request, request.delete_request) {
                (Some(put), _) => self.key_of(put.item),
                (None, Some(delete)) => self.key_of(delete.key),
                (None, None) => None,
            };
            // What is not left is written: so all that is left must be of what was sent.
            key.filter(|key| pending.contains_key(key))
                .ok_or_else(|| Undone::Told(self.foreign_answer("another unprocessed item")))
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

/// The pending writes as they were planned.
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

/// The pending writes that `picked` picks by their key, and the others.
fn part(pending: Pending, picked: impl Fn(&String) -> bool) -> (Pending, Pending) {
    pending.into_iter().partition(|(key, _)| picked(key))
}

/// The results of what is written.
fn succeeded(done: Pending) -> impl Iterator<Item = (usize, Written)> {
    done.into_values()
        .map(|(position, effect)| (position, Ok(effect.etag().map(str::to_owned))))
}

/// The results of what is given up.
fn failed(pending: Pending, error: &Error) -> impl Iterator<Item = (usize, Written)> {
    pending
        .into_iter()
        .map(|(key, (position, _))| (position, Err(error.clone().of_key(&key))))
}
