//! The scene of a case: instances of the component, configured or not, and keys that no other case
//! uses.
//!
//! A case deletes the items that it leaves under its keys. So many cases can run on one store at
//! the same time, and on a table that others use. The state store does the deleting. Items that a
//! binding creates elsewhere, such as in a table of its own, stay. So do all items if there is no
//! state store.

use super::caller::Caller;
use super::outcome::{Checked, Unmet};
use super::subject::{Invocation, Subject};
use dapr_wasm_host::types::Metadata;
use dapr_wasm_host::{CapturedStderr, InstanceOptions};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The scene of one case.
pub(super) struct Scene {
    subject: Arc<Subject>,
    secrets: Arc<[String]>,
    keys: Arc<Keys>,
    heard: CapturedStderr,
}

impl Scene {
    pub(super) fn new(subject: &Arc<Subject>) -> Self {
        Self {
            subject: Arc::clone(subject),
            secrets: subject.secrets().into(),
            keys: Arc::new(Keys::new()),
            heard: CapturedStderr::new(),
        }
    }

    /// Returns the key that `name` stands for.
    pub(super) fn key(&self, name: &str) -> String {
        self.keys.key(name)
    }

    /// Returns the configuration of the state store.
    pub(super) fn state_metadata(&self) -> Checked<&Metadata> {
        let metadata = self.subject.state.as_ref();
        metadata.map_err(|reason| Unmet::NotApplicable(reason.clone()))
    }

    /// Returns the configuration of the binding.
    pub(super) fn binding_metadata(&self) -> Checked<&Metadata> {
        let metadata = self.subject.binding.as_ref();
        metadata.map_err(|reason| Unmet::NotApplicable(reason.clone()))
    }

    /// Starts an instance whose state store is configured.
    pub(super) async fn store(&self) -> Checked<Caller> {
        let mut store = self.blank().await?;
        store.init(self.state_metadata()?).await?;
        Ok(store)
    }

    /// Starts this many instances whose state store is configured.
    pub(super) async fn stores(&self, count: usize) -> Checked<Vec<Caller>> {
        let mut stores = Vec::new();
        for _ in 0..count {
            stores.push(self.store().await?);
        }
        Ok(stores)
    }

    /// Starts an instance whose binding is configured.
    pub(super) async fn binding(&self) -> Checked<Caller> {
        let mut binding = self.blank().await?;
        binding.init_binding(self.binding_metadata()?).await?;
        Ok(binding)
    }

    /// Starts an instance without `init`. Its environment may configure it.
    pub(super) async fn blank(&self) -> Checked<Caller> {
        self.start(self.subject.options.clone()).await
    }

    /// Starts an instance without configuration, neither by `init` nor by an environment, and
    /// without network access.
    pub(super) async fn bare(&self) -> Checked<Caller> {
        self.start(InstanceOptions::new()).await
    }

    async fn start(&self, options: InstanceOptions) -> Checked<Caller> {
        let options = options
            .time_limit(self.subject.time_limit)
            .stderr(&self.heard);
        let started = self.subject.plugin.instantiate(&options).await;
        let instance = started.map_err(Unmet::failed)?;
        Ok(Caller::new(
            instance,
            Arc::clone(&self.keys),
            Arc::clone(&self.secrets),
        ))
    }

    /// Returns an operation that the binding may perform, with a new payload.
    pub(super) fn invocation(&self, name: &str) -> Checked<(String, Vec<u8>)> {
        let Some(Invocation { operation, data }) = &self.subject.invocation else {
            return Err(Unmet::NotApplicable("no operation to perform".to_owned()));
        };
        let key = self.key(name);
        self.keys.note(&key);
        Ok((
            operation.clone(),
            data.replace(Invocation::KEY, &key).into_bytes(),
        ))
    }

    /// Returns the lines that the instances of the case wrote to standard error, in order and
    /// without repetitions.
    pub(super) fn heard(&self) -> Vec<String> {
        let heard = self.heard.contents();
        let lines = heard.lines().filter(|line| !line.trim().is_empty());
        let mut known = HashSet::new();
        let distinct = lines.filter(|line| known.insert(*line));
        distinct.map(str::to_owned).collect()
    }

    /// Deletes the leftover items of the case in the store.
    pub(super) async fn clean(&self) -> Checked {
        let left = self.keys.left();
        if left.is_empty() || !self.subject.plugin.exports_state() || self.subject.state.is_err() {
            return Ok(());
        }
        let mut store = self.store().await?;
        for key in left {
            store.delete_key(&key).await?;
        }
        Ok(())
    }
}

/// The prefix of all keys, so that a user who finds one knows its origin.
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

    /// Returns the key that `name` stands for. The empty name is the empty key.
    pub(super) fn key(&self, name: &str) -> String {
        match name.is_empty() {
            true => String::new(),
            false => format!("{}{name}", self.prefix),
        }
    }

    /// Records that there may be an item under this key.
    pub(super) fn note(&self, key: &str) {
        self.written().insert(key.to_owned());
    }

    /// Records that there is no item under this key any more.
    pub(super) fn forget(&self, key: &str) {
        self.written().remove(key);
    }

    /// Returns the keys that may have an item.
    pub(super) fn left(&self) -> Vec<String> {
        self.written().iter().cloned().collect()
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Each change to the set is complete or not made, so a poisoned lock is safe to use.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_share_no_key_except_the_empty_one() {
        let (one, other) = (Keys::new(), Keys::new());
        assert_ne!(one.key("k"), other.key("k"));
        assert!(one.key("k").ends_with("-k"));
        assert_eq!(one.key(""), "");
    }

    #[test]
    fn written_keys_are_left_until_deleted() {
        let keys = Keys::new();
        keys.note("a");
        keys.note("b");
        keys.forget("a");
        assert_eq!(keys.left(), ["b"]);
    }
}
