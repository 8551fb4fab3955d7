//! Makes a component that computes yield every few milliseconds, so that other tasks of its thread run and its call can be
//! cancelled.
//!
//! Compiled code reads its engine's epoch in every loop and every function, and yields if it has changed. One thread, the
//! ticker, increments the epochs of all engines of this process. It rests while no call runs, and ends after the last engine
//! was dropped.

use crate::error::{EngineError, HostError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::task::yield_now;
use wasmtime::{Engine, EngineWeak, Store, UpdateDeadline};

/// The time slice of a component: the time that it computes before it yields. A task that waits this long still responds
/// within a network round trip. Waking the ticker thread this often takes about 0.5 % of a processor.
const SLICE: Duration = Duration::from_millis(5);

/// The number of epochs that pass before a component yields.
const EPOCHS: u64 = 1;

/// The number of slices without a call, 100 ms in all, after which the thread rests. Waking it takes longer than a short call.
/// Calls that follow each other within that time do not need to wake it.
const QUIET_SLICES: u32 = 20;

/// The interval at which a resting thread checks if an engine still exists.
const REST: Duration = Duration::from_secs(60);

/// The ticker of this process. The lock is held only while a plugin loads.
static TICKER: Mutex<Option<OfProcess>> = Mutex::new(None);

struct OfProcess {
    /// A forked process has a copy of the ticker, but not its thread.
    process: u32,
    ticker: Ticker,
}

/// Registers an engine with the ticker of this process, which increments the engine's epoch while calls run.
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

/// Makes the store's component yield when its time slice is over.
pub(crate) fn give_way<T>(store: &mut Store<T>) {
    begin(store);
    // Not wasmtime's own yield: after it the task is polled again before the runtime has checked its sockets and timers.
    store.epoch_deadline_callback(|_| {
        Ok(UpdateDeadline::YieldCustom(EPOCHS, Box::pin(yield_now())))
    });
}

/// Begins a whole time slice. Without this, a call after an idle time would begin with a slice that is over.
pub(crate) fn begin<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(EPOCHS);
}

/// Increments epochs while calls run. A clone is the same ticker.
#[derive(Clone, Default)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The number of calls that have begun, times [`CALL`]. The lowest bit, [`RESTING`], is set while the thread rests.
    begun: AtomicUsize,
    /// The number of calls that have ended, times [`CALL`].
    ended: AtomicUsize,
    ticked: Mutex<Ticked>,
    /// Notified when `RESTING` is cleared.
    woken: Condvar,
}

const RESTING: usize = 1;
const CALL: usize = 2;

#[derive(Default)]
struct Ticked {
    engines: Vec<EngineWeak>,
    /// True while the thread exists.
    running: bool,
    /// The number of slices that have passed.
    #[cfg(test)]
    slices: u64,
}

/// A guard for a running call. The ticker increments epochs while a guard exists.
pub(crate) struct RunningCall<'a>(&'a Shared);

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(CALL, Ordering::Release);
    }
}

impl Ticker {
    /// Begins a call. A call costs two atomic additions, and a wake-up if the thread rests.
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
            // The previous thread may have ended while it rested.
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
            // The order matters: every ended call had begun before. So if both counts are equal, no call ran at the first load.
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

    /// Makes every component that computes yield. Returns false if no engine exists any more; then the thread must end.
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

    /// Waits for the next call, unless one has begun since `begun` was read. Returns false if no engine exists any more; then
    /// the thread must end.
    fn rest(&self, begun: usize) -> bool {
        // A call that begins after this exchange sees the bit and wakes the thread. One that began before makes it fail.
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

    /// Ends the rest. The lock ensures that this does not happen between the thread's check of the bit and its wait.
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
    /// Returns the engines that still exist and forgets the others. Without any, the thread must end.
    ///
    /// The caller must drop the result outside the lock. It may be the last owner of an engine by then, and dropping it frees
    /// all the engine's address space.
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
