//! One history, as its seed has it: the keys, the store, the clients, and then every step.

use std::{fmt, io};

use dapr_wasm_host::HostError;
use dynoxide::DynoxideError;
use fastrand::Rng;

use super::{
    broken::{Broken, Fault},
    clients::Clients,
    history::{Event, calls},
    steps::{STEP_TIMEOUT, Steps},
    store::{Engine, Store},
    timeline::Timeline,
};

/// How large a history is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Instances that make calls at the same time.
    pub clients: usize,
    /// Calls of each.
    pub calls: usize,
}

/// Most keys that the clients of a history share. The fewer, the more they meet.
const MOST_KEYS: u8 = 4;
/// A history that was played to its end.
#[derive(Debug)]
pub struct Played {
    /// How many keys there were.
    pub keys: usize,
    /// What happened.
    pub events: Vec<Event>,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = &self.events;
        let shown = &(0..calls(events).len()).collect();
        Timeline { events, shown }.fmt(f)
    }
}

/// Why a history came to no end. This says nothing about the component.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The gate could not be opened.
    #[error("the port of the clients: {0}")]
    Gate(#[from] io::Error),
    /// An instance did not start.
    #[error(transparent)]
    Instance(#[from] HostError),
    /// The engine did not start.
    #[error("the embedded DynamoDB did not start: {0}")]
    Engine(String),
    /// A client neither sent a request nor answered.
    #[error("client {client} did not move within {STEP_TIMEOUT:?} after step {step}")]
    Stuck {
        /// Which.
        client: usize,
        /// After how many events.
        step: usize,
    },
    /// A client moved that was to stand still: the seed does not decide alone.
    #[error("client {client} moved at step {step}, where another was to")]
    OutOfTurn {
        /// Which.
        client: usize,
        /// After how many events.
        step: usize,
    },
}

impl From<DynoxideError> for Stopped {
    fn from(error: DynoxideError) -> Self {
        Self::Engine(error.to_string())
    }
}

/// Plays the history of a seed.
pub(super) async fn play(
    seed: u64,
    size: Size,
    fault: Option<Fault>,
    clients: &mut Clients,
) -> Result<Played, Stopped> {
    let mut rng = Rng::with_seed(seed);
    let keys = rng.u8(1..=MOST_KEYS);
    let attempts = rng.u32(1..=4);
    clients.start(size.clients, attempts).await?;
    let engine = Engine::new()?;
    let store: Box<dyn Store> = match fault {
        None => Box::new(engine),
        Some(fault) => Box::new(Broken::new(engine, fault, seed)),
    };
    let mut play = Steps::new(rng, keys, size, store, clients);
    play.play_on().await?;
    play.read_all(keys).await?;
    Ok(Played {
        keys: keys.into(),
        events: play.into_events(),
    })
}
