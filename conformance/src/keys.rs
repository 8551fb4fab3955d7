//! A case has keys of its own, and takes back what it has left under them: so that many cases can run on one store, at
//! the same time, and on a table that others use.
//!
//! It is the state store that takes back: what a binding makes under a key where the state store does not look, in a table
//! of its own or where there is no state store, stays.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a key of a case is recognised by a person who finds one.
const PREFIX: &str = "conformance-";

/// The keys of one case.
pub(super) struct Keys {
    prefix: String,
    written: Mutex<BTreeSet<String>>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self {
            prefix: format!("{PREFIX}{:016x}-", fastrand::u64(..)),
            written: Mutex::default(),
        }
    }

    /// The key that `name` stands for. The empty name is the empty key.
    pub(super) fn key(&self, name: &str) -> String {
        match name.is_empty() {
            true => String::new(),
            false => format!("{}{name}", self.prefix),
        }
    }

    /// There may be an item under this key.
    pub(super) fn note(&self, key: &str) {
        self.written().insert(key.to_owned());
    }

    /// There is no item under this key any more.
    pub(super) fn forget(&self, key: &str) {
        self.written().remove(key);
    }

    /// The keys under which there may be an item.
    pub(super) fn left(&self) -> Vec<String> {
        self.written().iter().cloned().collect()
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // No change to the set can be seen half done.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cases_share_no_key_and_the_empty_one_stays_empty() {
        let (one, other) = (Keys::new(), Keys::new());
        assert_ne!(one.key("k"), other.key("k"));
        assert!(one.key("k").ends_with("-k"));
        assert_eq!(one.key(""), "");
    }

    #[test]
    fn what_was_written_and_not_deleted_is_left() {
        let keys = Keys::new();
        keys.note("a");
        keys.note("b");
        keys.forget("a");
        assert_eq!(keys.left(), ["b"]);
    }
}
