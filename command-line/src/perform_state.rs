//! One request to a state store: its calls, and what is printed of the answers. Bulk requests go in
//! batches, one after the other, so that the order of the requests holds across them.

use std::{io, time::Instant};

use super::{
    calls::StateCalls, model::Failure, output::Output, print_state as print, progress::Progress,
    requests::StateRequest, tally::Tally,
};

/// Requests in one bulk call. Every one of them lies in the component's memory at once.
const BATCH: usize = 1000;

/// How a request ended, when it did not fail as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// As asked.
    Done,
    /// There was no item under the key.
    Absent,
    /// Some requests of a bulk call failed.
    PartlyFailed,
    /// All is written, but what was to be printed of it could not be.
    OutputLost,
}

/// Why a request ended early.
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
    /// Makes the calls and prints the answers.
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
                let mut tally = Tally::default();
                let end = begin(progress, requests.len());
                for batch in requests.chunks(BATCH) {
                    let answers = calls.bulk_set(batch).await?;
                    for (request, answer) in batch.iter().zip(answers) {
                        tally.tell(&request.key, answer.map(Some), output);
                    }
                    tally.batch_ended(output);
                    progress.advance(batch.len() as u64);
                }
                drop(end);
                return Ok(tally.end("set", began.elapsed(), output)?);
            }
            Self::BulkDelete(requests) => {
                let mut tally = Tally::default();
                let end = begin(progress, requests.len());
                for batch in requests.chunks(BATCH) {
                    let answers = calls.bulk_delete(batch).await?;
                    for (request, answer) in batch.iter().zip(answers) {
                        tally.tell(&request.key, answer.map(|()| None), output);
                    }
                    tally.batch_ended(output);
                    progress.advance(batch.len() as u64);
                }
                drop(end);
                return Ok(tally.end("deleted", began.elapsed(), output)?);
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

fn outcome(failed: usize) -> Outcome {
    match failed {
        0 => Outcome::Done,
        _ => Outcome::PartlyFailed,
    }
}

/// Ends the progress when dropped, on every way out.
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
