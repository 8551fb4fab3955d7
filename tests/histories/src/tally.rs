//! How much was played and checked.

use std::{fmt, ops::AddAssign};

use super::{
    history::{What, calls, operations},
    play::Played,
};

/// What histories consist of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there are.
    pub histories: usize,
    /// Calls in them.
    pub calls: usize,
    /// Operations in these: one for each key of a bulk call, one for a transaction. What neither read
    /// nor wrote does not count.
    pub operations: usize,
    /// How many of these are writes of unknown outcome.
    pub unknown: usize,
    /// Requests that did not go straight there and back.
    pub faults: usize,
    /// Histories that only a write explains which took effect more than once.
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
            "{} histories, {} calls, {} operations ({} of unknown outcome), {} faults",
            self.histories, self.calls, self.operations, self.unknown, self.faults
        )?;
        match self.repeated {
            0 => Ok(()),
            some => write!(f, ", {some} histories with a write that took effect twice"),
        }
    }
}
