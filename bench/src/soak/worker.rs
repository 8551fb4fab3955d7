//! One task of the soak test. It increments counters, drops some calls midway, and checks each result against earlier ones.

use super::counter::Counter;
use dapr_wasm_host::types::{
    Concurrency, Consistency, Error, GetOptions, Item, Operation, SetOptions, SetRequest,
};
use dapr_wasm_host::{CallError, HostError, InstancePool, PoolError, State};
use fastrand::Rng;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// One in this many calls is dropped midway,
const KILLED: u32 = 100;
/// after at most this many microseconds.
const MIDWAY: u64 = 5_000;
/// The maximum number of counters in a bulk call or a transaction.
const MANY: usize = 6;

pub(super) struct Worker {
    task: usize,
    pool: InstancePool,
    tally: Rc<Tally>,
    die: Rng,
}

/// The outcome of a write, as far as its caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// It took effect and returned this ETag.
    Done(String),
    /// Its condition did not hold.
    Mismatch,
    /// It had no effect, for another reason.
    Refused,
    /// It may or may not have taken effect.
    Unknown,
}

/// The outcome of a call.
enum Called<T> {
    Answered(T),
    /// The call was dropped or cancelled, and its instance was lost.
    Killed,
    /// The pool had no instance for the call.
    NotBegun,
}

/// One call that writes. Each key of it has its own result.
enum Write {
    /// Each key is written by itself.
    Each(Vec<SetRequest>),
    /// Either all keys are written or none.
    Transact(Vec<Operation>),
}

type Answers<T> = Vec<Result<T, Error>>;

pub(super) fn key(counter: usize) -> String {
    format!("counter-{counter}")
}

impl Worker {
    pub(super) fn new(task: usize, seed: u64, pool: InstancePool, tally: Rc<Tally>) -> Self {
        // Derive independent random streams, even from seeds that differ in only a few bits.
        let mut seeds = Rng::with_seed(seed);
        let die = (0..=task).map(|_| seeds.fork()).last();
        Self {
            task,
            pool,
            tally,
            die: die.unwrap_or(seeds),
        }
    }

    /// Runs until `until`, or until a check fails.
    pub(super) async fn run(mut self, until: Instant) -> Result<(), String> {
        while Instant::now() < until {
            let raised = self.raise().await;
            raised.map_err(|sentence| format!("task {}: {sentence}", self.task))?;
        }
        Ok(())
    }

    /// Increments one counter or several, on condition that they still have the ETags that were read.
    async fn raise(&mut self) -> Result<(), String> {
        let mut chosen: Vec<usize> = (0..self.tally.counters.borrow().len()).collect();
        self.die.shuffle(&mut chosen);
        chosen.truncate(if self.die.u8(..5) == 0 { MANY } else { 1 });
        let keys: Vec<String> = chosen.iter().copied().map(key).collect();
        let Called::Answered(items) = self.call(async |state| read(state, &keys).await).await?
        else {
            return Ok(());
        };
        let mut requests = Vec::new();
        let mut raised = Vec::new();
        for ((counter, key), item) in chosen.into_iter().zip(keys).zip(items) {
            let (before, etag) = match item {
                Ok(Some(item)) => {
                    let number = number_of(&item.value);
                    let number =
                        number.ok_or_else(|| format!("{key} has a value that no task wrote"))?;
                    (number, item.etag)
                }
                Ok(None) => (0, None),
                Err(error) => {
                    of_fault(&error)?;
                    continue;
                }
            };
            self.tally.count(|counts| counts.reads += 1);
            let read = self.tally.counters.borrow()[counter].read(before, etag.as_deref());
            read.map_err(|sentence| format!("{key}: {sentence}"))?;
            raised.push((counter, before + 1));
            requests.push(SetRequest {
                key,
                value: value_of(before + 1, &mut self.die),
                options: Some(SetOptions {
                    concurrency: etag.is_none().then_some(Concurrency::FirstWrite),
                    etag,
                    ..SetOptions::default()
                }),
            });
        }
        if requests.is_empty() {
            return Ok(());
        }
        let write = match self.die.u8(..3) {
            0 => Write::Transact(requests.into_iter().map(Operation::Set).collect()),
            _ => Write::Each(requests),
        };
        let called = self.call(async |state| write.of(state).await).await?;
        let endings = self.endings(called, raised.len())?;
        let mut counters = self.tally.counters.borrow_mut();
        for ((counter, value), ending) in raised.into_iter().zip(endings) {
            match ending {
                Ending::Done(etag) => counters[counter]
                    .acknowledged(value, etag)
                    .map_err(|sentence| format!("{}: {sentence}", key(counter)))?,
                Ending::Unknown => counters[counter].unknown(),
                Ending::Mismatch | Ending::Refused => {}
            }
        }
        Ok(())
    }

