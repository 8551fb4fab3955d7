//! Plays, checks and reports the histories of many seeds.

use super::clients::Clients;
use super::history::{Event, What, calls, operations};
use super::steps::{STEP_TIMEOUT, Steps};
use super::store::{Broken, Engine, Fault, Store};
use super::timeline::Timeline;
use super::violation::{Violation, needs_repetitions, violation};
use dapr_wasm_host::{HostError, Plugin};
use dynoxide::DynoxideError;
use fastrand::Rng;
use std::ops::{AddAssign, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The number of histories that are played concurrently. They spend most of their time waiting for the backoff of a
/// client.
const AT_A_TIME: usize = 16;

/// The histories to play.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seeds.
    pub seeds: Range<u64>,
    /// The size of each history.
    pub size: Size,
    /// The fault of the store, if it has one.
    pub fault: Option<Fault>,
    /// True if the component repeats writes of unknown outcome: `unconfirmedWrites: repeat`.
    pub repeat: bool,
    /// The number of violations after which no further history is started.
    pub most_violations: usize,
}

/// The results of all histories.
#[derive(Debug, Default)]
pub struct Report {
    /// The sums over all histories.
    pub tally: Tally,
    /// The histories that are not linearizable, sorted by seed.
    pub violations: Vec<Violation>,
}

/// Plays and checks all histories of a plan. Calls `played` with the number of histories done since the last call.
pub async fn run(
    plugin: &Plugin,
    plan: &Plan,
    mut played: impl FnMut(u64),
) -> Result<Report, Stopped> {
    let next = Arc::new(AtomicU64::new(plan.seeds.start));
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut players = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut player = Player::new(plugin, plan.size, plan.fault, plan.repeat)?;
        let (next, end, tell) = (next.clone(), plan.seeds.end, tell.clone());
        players.spawn(async move {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end || tell.send(player.check(seed).await).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut report = Report::default();
    while let Some(checked) = told.recv().await {
        let (tally, violation) = checked?;
        report.tally += tally;
        report.violations.extend(violation);
        played(1);
        if report.violations.len() >= plan.most_violations {
            break;
        }
    }
    report.violations.sort_by_key(|violation| violation.seed);
    Ok(report)
}

/// Plays histories, one after the other.
pub struct Player {
    clients: Clients,
    size: Size,
    fault: Option<Fault>,
    repeat: bool,
}

impl Player {
    /// Makes a player of histories of this size. With a `fault`, the store is broken in that way. With `repeat`, clients
    /// repeat writes of unknown outcome.
    pub fn new(
        plugin: &Plugin,
        size: Size,
        fault: Option<Fault>,
        repeat: bool,
    ) -> Result<Self, Stopped> {
        let clients = Clients::new(plugin, repeat)?;
        Ok(Self {
            clients,
            size,
            fault,
            repeat,
        })
    }

    /// Plays the history of a seed.
    pub async fn play(&mut self, seed: u64) -> Result<Played, Stopped> {
        let mut rng = Rng::with_seed(seed);
        let keys = rng.u8(1..=MOST_KEYS);
        let attempts = rng.u32(1..=4);
        self.clients.start(self.size.clients, attempts).await?;
        let engine = Engine::new()?;
        let store: Box<dyn Store> = match self.fault {
            None => Box::new(engine),
            Some(fault) => Box::new(Broken::new(engine, fault, seed)),
        };
        let mut play = Steps::new(rng, keys, self.size, store, &mut self.clients);
        play.play_on().await?;
        play.read_all(keys).await?;
        Ok(Played {
            keys: keys.into(),
            events: play.into_events(),
        })
    }

    /// Plays and checks the history of a seed.
    pub async fn check(&mut self, seed: u64) -> Result<(Tally, Option<Violation>), Stopped> {
        let played = self.play(seed).await?;
        let mut tally = Tally::of(&played);
        let violation = violation(seed, &played, self.repeat);
        if self.repeat && violation.is_none() && needs_repetitions(&played) {
            tally.repeated = 1;
        }
        Ok((tally, violation))
    }
}

/// The size of a history.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The number of instances that make calls at the same time.
    pub clients: usize,
    /// The number of calls of each instance.
    pub calls: usize,
}

/// The maximum number of keys of a history. With fewer keys, clients conflict more often.
const MOST_KEYS: u8 = 4;

/// A history that was played to its end.
#[derive(Debug)]
pub struct Played {
    /// The number of keys.
    pub keys: usize,
    /// The events.
    pub events: Vec<Event>,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = &self.events;
        let shown = &(0..calls(events).len()).collect();
        Timeline { events, shown }.fmt(f)
    }
}

/// The reason that a history could not be played to its end. It says nothing about the component.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The gate could not be opened.
    #[error("cannot open a port for the clients: {0}")]
    Gate(#[from] io::Error),
    /// An instance did not start.
    #[error(transparent)]
    Instance(#[from] HostError),
    /// The engine did not start.
    #[error("the embedded DynamoDB did not start: {0}")]
    Engine(String),
    /// A client neither sent a request nor returned from its call.
    #[error(
        "client {client} neither sent a request nor returned within {STEP_TIMEOUT:?} after step {step}"
    )]
    Stuck {
        /// The client.
        client: usize,
        /// The number of events so far.
        step: usize,
    },
    /// A client moved although it was not its turn. So the history does not depend on the seed alone.
    #[error("client {client} moved at step {step}, but it was the turn of another client")]
    OutOfTurn {
        /// The client.
        client: usize,
        /// The number of events so far.
        step: usize,
    },
}

impl From<DynoxideError> for Stopped {
    fn from(error: DynoxideError) -> Self {
        Self::Engine(error.to_string())
    }
}

/// The counts of what was played and checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of histories.
    pub histories: usize,
    /// The number of calls.
    pub calls: usize,
    /// The number of operations: one for each key of a bulk call, one for a transaction. Operations that neither read nor
    /// wrote anything do not count.
    pub operations: usize,
    /// The number of operations that are writes of unknown outcome.
    pub unknown: usize,
    /// The number of requests that met a fault.
    pub faults: usize,
    /// The number of histories that are explained only if a write took effect more than once.
    pub repeated: usize,
}

impl Tally {
    pub(super) fn of(played: &Played) -> Self {
        let operations = operations(&played.events);
        let unknown = operations.iter().filter(|one| one.ended.is_none());
        let astray = |what: &What| {
            matches!(
                what,
                What::Wire {
                    straight: false,
                    ..
                }
            )
        };
        let faults = played.events.iter().filter(|event| astray(&event.what));
        Self {
            histories: 1,
            calls: calls(&played.events).len(),
            unknown: unknown.count(),
            operations: operations.len(),
            faults: faults.count(),
            repeated: 0,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.calls += other.calls;
        self.operations += other.operations;
        self.unknown += other.unknown;
        self.faults += other.faults;
        self.repeated += other.repeated;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} histories, {} calls, {} operations ({} with unknown outcome), {} faults",
            self.histories, self.calls, self.operations, self.unknown, self.faults
        )?;
        match self.repeated {
            0 => Ok(()),
            some => write!(f, ", {some} histories with a write that took effect twice"),
        }
    }
}
