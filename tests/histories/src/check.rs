//! A history is linearizable where its operations can be put in one order, each at a moment between its
//! beginning and its end, in which a store that does one thing at a time gives the same answers.
//!
//! An operation of unknown outcome may take its place at any time after its beginning, or none at all.
//! Keys that no operation joins are searched apart, which Herlihy and Wing's locality allows
//! (<https://doi.org/10.1145/78969.78972>).

use super::model::{Change, Condition, Contents, Key, Value};
use super::search::Search;

/// The most states that a search may come to before it is given up: some hundred megabytes.
const MOST_STATES: usize = 1_000_000;

/// The end of a search.
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

/// One operation of a history. A bulk call is one for each of its keys, a transaction is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The call of the history that it is of, for those who print it.
    pub call: usize,
    /// The moment at which it was called. No two moments of a history are the same.
    pub began: u32,
    /// The moment at which it was answered. `None`: the outcome is unknown, so that it may take effect
    /// at any time after its beginning, or never.
    pub ended: Option<u32>,
    /// Its statement about the store.
    pub said: Said,
}

/// The statement of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This stood there.
    Read(Key, Option<Value>),
    /// Every condition held, and all was changed.
    Changed(Vec<Change>),
    /// Some condition did not hold, and nothing was changed.
    Mismatch(Vec<Change>),
}

impl Said {
    /// Returns true if it says of these contents that they were there, and left them so.
    pub fn is_seen_in(&self, contents: &Contents) -> bool {
        match self {
            Self::Read(key, value) => contents.at(*key) == *value,
            Self::Mismatch(changes) => contents.after(changes).is_none(),
            Self::Changed(_) => false,
        }
    }

    /// Returns the versions that have to stand there for it.
    pub fn needs(&self) -> Vec<Value> {
        match self {
            Self::Mismatch(_) => Vec::new(),
            Self::Read(..) | Self::Changed(_) => self.speaks_of(),
        }
    }

    /// Returns the versions that it saw, or that its conditions name.
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

    /// Returns the versions that it leaves.
    pub fn writes(&self) -> Vec<Value> {
        match self {
            Self::Changed(changes) => changes.iter().filter_map(|change| change.to).collect(),
            Self::Read(..) | Self::Mismatch(_) => Vec::new(),
        }
    }

    /// Returns true if a store that has done it could do it again: it changes one key, and demands no version,
    /// which never comes back.
    pub fn can_repeat(&self) -> bool {
        match self {
            Self::Changed(changes) => match changes.as_slice() {
                [change] => !matches!(change.condition, Condition::Version(_)),
                _ => false,
            },
            Self::Read(..) | Self::Mismatch(_) => false,
        }
    }

    /// Returns the key that it is about, where that is one.
    pub fn only_key(&self) -> Option<Key> {
        let first = self.keys().next();
        first.filter(|first| self.keys().all(|key| key == *first))
    }

    /// Returns the keys that it is about, some perhaps more than once.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let (read, changes) = match self {
            Self::Read(key, _) => (Some(*key), [].as_slice()),
            Self::Changed(changes) | Self::Mismatch(changes) => (None, changes.as_slice()),
        };
        read.into_iter()
            .chain(changes.iter().map(|change| change.key))
    }
}

/// Groups the operations that share keys, directly or through others: groups do not concern each other. Two that name the same key are in the same group.
fn parts(operations: &[Operation], keys: usize) -> Vec<Vec<&Operation>> {
    // Of each key, the least that it is joined with.
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
