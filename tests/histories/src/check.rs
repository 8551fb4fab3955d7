//! A history is linearizable where its operations can be put in one order, each at a moment between its
//! beginning and its end, in which a store that does one thing at a time gives the same answers.
//!
//! An operation of unknown outcome may take its place at any time after its beginning, or none at all.
//! Keys that no operation joins are searched apart, which Herlihy and Wing's locality allows
//! (<https://doi.org/10.1145/78969.78972>).

use super::{model::Contents, operation::Operation, parts::parts, search::Search};

/// How many states a search may come to before it is given up: some hundred megabytes.
const MOST_STATES: usize = 1_000_000;

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order that explains all answers.
    Linearizable,
    /// There is none.
    Violation,
    /// The search took too many states.
    Undecided,
}

/// Looks for an order of these operations on a store that is empty at first and has so many keys.
pub fn check(operations: &[Operation], keys: usize) -> Verdict {
    check_within(MOST_STATES, operations, keys)
}

/// As [`check`], and gives up after so many states.
pub(super) fn check_within(states: usize, operations: &[Operation], keys: usize) -> Verdict {
    let mut verdict = Verdict::Linearizable;
    for part in parts(operations, keys) {
        match Search::new(&part, states).run(Contents::empty(keys)) {
            Verdict::Linearizable => {}
            Verdict::Violation => return Verdict::Violation,
            Verdict::Undecided => verdict = Verdict::Undecided,
        }
    }
    verdict
}

#[cfg(test)]
mod every_order;
#[cfg(test)]
mod tests;
