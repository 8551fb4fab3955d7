//! A component that computes gives way every few milliseconds: to the other tasks of its thread, and to whoever wants the
//! call to end.
//!
//! Compiled code looks at its engine's epoch at every loop and every function, and yields where it has changed. One thread
//! counts the epochs of all engines of this process. It rests while no call runs, and ends after the last engine is gone.

use crate::error::{EngineError, HostError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::task::yield_now;
use wasmtime::{Engine, EngineWeak, Store, UpdateDeadline};

/// How long a component computes at a time. A task that is kept waiting for so long still answers within the time of a
/// round trip on a network; waking a thread so often takes half a hundredth of a processor.
const SLICE: Duration = Duration::from_millis(5);

/// How many epochs pass before a component yields.
const EPOCHS: u64 = 1;

/// After so many slices without a call the thread rests. To wake it takes longer than a short call, so calls that follow
/// each other within that time, 100 ms, do without.
const QUIET_SLICES: u32 = 20;

/// How often a thread that rests looks whether there is still an engine.
const REST: Duration = Duration::from_secs(60);

/// The ticker of this process. The lock is held only while a plugin loads.
static TICKER: Mutex<Option<OfProcess>> = Mutex::new(None);

struct OfProcess {
    /// A forked process has a copy of the ticker, and not its thread.
    process: u32,
    ticker: Ticker,
}

/// Counts the epochs of this engine for as long as it lives, while calls of the returned ticker run.
pub(crate) fn count(engine: &Engine) -> Result<Ticker, HostError> {
    let process = std::process::id();
    let mut known = TICKER.lock().unwrap_or_else(PoisonError::into_inner);
    let ticker = match &*known {
        Some(of_process) if of_process.process == process => of_process.ticker.clone(),
        _ => Ticker::default(),
    };
    ticker.add(engine)?;
    *known = Some(OfProcess {
        process,
        ticker: ticker.clone(),
    });
    Ok(ticker)
}

/// Has the store's component yield when its time slice is over.
pub(crate) fn give_way<T>(store: &mut Store<T>) {
    begin(store);
    // Not wasmtime's own yield, which has the task polled again before the runtime looked at its sockets and timers.
    store.epoch_deadline_callback(|_| {
        Ok(UpdateDeadline::YieldCustom(EPOCHS, Box::pin(yield_now())))
    });
}

/// Begins a whole time slice: the last one was over long ago where nothing was asked of the component since.
pub(crate) fn begin<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(EPOCHS);
}

/// Counts epochs while calls run. A clone is the same ticker.
#[derive(Clone, Default)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How many calls have begun, times [`CALL`]. The lowest bit, [`RESTING`], says that the thread rests.
    begun: AtomicUsize,
    /// How many calls have ended, times [`CALL`].
    ended: AtomicUsize,
    ticked: Mutex<Ticked>,
    /// Notified when `RESTING` is taken away.
    woken: Condvar,
}

const RESTING: usize = 1;
const CALL: usize = 2;

#[derive(Default)]
struct Ticked {
    engines: Vec<EngineWeak>,
    /// True while there is a thread.
    running: bool,
    /// How many slices have passed.
    #[cfg(test)]
    slices: u64,
}

/// A call that runs: while it lives, epochs are counted.
pub(crate) struct RunningCall<'a>(&'a Shared);

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(CALL, Ordering::Release);
    }
}

impl Ticker {
    /// Begins a call. With its end it costs two atomic additions, and a wake-up where the thread rests.
    pub(crate) fn run_call(&self) -> RunningCall<'_> {
        let begun = self.0.begun.fetch_add(CALL, Ordering::AcqRel);
        if begun & RESTING != 0 {
            self.0.wake();
        }
        RunningCall(&self.0)
    }

    fn add(&self, engine: &Engine) -> Result<(), HostError> {
        let mut ticked = self.0.ticked();
        if !ticked.running {
            let shared = Arc::clone(&self.0);
            let named = thread::Builder::new().name("dapr-wasm-epochs".into());
            let started = named.spawn(move || shared.tick_while_there_are_engines());
            started.map_err(|cause| HostError::Engine(EngineError::new(cause.into())))?;
            ticked.running = true;
            // The last thread may have ended while it rested.
            self.0.begun.fetch_and(!RESTING, Ordering::AcqRel);
        }
        ticked.engines.push(engine.weak());
        Ok(())
    }
}

impl Shared {
    fn tick_while_there_are_engines(&self) {
        let mut last = self.begun.load(Ordering::Acquire);
        let mut quiet = 0;
        loop {
            thread::sleep(SLICE);
            if !self.tick() {
                return;
            }
            // In this order: calls that had ended had begun. So where both are equal, no call ran at the first look.
            let ended = self.ended.load(Ordering::Acquire);
            let begun = self.begun.load(Ordering::Acquire);
            if begun == ended && begun == last {
                quiet += 1;
            } else {
                quiet = 0;
                last = begun;
            }
            if quiet >= QUIET_SLICES {
                quiet = 0;
                if !self.rest(begun) {
                    return;
                }
                last = self.begun.load(Ordering::Acquire);
            }
        }
    }

    /// Has every component that computes give way. False where there is no engine any more, and so no thread.
    fn tick(&self) -> bool {
        let mut ticked = self.ticked();
        #[cfg(test)]
        {
            ticked.slices += 1;
        }
        let living = ticked.living();
        let any = ticked.running;
        drop(ticked);
        living.iter().for_each(Engine::increment_epoch);
        any
    }

    /// Waits for the next call, unless one has begun since `begun` was read. False where there is no engine any more, and so
    /// no thread.
    fn rest(&self, begun: usize) -> bool {
        // A call that begins after this exchange sees the bit and wakes the thread; one that began before makes it fail.
        let resting = begun | RESTING;
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let rests = self
            .begun
            .compare_exchange(begun, resting, success, failure);
        if rests.is_err() {
            return true;
        }
        let mut ticked = self.ticked();
        while self.begun.load(Ordering::Acquire) & RESTING != 0 {
            let waited = self.woken.wait_timeout(ticked, REST);
            let (held, over) = waited.unwrap_or_else(PoisonError::into_inner);
            ticked = held;
            if over.timed_out() {
                let living = ticked.living();
                if !ticked.running {
                    return false;
                }
                drop(ticked);
                drop(living);
                ticked = self.ticked();
            }
        }
        true
    }

    /// Ends the rest. The lock keeps this from falling between the thread's look at the bit and its waiting.
    fn wake(&self) {
        let _ticked = self.ticked();
        self.begun.fetch_and(!RESTING, Ordering::AcqRel);
        self.woken.notify_one();
    }

    fn ticked(&self) -> MutexGuard<'_, Ticked> {
        self.ticked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticked {
    /// Forgets the engines that are gone; without any, the thread is to end. To be dropped without the lock: an engine whose
    /// last other owner goes meanwhile is freed with it, with all its address space.
    fn living(&mut self) -> Vec<Engine> {
        let living = self.engines.iter().filter_map(EngineWeak::upgrade);
        let living: Vec<_> = living.collect();
        if living.len() < self.engines.len() {
            self.engines = living.iter().map(Engine::weak).collect();
        }
        self.running = !self.engines.is_empty();
        living
    }
}

#[cfg(test)]
mod tests;
