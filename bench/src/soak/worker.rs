//! One task: it asks, now and then breaks off, and holds what it is told against what it was told before.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use dapr_wasm_host::{
    CallError, HostError, InstancePool, PoolError, State,
    types::{
        Concurrency, Consistency, DeleteRequest, Error, GetOptions, Item, Operation, SetOptions,
        SetRequest,
    },
};
use fastrand::Rng;
use serde::Serialize;
use tokio::time::timeout;

use super::{
    ledger::{Chain, Ending},
    own_keys::{Next, OwnKeys, number_of, value_of},
};

/// One call of so many is dropped midway,
const KILLED: u32 = 100;
/// before so many microseconds have passed.
const MIDWAY: u64 = 5_000;
/// One turn of so many is about a counter.
const COUNTING: u32 = 6;

pub(super) struct Worker {
    task: usize,
    pool: InstancePool,
    tally: Rc<Tally>,
    die: Rng,
    pub(super) keys: OwnKeys,
}

/// The end of a call.
enum Called {
    Answered(Given),
    /// Its instance was lost.
    Killed,
    /// There was no instance.
    NotBegun,
}

pub(super) fn counter(number: usize) -> String {
    format!("counter-{number}")
}

impl Worker {
    pub(super) fn new(task: usize, seed: u64, pool: InstancePool, tally: Rc<Tally>) -> Self {
        // Seeds that differ in few bits have runs that differ in all.
        let mut seeds = Rng::with_seed(seed);
        let die = (0..=task).map(|_| seeds.fork()).last();
        Self {
            task,
            pool,
            tally,
            die: die.unwrap_or(seeds),
            keys: OwnKeys::new(task),
        }
    }

    /// Runs until then, or until something is as it should not be.
    pub(super) async fn run(mut self, until: Instant) -> Result<Self, String> {
        while Instant::now() < until {
            let told = match self.die.u32(..COUNTING) {
                0 => self.raise().await,
                _ => self.turn().await,
            };
            told.map_err(|sentence| format!("task {}: {sentence}", self.task))?;
        }
        Ok(self)
    }

    /// Makes a call about its own keys.
    async fn turn(&mut self) -> Result<(), String> {
        let next = self.keys.next(&mut self.die);
        let ask = self.keys.ask(&next, &mut self.die);
        let began = Instant::now();
        let called = self.call(&ask).await?;
        match (next, called) {
            (Next::Read(slots), Called::Answered(Given::Items(items))) => {
                self.read(&items)?;
                self.keys.read(&slots, items, began)
            }
            (Next::Read(_), _) => Ok(()),
            (Next::Write(steps), called) => {
                let endings = self.endings(called, steps.len())?;
                self.keys.wrote(&steps, &endings, began)
            }
            (Next::Transact(steps), called) => {
                let endings = self.endings(called, steps.len())?;
                self.keys.transacted(&steps, &endings, began)
            }
        }
    }

    /// Raises a counter by one, on the condition of what was read.
    async fn raise(&mut self) -> Result<(), String> {
        let chain = self.die.usize(..COUNTERS);
        let key = counter(chain);
        let called = self.call(&Ask::Get(vec![key.clone()])).await?;
        let Called::Answered(Given::Items(mut items)) = called else {
            return Ok(());
        };
        self.read(&items)?;
        let Some(Ok(item)) = items.pop() else {
            return Ok(());
        };
        let (before, etag) = match item {
            Some(item) => {
                let number = number_of(&item.value);
                let number =
                    number.ok_or_else(|| format!("{key} has a value that nobody wrote"))?;
                (number, item.etag)
            }
            None => (0, None),
        };
        let of_chain = |told: Result<(), String>| told.map_err(|told| format!("{key}: {told}"));
        of_chain(self.tally.chains.borrow()[chain].read(before, etag.as_deref()))?;
        let request = SetRequest {
            key: key.clone(),
            value: value_of(before + 1, &mut self.die),
            options: Some(SetOptions {
                concurrency: etag.is_none().then_some(Concurrency::FirstWrite),
                etag,
                ..SetOptions::default()
            }),
        };
        let called = self.call(&Ask::Set(vec![request])).await?;
        let ending = self.endings(called, 1)?.pop();
        let mut chains = self.tally.chains.borrow_mut();
        match ending {
            Some(Ending::Done(etag)) => {
                of_chain(chains[chain].acknowledged(before + 1, etag.unwrap_or_default()))
            }
            Some(Ending::Unknown) => {
                chains[chain].unknown();
                Ok(())
            }
            Some(Ending::Mismatch | Ending::Refused) | None => Ok(()),
        }
    }

