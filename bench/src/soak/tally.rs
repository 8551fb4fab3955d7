//! What all tasks of a run count together, and the counters that they share. They run on one thread.

use std::cell::{Cell, RefCell};

use serde::Serialize;

use super::chain::Chain;

/// Counters that all tasks raise.
pub(super) const COUNTERS: usize = 8;

/// What was counted.
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

pub(super) struct Tally {
    counts: Cell<Counts>,
    pub(super) chains: RefCell<Vec<Chain>>,
    /// The linear memory of the instance that each task had last.
    guests: Vec<Cell<usize>>,
}

impl Tally {
    pub(super) fn new(tasks: usize) -> Self {
        Self {
            counts: Cell::default(),
            chains: RefCell::new(
                std::iter::repeat_with(Chain::default)
                    .take(COUNTERS)
                    .collect(),
            ),
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

    /// The linear memory of as many instances as there are tasks, in bytes.
    pub(super) fn guests(&self) -> u64 {
        self.guests.iter().map(|guest| guest.get() as u64).sum()
    }
}