    /// Calls an instance of the pool. Drops some calls midway.
    async fn call<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut State<'_>) -> Result<T, CallError>,
    ) -> Result<Called<T>, String> {
        self.tally.count(|counts| counts.calls += 1);
        let mut instance = match self.pool.acquire().await {
            Ok(instance) => instance,
            // The instance did not start because its first request met a fault.
            Err(error) if is_of_fault(&error) => {
                self.tally.count(|counts| counts.not_begun += 1);
                return Ok(Called::NotBegun);
            }
            Err(error) => return Err(error.to_string()),
        };
        let given = {
            let mut state = instance.state().map_err(|error| error.to_string())?;
            let asked = ask(&mut state);
            match self.die.u32(..KILLED) {
                0 => {
                    let midway = Duration::from_micros(self.die.u64(..MIDWAY));
                    timeout(midway, asked).await.ok()
                }
                _ => Some(asked.await),
            }
        };
        self.tally.guest(self.task, instance.memory_size());
        match given {
            Some(Ok(given)) => Ok(Called::Answered(given)),
            Some(Err(CallError::TimeLimit { .. })) => {
                self.tally.count(|counts| counts.cancelled += 1);
                Ok(Called::Killed)
            }
            Some(Err(error)) => Err(error.to_string()),
            None => {
                self.tally.count(|counts| counts.kills += 1);
                Ok(Called::Killed)
            }
        }
    }

    /// Returns the outcome of each of `count` writes.
    fn endings(
        &self,
        called: Called<Answers<String>>,
        count: usize,
    ) -> Result<Vec<Ending>, String> {
        let endings = match called {
            Called::Answered(written) => {
                let endings = written.into_iter().map(ending);
                endings.collect::<Result<Vec<_>, String>>()?
            }
            Called::NotBegun => vec![Ending::Refused; count],
            Called::Killed => vec![Ending::Unknown; count],
        };
        if endings.len() != count {
            return Err(format!("{count} writes returned {} results", endings.len()));
        }
        for ending in &endings {
            self.tally.count(|counts| match ending {
                Ending::Done(_) => counts.acknowledged += 1,
                Ending::Mismatch => counts.mismatches += 1,
                Ending::Refused => counts.refused += 1,
                Ending::Unknown => counts.unknown += 1,
            });
        }
        Ok(endings)
    }
}

/// Returns true if a fault can be the reason that an instance did not start.
fn is_of_fault(error: &PoolError) -> bool {
    match error {
        PoolError::Init(cause) => matches!(
            **cause,
            CallError::Component(_) | CallError::TimeLimit { .. }
        ),
        PoolError::Instantiate(cause) => matches!(**cause, HostError::TimeLimit { .. }),
        _ => false,
    }
}

fn ending(written: Result<String, Error>) -> Result<Ending, String> {
    match written {
        Ok(etag) => Ok(Ending::Done(etag)),
        Err(Error::EtagMismatch(_)) => Ok(Ending::Mismatch),
        Err(error) => of_fault(&error),
    }
}

/// Returns the outcome of a write that failed with this error.
fn of_fault(error: &Error) -> Result<Ending, String> {
    match error {
        Error::Timeout(_) | Error::Unavailable(_) => Ok(Ending::Unknown),
        Error::Throttled(_) | Error::Conflict(_) => Ok(Ending::Refused),
        other => Err(format!(
            "unexpected error, no injected fault causes it: {other}"
        )),
    }
}

