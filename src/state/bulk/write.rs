//! bulk-set and bulk-delete: BatchWriteItem for what has no condition and a key of
//! its own; single writes for the rest, those of one key in their
//! order.

use super::PARALLEL_REQUESTS;
use super::batches::batches;
use super::plan::{Placed, Plan, plan};
use super::progress::Progress;
use crate::error::Error;
use crate::platform::Platform;
use crate::state::StateStore;
use crate::state::change::Change;
use crate::state::model::{DeleteRequest, SetRequest};
use futures_util::future::FutureExt;
use futures_util::{StreamExt, stream};

/// The ETag that a write left, or why it failed.
pub(super) type Written = Result<Option<String>, Error>;

impl<P: Platform> StateStore<P> {
    /// Sets items; gives the new ETags by position.
    pub async fn bulk_set(&self, requests: Vec<SetRequest>) -> Vec<Result<String, Error>> {
        let changes = requests.into_iter().map(|request| self.plan_set(request));
        let written = self.write_all(changes.collect()).await;
        written
            .into_iter()
            .map(|result| result.map(Option::unwrap_or_default))
            .collect()
    }

    /// Deletes items; results by position.
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
        let progress = Progress::new(&self.client);
        let batches =
            batches(batchable).map(|batch| self.write_batch(batch, &progress).boxed_local());
        let sequences = in_order.into_iter();
        let sequences =
            sequences.map(|changes| self.write_in_order(changes, &progress).boxed_local());
        // Each is made when its turn comes: a future takes more memory than the write that waits for it.
        let work = stream::iter(batches.chain(sequences));
        let mut done = work.buffer_unordered(PARALLEL_REQUESTS);
        while let Some(written) = done.next().await {
            for (position, result) in written {
                if let Some(slot) = results.get_mut(position) {
                    *slot = result;
                }
            }
        }
        results
    }

    /// Writes of one key. After one whose outcome is unknown the others are not
    /// sent: it might take effect after them, and the last one is to stand.
    async fn write_in_order(
        &self,
        changes: Vec<Placed>,
        progress: &Progress<'_, P>,
    ) -> Vec<(usize, Written)> {
        let mut written = Vec::with_capacity(changes.len());
        let mut in_doubt = false;
        for (position, change) in changes {
            // What is not sent for want of time leaves nothing in doubt.
            let sent = progress.check().is_ok();
            let result = if in_doubt {
                Err(Error::Unavailable(
                    "not sent, since the outcome of an earlier request of this call for the same key is unknown".to_owned(),
                )
                .of_key(&change.key))
            } else {
                self.write_one(change, progress).await
            };
            in_doubt |= sent
                && result
                    .as_ref()
                    .is_err_and(Error::leaves_the_outcome_unknown);
            written.push((position, result));
        }
        written
    }

    /// Writes one key by itself.
    pub(super) async fn write_one(&self, change: Change, progress: &Progress<'_, P>) -> Written {
        progress
            .check()
            .map_err(|error| error.of_key(&change.key))?;
        let result = self.apply(change).await;
        if result.is_ok() {
            progress.made();
        }
        result
    }
}
