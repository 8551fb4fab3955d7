//! A component that computes gives way every few milliseconds: to the other tasks of its thread, and to whoever wants the
//! call to end.
//!
//! Compiled code looks at its engine's epoch at every loop and every function, and yields where it has changed. One thread
//! counts the epochs of all engines of this process; it ends with the last of them.

use crate::error::HostError;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::task::yield_now;
use wasmtime::{Engine, EngineWeak, Store, UpdateDeadline};

/// How long a component computes at a time. A task that is kept waiting for so long still answers within the time of a
/// round trip on a network; waking a thread so often takes half a hundredth of a processor.
const SLICE: Duration = Duration::from_millis(5);

/// How many epochs pass before a component yields.
const EPOCHS: u64 = 1;

static TICKER: LazyLock<Ticker> = LazyLock::new(Ticker::default);

/// Counts the epochs of this engine for as long as it lives.
pub(crate) fn count(engine: &Engine) -> Result<(), HostError> {
    TICKER.add(engine)
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

#[derive(Clone, Default)]
struct Ticker(Arc<Mutex<Ticked>>);

#[derive(Default)]
struct Ticked {
    engines: Vec<EngineWeak>,
    /// Whether there is a thread.
    running: bool,
}

impl Ticker {
    fn add(&self, engine: &Engine) -> Result<(), HostError> {
        let mut ticked = self.ticked();
        if !ticked.running {
            let ticker = self.clone();
            let named = thread::Builder::new().name("dapr-wasm-epochs".into());
            let started = named.spawn(move || ticker.run());
            started.map_err(|cause| HostError::Engine(cause.into()))?;
            ticked.running = true;
        }
        ticked.engines.push(engine.weak());
        Ok(())
    }

    /// Ends when the last engine is gone.
    fn run(&self) {
        loop {
            thread::sleep(SLICE);
            let mut ticked = self.ticked();
            let living = ticked.engines.iter().filter_map(EngineWeak::upgrade);
            let living: Vec<_> = living.inspect(Engine::increment_epoch).collect();
            if living.len() < ticked.engines.len() {
                ticked.engines = living.iter().map(Engine::weak).collect();
            }
            ticked.running = !ticked.engines.is_empty();
            let ended = !ticked.running;
            drop(ticked);
            // Whose last owner has gone meanwhile is freed here, with all its address space: not while others wait.
            drop(living);
            if ended {
                return;
            }
        }
    }

    fn ticked(&self) -> MutexGuard<'_, Ticked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Settings};

    #[test]
    fn the_thread_ends_with_the_last_engine_and_starts_again_with_the_next() {
        let ticker = Ticker::default();
        for _ in 0..2 {
            let engines = [(); 3].map(|()| engine::compiling(Settings::default()).unwrap());
            engines
                .iter()
                .for_each(|engine| ticker.add(engine).unwrap());
            assert!(ticker.ticked().running);
            drop(engines);
            // Returns when the list is empty, as the thread does.
            ticker.run();
            assert!(!ticker.ticked().running);
        }
    }
}
