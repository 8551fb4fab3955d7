//! bulk-set and bulk-delete. Unconditional writes whose key occurs once go into
//! BatchWriteItem. The others are sent as single writes, in order for each key.

use super::batch_write::batches;
use super::{PARALLEL_REQUESTS, StallTimeout};
use crate::error::Error;
use crate::http::Platform;
use crate::state::change::Change;
use crate::state::condition::Condition;
use crate::state::{DeleteRequest, SetRequest, StateStore};
use futures_util::future::FutureExt;
use futures_util::{StreamExt, stream};
use std::collections::HashMap;

/// The ETag that a write left, or its error.
pub(super) type Written = Result<Option<String>, Error>;

impl<P: Platform> StateStore<P> {
    /// Sets items. Returns the new ETags by position.
    pub async fn bulk_set(&self, requests: Vec<SetRequest>) -> Vec<Result<String, Error>> {
        let changes = requests.into_iter().map(|request| self.plan_set(request));
        let written = self.write_all(changes.collect()).await;
        written
            .into_iter()
            .map(|result| result.map(Option::unwrap_or_default))
            .collect()
    }

    /// Deletes items. Returns the results by position.
    pub async fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> Vec<Result<(), Error>> {
        let changes = requests.into_iter().map(Change::of_delete);
        let written = self.write_all(changes.collect()).await;
        written.into_iter().map(|result| result.map(drop)).collect()
    }

    async fn write_all(&self, changes: Vec<Result<Change, Error>>) -> Vec<Written> {
        let mut results: Vec<Written> = Vec::with_capacity(changes.len());
        let mut planned = Vec::with_capacity(changes.len());
        for (position, change) in changes.into_iter().enumerate() {
            results.push(match change {
                Ok(change) => {
                    planned.push((position, change));
                    Ok(None)
                }
                Err(error) => Err(error),
            });
        }
        let Plan {
            batchable,
            in_order,
        } = plan(planned);
        let stall = StallTimeout::new(&self.client);
        let batches = batches(batchable).map(|batch| self.write_batch(batch, &stall).boxed_local());
        let sequences = in_order.into_iter();
        let sequences = sequences.map(|changes| self.write_in_order(changes, &stall).boxed_local());
        // Each future is created when its turn comes, because it takes more memory than the
        // write that it sends.
        let mut work = batches.chain(sequences);
        let first = work.next();
        let mut rest = work.peekable();
        let _several = rest.peek().map(|_| self.client.several());
        let mut done =
            stream::iter(first.into_iter().chain(rest)).buffer_unordered(PARALLEL_REQUESTS);
        while let Some(written) = done.next().await {
            for (position, result) in written {
                if let Some(slot) = results.get_mut(position) {
                    *slot = result;
                }
            }
        }
        results
    }

    /// Sends the writes of one key in order. After a write with an unknown outcome, the later
    /// ones are not sent. That write might take effect after them, but the last write must win.
    async fn write_in_order(
        &self,
        changes: Vec<Placed>,
        stall: &StallTimeout<'_, P>,
    ) -> Vec<(usize, Written)> {
        let mut written = Vec::with_capacity(changes.len());
        let mut outcome_unknown = false;
        for (position, change) in changes {
            // A write that is not sent after the timeout has a known outcome.
            let sent = stall.check().is_ok();
            let result = if outcome_unknown {
                Err(Error::Unavailable(
                    "not sent, because the outcome of an earlier request of this call for the same key is unknown".to_owned(),
                )
                .of_key(&change.key))
            } else {
                self.write_one(change, stall).await
            };
            outcome_unknown |= sent
                && result
                    .as_ref()
                    .is_err_and(Error::leaves_the_outcome_unknown);
            written.push((position, result));
        }
        written
    }

    /// Sends the write of one key by itself.
    pub(super) async fn write_one(&self, change: Change, stall: &StallTimeout<'_, P>) -> Written {
        stall.check().map_err(|error| error.of_key(&change.key))?;
        let result = self.apply(change).await;
        if result.is_ok() {
            stall.restart();
        }
        result
    }
}

/// A change, with the position of its result.
pub(super) type Placed = (usize, Change);

/// The writes of a bulk call, split by how they are sent.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The writes that go into batches.
    pub(super) batchable: Vec<Placed>,
    /// The other writes, grouped by key, in order.
    pub(super) in_order: Vec<Vec<Placed>>,
}

/// Plans how the writes are sent. A batch accepts no conditions, and each key only once. All
/// other writes are grouped by key, in order.
pub(super) fn plan(changes: Vec<Placed>) -> Plan {
    let mut times: HashMap<String, usize> = HashMap::new();
    for (_, change) in &changes {
        *times.entry(change.key.clone()).or_default() += 1;
    }
    let mut plan = Plan::default();
    let mut sequences: HashMap<String, usize> = HashMap::new();
    for (position, change) in changes {
        let once = times.get(&change.key) == Some(&1);
        if once && change.condition == Condition::Always {
            plan.batchable.push((position, change));
            continue;
        }
        let next = plan.in_order.len();
        let index = *sequences.entry(change.key.clone()).or_insert(next);
        match plan.in_order.get_mut(index) {
            Some(sequence) => sequence.push((position, change)),
            None => plan.in_order.push(vec![(position, change)]),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::change::Effect;

    fn change(key: &str, condition: Condition) -> Change {
        Change {
            key: key.to_owned(),
            condition,
            effect: Effect::Delete,
        }
    }

    #[test]
    fn conditional_writes_and_repeated_keys_are_not_batched() {
        let changes = vec![
            change("alone", Condition::Always),
            change("twice", Condition::Always),
            change("guarded", Condition::Absent),
            change("twice", Condition::Etag("e".to_owned())),
        ];
        let plan = plan(changes.into_iter().enumerate().collect());
        let positions = |changes: &[Placed]| changes.iter().map(|(p, _)| *p).collect::<Vec<_>>();
        assert_eq!(positions(&plan.batchable), [0]);
        let sequences: Vec<_> = plan.in_order.iter().map(|s| positions(s)).collect();
        assert_eq!(sequences, [vec![1, 3], vec![2]]);
    }
}
