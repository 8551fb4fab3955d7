//! Which of the requests that a fault is about meet it: counted, or drawn.

use std::sync::{Mutex, PoisonError};

/// Which of them.
#[derive(Debug)]
pub(super) struct When {
    which: Which,
    progress: Mutex<Progress>,
}

/// Counted from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Which {
    All,
    Nth(u64),
    First(u64),
    Every(u64),
    Percent(f64),
}

#[derive(Debug)]
struct Progress {
    seen: u64,
    chance: fastrand::Rng,
}

impl When {
    pub(super) fn new(which: Which, seed: u64) -> Self {
        Self {
            which,
            progress: Mutex::new(Progress {
                seen: 0,
                chance: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    /// Counts a request and says whether it meets the fault.
    pub(super) fn now(&self) -> bool {
        // A panic elsewhere cannot leave the count half written.
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.seen += 1;
        match self.which {
            Which::All => true,
            Which::Nth(nth) => progress.seen == nth,
            Which::First(first) => progress.seen <= first,
            Which::Every(every) => progress.seen.is_multiple_of(every),
            Which::Percent(percent) => progress.chance.f64() * 100.0 < percent,
        }
    }
}
