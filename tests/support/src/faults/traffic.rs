//! Requests are counted when they have arrived whole, and again when they are passed on.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Arrived;

/// How many requests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Arrived whole at the proxy.
    pub arrived: u64,
    /// Passed on to the upstream, whole or in part.
    pub forwarded: u64,
}

/// What was counted so far.
#[derive(Default)]
pub(super) struct Traffic(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: Count,
    of_operation: BTreeMap<String, Count>,
}

impl Traffic {
    /// Counts a request, and tells it its numbers.
    pub(super) fn arrived(&self, request: &mut Arrived) {
        let mut counts = self.lock();
        counts.all.arrived += 1;
        request.nth_of_all = counts.all.arrived;
        let own = counts.of_operation.entry(request.operation.clone());
        let own = own.or_default();
        own.arrived += 1;
        request.nth = own.arrived;
    }

    pub(super) fn forwarded(&self, operation: &str) {
        let mut counts = self.lock();
        counts.all.forwarded += 1;
        let own = counts.of_operation.entry(operation.to_owned());
        own.or_default().forwarded += 1;
    }

    pub(super) fn count(&self, operation: &str) -> Count {
        let counts = self.lock();
        counts
            .of_operation
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, Count> {
        self.lock().of_operation.clone()
    }

    pub(super) fn count_all(&self) -> Count {
        self.lock().all
    }

    pub(super) fn reset(&self) {
        *self.lock() = Counts::default();
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic elsewhere cannot leave a count half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
