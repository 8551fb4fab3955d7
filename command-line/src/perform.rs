//! Performs one request to a state store or a binding: makes the calls and prints the results. Bulk
//! requests are sent in batches, one after the other, so the order of the requests holds across
//! batches.

use super::calls::{BindingCalls, Bulk, StateCalls};
use super::model::{DeleteRequest, Failure, SetRequest};
use super::output::Output;
use super::print::{self, Counts, ResponseJson};
use super::progress::Progress;
use super::requests::{BindingRequest, StateRequest};
use std::io;
use std::time::{Duration, Instant};

/// The number of requests in one bulk call. The component holds all of them in memory at once.
const BATCH: usize = 1000;

/// The outcome of a request that did not fail as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Everything succeeded.
    Done,
    /// There was no item under the key.
    Absent,
    /// Some requests of a bulk call failed.
    PartlyFailed,
    /// Everything is written, but its output could not be printed.
    OutputLost,
}

/// The reason that a request ended early.
#[derive(Debug)]
pub enum Stop {
    /// The call failed.
    Failed(Failure),
    /// The output could not be written.
    Output(io::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl StateRequest {
    /// Makes the calls and prints the results.
    pub async fn perform(
        &self,
        calls: &mut impl StateCalls,
        output: &mut Output<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, Stop> {
        let began = Instant::now();
        match self {
            Self::Get(key, consistency) => {
                let item = calls.get(key, *consistency).await?;
                return Ok(print::item(key, item.as_ref(), output)?);
            }
            Self::Set(request) => {
                let etag = calls.set(request).await?;
                print::written(&request.key, &etag, output)?;
            }
            Self::Delete(request) => {
                calls.delete(request).await?;
                print::deleted(&request.key, output)?;
            }
            Self::BulkGet(keys, consistency) => {
                let mut failed = 0;
                let _end = begin(progress, keys.len());
                for batch in keys.chunks(BATCH) {
                    let answers = calls.bulk_get(batch, *consistency).await?;
                    for (key, answer) in batch.iter().zip(answers) {
                        failed += usize::from(answer.is_err());
                        print::bulk_item(key, answer, output)?;
                    }
                    output.stdout.flush()?;
                    progress.advance(batch.len() as u64);
                }
                return Ok(outcome(failed));
            }
            Self::BulkSet(requests) => {
                let set = async |batch: &[SetRequest]| {
                    let answers = calls.bulk_set(batch).await?.into_iter();
                    Ok(answers.map(|etag| etag.map(Some)).collect())
                };
                let key: fn(&SetRequest) -> &str = |request| &request.key;
                return bulk_write("set", requests, key, set, output, progress).await;
            }
            Self::BulkDelete(requests) => {
                let delete = async |batch: &[DeleteRequest]| {
                    let answers = calls.bulk_delete(batch).await?.into_iter();
                    Ok(answers.map(|done| done.map(|()| None)).collect())
                };
                let key: fn(&DeleteRequest) -> &str = |request| &request.key;
                return bulk_write("deleted", requests, key, delete, output, progress).await;
            }
            Self::Transact(operations) => {
                let etags = calls.transact(operations).await?;
                print::transaction(operations, &etags, output)?;
            }
            Self::Features => print::features(calls.features().await?, output)?,
            Self::Ping => {
                calls.ping().await?;
                print::ping(began.elapsed(), output)?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// Writes in batches and prints the results.
async fn bulk_write<R>(
    what: &str,
    requests: &[R],
    key: fn(&R) -> &str,
    mut write: impl AsyncFnMut(&[R]) -> Bulk<Option<String>>,
    output: &mut Output<'_>,
    progress: &dyn Progress,
) -> Result<Outcome, Stop> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let end = begin(progress, requests.len());
    for batch in requests.chunks(BATCH) {
        let answers = write(batch).await?;
        for (request, answer) in batch.iter().zip(answers) {
            tally.tell(key(request), answer, output);
        }
        tally.batch_ended(output);
        progress.advance(batch.len() as u64);
    }
    drop(end);
    Ok(tally.end(what, began.elapsed(), output)?)
}

fn outcome(failed: usize) -> Outcome {
    match failed {
        0 => Outcome::Done,
        _ => Outcome::PartlyFailed,
    }
}

/// Ends the progress when dropped, on every return path.
struct End<'a>(&'a dyn Progress);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn begin(progress: &dyn Progress, total: usize) -> End<'_> {
    progress.begin(total as u64);
    End(progress)
}

/// The results of a bulk write. The write goes on even if its output is closed
/// (`bulk-set … | head`). Otherwise the remaining items would silently not be written.
#[derive(Default)]
struct Tally {
    counts: Counts,
    /// The first error that lost output.
    lost: Option<io::Error>,
}

impl Tally {
    /// Counts and prints one result.
    fn tell(
        &mut self,
        key: &str,
        answer: Result<Option<String>, Failure>,
        output: &mut Output<'_>,
    ) {
        self.counts.total += 1;
        self.counts.failed += usize::from(answer.is_err());
        let printed = print::bulk_write(key, answer, output);
        self.lost = self.lost.take().or(printed.err());
    }

    /// Flushes the results of a batch before the next one is written. A program that is killed
    /// later has then reported all finished batches.
    fn batch_ended(&mut self, output: &mut Output<'_>) {
        self.lost = self.lost.take().or(output.stdout.flush().err());
    }

    /// Prints the summary; on standard error if standard output is lost.
    fn end(self, what: &str, took: Duration, output: &mut Output<'_>) -> io::Result<Outcome> {
        let summed = print::summary(what, self.counts, took, output);
        let shown = summed.and_then(|()| output.stdout.flush());
        match self.lost.or(shown.err()) {
            Some(error) => {
                let counts = self.counts.told(what);
                output.error_line(format_args!(
                    "could not write the output ({error}): {counts}"
                ))?;
                Ok(Outcome::OutputLost)
            }
            None if self.counts.failed > 0 => Ok(Outcome::PartlyFailed),
            None => Ok(Outcome::Done),
        }
    }
}

impl BindingRequest {
    /// Makes the call and prints the result.
    pub async fn perform(
        &self,
        calls: &mut impl BindingCalls,
        output: &mut Output<'_>,
    ) -> Result<Outcome, Stop> {
        match self {
            Self::Invoke {
                operation,
                data,
                parameters,
            } => {
                let response = calls.invoke(operation, data, parameters).await?;
                match (output.is_json(), &response.data) {
                    (true, _) => output.json(&ResponseJson::new(&response))?,
                    (false, Some(data)) => output.value(data)?,
                    (false, None) => {}
                }
            }
            Self::Operations => {
                let operations = calls.operations().await?;
                match output.is_json() {
                    true => output.json(&operations)?,
                    false => operations.iter().try_for_each(|name| output.line(name))?,
                }
            }
            Self::Ping => {
                let began = Instant::now();
                calls.ping().await?;
                print::ping(began.elapsed(), output)?;
            }
        }
        Ok(Outcome::Done)
    }
}
