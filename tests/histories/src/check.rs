//! Checks that a history is linearizable. This means that its operations can be put in one order, in which a store that
//! does one operation at a time gives the same results. Each operation takes effect at one moment between its start and
//! its end.
//!
//! An operation of unknown outcome may take effect at any time after its start, or never. Keys that no operation connects
//! are searched separately. Herlihy and Wing's locality theorem allows this (<https://doi.org/10.1145/78969.78972>).

use super::model::{Change, Condition, Contents, Key, Value};
use super::search::Search;

/// The maximum number of states of a search, after which it gives up. They take several hundred megabytes.
const MOST_STATES: usize = 1_000_000;

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order that explains all results.
    Linearizable,
    /// There is no such order.
    Violation,
    /// The search needed too many states.
    Undecided,
}

/// Searches for an order of these operations on a store that has `keys` keys and is empty at the start.
pub fn check(operations: &[Operation], keys: usize) -> Verdict {
    check_within(MOST_STATES, operations, keys)
}

/// Does the same as [`check`], but gives up after `states` states.
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

/// One operation of a history. A bulk call has one for each of its keys, and a transaction is one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The number of its call in the history, for printing.
    pub call: usize,
    /// The moment of the call. All moments of a history are different.
    pub began: u32,
    /// The moment of the result. `None` means that the outcome is unknown: the operation may take effect at any time after
    /// its start, or never.
    pub ended: Option<u32>,
    /// The statement that it makes about the store.
    pub said: Said,
}

/// The statement of a result about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The key had this value.
    Read(Key, Option<Value>),
    /// Every condition held, and all changes were made.
    Changed(Vec<Change>),
    /// Some condition did not hold, and no change was made.
    Mismatch(Vec<Change>),
}

impl Said {
    /// Returns true if these contents explain the statement and it leaves them as they are.
    pub fn is_seen_in(&self, contents: &Contents) -> bool {
        match self {
            Self::Read(key, value) => contents.at(*key) == *value,
            Self::Mismatch(changes) => contents.after(changes).is_none(),
            Self::Changed(_) => false,
        }
    }

    /// Returns the versions that must be in the store for the statement to be true.
    pub fn needs(&self) -> Vec<Value> {
        match self {
            Self::Mismatch(_) => Vec::new(),
            Self::Read(..) | Self::Changed(_) => self.speaks_of(),
        }
    }

    /// Returns the versions that it read or that its conditions name.
    pub fn speaks_of(&self) -> Vec<Value> {
        match self {
            Self::Read(_, value) => value.iter().copied().collect(),
            Self::Changed(changes) | Self::Mismatch(changes) => {
                let conditions = changes.iter().map(|change| change.condition);
                conditions
                    .filter_map(|condition| match condition {
                        Condition::Version(value) => Some(value),
                        Condition::Always | Condition::Absent => None,
                    })
                    .collect()
            }
        }
    }

    /// Returns the versions that it writes.
    pub fn writes(&self) -> Vec<Value> {
        match self {
            Self::Changed(changes) => changes.iter().filter_map(|change| change.to).collect(),
            Self::Read(..) | Self::Mismatch(_) => Vec::new(),
        }
    }

    /// Returns true if a store could do it a second time: it changes one key, and its condition names no version. A
    /// version that was replaced never comes back.
    pub fn can_repeat(&self) -> bool {
        match self {
            Self::Changed(changes) => match changes.as_slice() {
                [change] => !matches!(change.condition, Condition::Version(_)),
                _ => false,
            },
            Self::Read(..) | Self::Mismatch(_) => false,
        }
    }

    /// Returns the key that it names, if it names only one.
    pub fn only_key(&self) -> Option<Key> {
        let first = self.keys().next();
        first.filter(|first| self.keys().all(|key| key == *first))
    }

    /// Returns the keys that it names, possibly with duplicates.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let (read, changes) = match self {
            Self::Read(key, _) => (Some(*key), [].as_slice()),
            Self::Changed(changes) | Self::Mismatch(changes) => (None, changes.as_slice()),
        };
        read.into_iter()
            .chain(changes.iter().map(|change| change.key))
    }
}

/// Groups the operations that share keys, directly or through other operations. Operations of different groups do not
/// affect each other.
fn parts(operations: &[Operation], keys: usize) -> Vec<Vec<&Operation>> {
    // For each key, the smallest key that it is connected with.
    let mut group: Vec<usize> = (0..keys).collect();
    for operation in operations {
        let named: Vec<usize> = operation.said.keys().map(|key| key.0.into()).collect();
        let joined: Vec<usize> = named.iter().map(|key| group[*key]).collect();
        let least = joined.iter().min().copied().unwrap_or_default();
        for of_key in &mut group {
            if joined.contains(of_key) {
                *of_key = least;
            }
        }
    }
    let mut parts = vec![Vec::new(); keys];
    for operation in operations {
        if let Some(key) = operation.said.keys().next() {
            parts[group[usize::from(key.0)]].push(operation);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests;
