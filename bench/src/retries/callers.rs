//! Tasks that call at a steady pace: whoever waits for a retry misses its turns.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dapr_wasm_host::{CallError, InstancePool, types::Error};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::cases::GET_KEY;
use host_test::command_line::Failure;

/// From one call of a task to its next: 64 tasks leave a processor some rest, so that throughput is not what it can do at most.
const PACE: Duration = Duration::from_millis(100);

/// What was counted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) begun: u64,
    pub(super) succeeded: u64,
    pub(super) throttled: u64,
    /// At the proxy.
    pub(super) requests: u64,
}

impl Counts {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            begun: self.begun - before.begun,
            succeeded: self.succeeded - before.succeeded,
            throttled: self.throttled - before.throttled,
            requests: self.requests - before.requests,
        }
    }
}

#[derive(Default)]
struct Shared {
    begun: AtomicU64,
    succeeded: AtomicU64,
    throttled: AtomicU64,
    well: OnceLock<Instant>,
    /// Of each task the time from then to its next success.
    back: Mutex<Vec<Duration>>,
}

pub(super) struct Callers {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Callers {
    /// They begin at different moments.
    pub(super) fn start(pool: &InstancePool, tasks: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let begin = Instant::now();
        let tasks = (0..tasks)
            .map(|task| {
                let first = begin + PACE * task as u32 / tasks as u32;
                Arc::clone(&shared).call(pool.clone(), first)
            })
            .collect();
        Self { shared, tasks }
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            begun: read(&self.shared.begun),
            succeeded: read(&self.shared.succeeded),
            throttled: read(&self.shared.throttled),
            requests: 0,
        }
    }

    /// From now on no request is refused.
    pub(super) fn all_is_well(&self) {
        self.shared.well.get_or_init(Instant::now);
    }

    /// Ends them; gives the time in which each of those that came back did.
    pub(super) async fn end(mut self) -> Result<Vec<Duration>, Failure> {
        // A task ends by itself only where something is wrong.
        if let Some(ended) = self.tasks.try_join_next() {
            ended.map_err(Failure::here)??;
        }
        self.tasks.shutdown().await;
        let back = self.shared.back.lock();
        Ok(back.unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Shared {
    async fn call(self: Arc<Self>, pool: InstancePool, first: Instant) -> Result<(), Failure> {
        let mut turns = interval_at(first, PACE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_back = false;
        loop {
            turns.tick().await;
            self.begun.fetch_add(1, Ordering::Relaxed);
            let mut instance = pool.acquire().await.map_err(Failure::here)?;
            let mut state = instance.state().map_err(Failure::here)?;
            let outcome = state.get(GET_KEY, None).await;
            match outcome {
                Ok(_) => {
                    self.succeeded.fetch_add(1, Ordering::Relaxed);
                    if let (false, Some(well)) = (is_back, self.well.get()) {
                        is_back = true;
                        let back = self.back.lock();
                        let mut back = back.unwrap_or_else(PoisonError::into_inner);
                        back.push(well.elapsed());
                    }
                }
                Err(CallError::Component(Error::Throttled(_))) => {
                    self.throttled.fetch_add(1, Ordering::Relaxed);
                }
                Err(other) => return Err(Failure::here(other)),
            }
        }
    }
}
