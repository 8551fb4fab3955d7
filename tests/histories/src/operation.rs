//! What the checker is given of a call: when it began and ended, and what its answer says about the
//! store at some moment in between.

use super::model::{Change, Condition, Contents, Key, Value};

/// One operation of a history. A bulk call is one for each of its keys, a transaction is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which call of the history it is of, for those who print it.
    pub call: usize,
    /// The moment at which it was called. No two moments of a history are the same.
    pub began: u32,
    /// The moment at which it was answered. `None`: the outcome is unknown, so that it may take effect
    /// at any time after its beginning, or never.
    pub ended: Option<u32>,
    /// What it says about the store.
    pub said: Said,
}

/// What an answer says.
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
    /// Whether it says of these contents that they were there, and left them so.
    pub fn is_seen_in(&self, contents: &Contents) -> bool {
        match self {
            Self::Read(key, value) => contents.at(*key) == *value,
            Self::Mismatch(changes) => contents.after(changes).is_none(),
            Self::Changed(_) => false,
        }
    }

    /// The versions that have to stand there for it.
    pub fn needs(&self) -> Vec<Value> {
        match self {
            Self::Mismatch(_) => Vec::new(),
            Self::Read(..) | Self::Changed(_) => self.speaks_of(),
        }
    }

    /// The versions that it saw, or that its conditions name.
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

    /// The versions that it leaves.
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

    /// The key that it is about, where that is one.
    pub fn only_key(&self) -> Option<Key> {
        let first = self.keys().next();
        first.filter(|first| self.keys().all(|key| key == *first))
    }

    /// The keys that it is about, some perhaps more than once.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let (read, changes) = match self {
            Self::Read(key, _) => (Some(*key), [].as_slice()),
            Self::Changed(changes) | Self::Mismatch(changes) => (None, changes.as_slice()),
        };
        read.into_iter()
            .chain(changes.iter().map(|change| change.key))
    }
}