    /// Asks an instance of the pool, and breaks off now and then.
    async fn call(&mut self, ask: &Ask) -> Result<Called, String> {
        self.tally.count(|counts| counts.calls += 1);
        let mut instance = match self.pool.acquire().await {
            Ok(instance) => instance,
            // Its first request met a fault.
            Err(error) if is_of_fault(&error) => {
                self.tally.count(|counts| counts.not_begun += 1);
                return Ok(Called::NotBegun);
            }
            Err(error) => return Err(error.to_string()),
        };
        let given = {
            let mut state = instance.state().map_err(|error| error.to_string())?;
            let asked = ask.of(&mut state);
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

    /// Tells how each of so many writes ended.
    fn endings(&self, called: Called, count: usize) -> Result<Vec<Ending>, String> {
        let endings = match called {
            Called::Answered(Given::Written(written)) => {
                let endings = written.into_iter().map(ending);
                endings.collect::<Result<Vec<_>, String>>()?
            }
            Called::Answered(Given::Items(_)) | Called::NotBegun => vec![Ending::Refused; count],
            Called::Killed => vec![Ending::Unknown; count],
        };
        if endings.len() != count {
            return Err(format!("{count} writes have {} results", endings.len()));
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

    /// Counts them; an error has to be one that a fault explains.
    fn read<T>(&self, items: &[Result<T, Error>]) -> Result<(), String> {
        for item in items {
            match item {
                Ok(_) => self.tally.count(|counts| counts.reads += 1),
                Err(error) => drop(of_fault(error)?),
            }
        }
        Ok(())
    }
}

/// Returns true if a fault explains that an instance did not start.
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

fn ending(written: Result<Option<String>, Error>) -> Result<Ending, String> {
    match written {
        Ok(etag) => Ok(Ending::Done(etag)),
        Err(Error::EtagMismatch(_)) => Ok(Ending::Mismatch),
        Err(error) => of_fault(&error),
    }
}

/// Tells how a write ended that failed with this.
fn of_fault(error: &Error) -> Result<Ending, String> {
    match error {
        Error::Timeout(_) | Error::Unavailable(_) => Ok(Ending::Unknown),
        Error::Throttled(_) | Error::Conflict(_) => Ok(Ending::Refused),
        other => Err(format!("no fault explains this answer: {other}")),
    }
}

/// One call, of whatever kind: each key of it has a result, as if it had been called for alone.
#[derive(Debug)]
pub(super) enum Ask {
    /// With strong consistency.
    Get(Vec<String>),
    Set(Vec<SetRequest>),
    Delete(Vec<DeleteRequest>),
    Transact(Vec<Operation>),
}

/// The answer to a call: a result for each key.
#[derive(Debug)]
enum Given {
    Items(Vec<Result<Option<Item>, Error>>),
    /// With the ETag that a set left.
    Written(Vec<Result<Option<String>, Error>>),
}

impl Ask {
    /// Calls: for one key alone, for several in bulk.
    async fn of(&self, state: &mut State<'_>) -> Result<Given, CallError> {
        match self {
            Self::Get(keys) => {
                let strong = Some(GetOptions {
                    consistency: Some(Consistency::Strong),
                });
                let items = match keys.as_slice() {
                    [key] => one(state.get(key, strong).await)?,
                    keys => state.bulk_get(keys, strong).await?,
                };
                Ok(Given::Items(items))
            }
            Self::Set(requests) => {
                let written = match requests.as_slice() {
                    [
                        SetRequest {
                            key,
                            value,
                            options,
                        },
                    ] => one(state.set(key, value, options.clone()).await)?,
                    requests => state.bulk_set(requests).await?,
                };
                let written = written.into_iter().map(|etag| etag.map(Some));
                Ok(Given::Written(written.collect()))
            }
            Self::Delete(requests) => {
                let deleted = match requests.as_slice() {
                    [DeleteRequest { key, options }] => {
                        one(state.delete(key, options.clone()).await)?
                    }
                    requests => state.bulk_delete(requests).await?,
                };
                let deleted = deleted.into_iter().map(|done| done.map(|()| None));
                Ok(Given::Written(deleted.collect()))
            }
            Self::Transact(operations) => {
                let written = match one(state.transact(operations).await)?.pop() {
                    Some(Ok(etags)) => etags.into_iter().map(Ok).collect(),
                    Some(Err(error)) => vec![Err(error); operations.len()],
                    None => Vec::new(),
                };
                Ok(Given::Written(written))
            }
        }
    }
}

/// Takes the component's own answer for the result, whatever it is.
fn one<T>(answer: Result<T, CallError>) -> Result<Vec<Result<T, Error>>, CallError> {
    match answer {
        Ok(given) => Ok(vec![Ok(given)]),
        Err(CallError::Component(error)) => Ok(vec![Err(error)]),
        Err(other) => Err(other),
    }
}

/// Counters that all tasks raise.
pub(super) const COUNTERS: usize = 8;

/// Calls and writes so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    /// Calls, and among them
    pub(super) calls: u64,
    /// those that were dropped midway
    pub(super) kills: u64,
    /// those that the host cancelled for their time
    pub(super) cancelled: u64,
    /// and those that no instance could be started for.
    pub(super) not_begun: u64,
    /// Writes of single keys, as they ended.
    pub(super) acknowledged: u64,
    pub(super) mismatches: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    /// Reads of single keys that were answered.
    pub(super) reads: u64,
    /// Cuts of all connections.
    pub(super) severed: u64,
}

/// The counts of all tasks of a run together, and the counters that they share. They run on one thread.
pub(super) struct Tally {
    counts: Cell<Counts>,
    pub(super) chains: RefCell<[Chain; COUNTERS]>,
    /// The linear memory of the instance that each task had last.
    guests: Vec<Cell<usize>>,
}

impl Tally {
    pub(super) fn new(tasks: usize) -> Self {
        Self {
            counts: Cell::default(),
            chains: RefCell::default(),
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

    /// Returns the linear memory of as many instances as there are tasks, in bytes.
    pub(super) fn guests(&self) -> u64 {
        self.guests.iter().map(|guest| guest.get() as u64).sum()
    }
}