/// Reads with strong consistency: one key with `get`, several with `bulk-get`.
async fn read(state: &mut State<'_>, keys: &[String]) -> Result<Answers<Option<Item>>, CallError> {
    let strong = Some(GetOptions {
        consistency: Some(Consistency::Strong),
    });
    match keys {
        [key] => one(state.get(key, strong).await),
        keys => state.bulk_get(keys, strong).await,
    }
}

impl Write {
    /// Makes the call: one key with `set`, several with `bulk-set` or `transact`.
    async fn of(&self, state: &mut State<'_>) -> Result<Answers<String>, CallError> {
        match self {
            Self::Each(requests) => match requests.as_slice() {
                [one_request] => {
                    let SetRequest {
                        key,
                        value,
                        options,
                    } = one_request;
                    one(state.set(key, value, options.clone()).await)
                }
                requests => state.bulk_set(requests).await,
            },
            Self::Transact(operations) => match state.transact(operations).await {
                Ok(etags) => Ok(etags
                    .into_iter()
                    .map(|etag| Ok(etag.unwrap_or_default()))
                    .collect()),
                Err(CallError::Component(error)) => Ok(vec![Err(error); operations.len()]),
                Err(other) => Err(other),
            },
        }
    }
}

/// Turns the result of a call for one key into a list. An error of the component is the result of that key.
fn one<T>(answer: Result<T, CallError>) -> Result<Answers<T>, CallError> {
    match answer {
        Ok(given) => Ok(vec![Ok(given)]),
        Err(CallError::Component(error)) => Ok(vec![Err(error)]),
        Err(other) => Err(other),
    }
}

/// The upper bound of the length of the padding, in bytes.
const PADDING: usize = 1000;
const END: char = ':';

/// Makes a value of a number and random padding, so that values differ in length.
fn value_of(number: u64, die: &mut Rng) -> Vec<u8> {
    let padding = die.usize(..PADDING);
    format!("{number}{END}{:x<padding$}", "").into_bytes()
}

/// Returns the number in a value, or `None` if no task wrote the value.
pub(super) fn number_of(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let (number, padding) = text.split_once(END)?;
    let is_padding = padding.len() < PADDING && padding.bytes().all(|byte| byte == b'x');
    number.parse().ok().filter(|_| is_padding)
}

/// The numbers of calls, reads and writes so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    /// All calls.
    pub(super) calls: u64,
    /// Calls that were dropped midway.
    pub(super) kills: u64,
    /// Calls that the host cancelled at the time limit.
    pub(super) cancelled: u64,
    /// Calls for which no instance could be started.
    pub(super) not_begun: u64,
    /// Writes of single keys, by their outcome.
    pub(super) acknowledged: u64,
    pub(super) mismatches: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    /// Successful reads of single keys.
    pub(super) reads: u64,
    /// The number of times that all connections were cut.
    pub(super) severed: u64,
}

/// The number of counters per task. It is small enough that tasks meet, and large enough that most writes succeed.
const COUNTERS: usize = 4;

/// The counts of all tasks of a run, and the counters that they increment. All tasks run on one thread.
pub(super) struct Tally {
    counts: Cell<Counts>,
    pub(super) counters: RefCell<Vec<Counter>>,
    /// The linear memory of the instance that each task used last.
    guests: Vec<Cell<usize>>,
}

impl Tally {
    pub(super) fn new(tasks: usize) -> Self {
        let counters = std::iter::repeat_with(Counter::default).take(tasks * COUNTERS);
        Self {
            counts: Cell::default(),
            counters: RefCell::new(counters.collect()),
            guests: vec![Cell::default(); tasks],
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(super) fn guest(&self, task: usize, bytes: usize) {
        if let Some(guest) = self.guests.get(task) {
            guest.set(bytes);
        }
    }

    /// Returns the total linear memory of the instances that the tasks used last, in bytes.
    pub(super) fn guests(&self) -> u64 {
        self.guests.iter().map(|guest| guest.get() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_reads_only_values_that_a_task_wrote() {
        let mut die = Rng::with_seed(1);
        assert_eq!(number_of(&value_of(42, &mut die)), Some(42));
        assert_eq!(number_of(b"42"), None);
        assert_eq!(number_of(b"42:xxoxx"), None);
    }
}
