//! What a case stands on: instances of the component, configured or not, and keys that nobody else has.

use std::collections::HashSet;
use std::sync::Arc;

use dapr_wasm_host::types::Metadata;
use dapr_wasm_host::{CapturedStderr, InstanceOptions};

use super::{
    caller::Caller,
    keys::Keys,
    outcome::{Checked, Unmet},
    subject::{Invocation, Subject},
};

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

    /// The key that `name` stands for.
    pub(super) fn key(&self, name: &str) -> String {
        self.keys.key(name)
    }

    /// What configures the state store.
    pub(super) fn state_metadata(&self) -> Checked<&Metadata> {
        let metadata = self.subject.state.as_ref();
        metadata.map_err(|reason| Unmet::NotApplicable(reason.clone()))
    }

    /// What configures the binding.
    pub(super) fn binding_metadata(&self) -> Checked<&Metadata> {
        let metadata = self.subject.binding.as_ref();
        metadata.map_err(|reason| Unmet::NotApplicable(reason.clone()))
    }

    /// An instance whose state store is configured.
    pub(super) async fn store(&self) -> Checked<Caller> {
        let mut store = self.blank().await?;
        store.init(self.state_metadata()?).await?;
        Ok(store)
    }

    /// As many of them as asked for.
    pub(super) async fn stores(&self, count: usize) -> Checked<Vec<Caller>> {
        let mut stores = Vec::new();
        for _ in 0..count {
            stores.push(self.store().await?);
        }
        Ok(stores)
    }

    /// An instance whose binding is configured.
    pub(super) async fn binding(&self) -> Checked<Caller> {
        let mut binding = self.blank().await?;
        binding.init_binding(self.binding_metadata()?).await?;
        Ok(binding)
    }

    /// An instance that is not configured yet; its environment may do it.
    pub(super) async fn blank(&self) -> Checked<Caller> {
        self.start(self.subject.options.clone()).await
    }

    /// An instance that neither `init` nor an environment has configured, and that reaches nothing.
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

    /// An operation that the binding may perform, with a payload that is new.
    pub(super) fn invocation(&self, name: &str) -> Checked<(String, Vec<u8>)> {
        let Some(Invocation { operation, data }) = &self.subject.invocation else {
            return Err(Unmet::NotApplicable("no operation was named".to_owned()));
        };
        let key = self.key(name);
        self.keys.note(&key);
        Ok((
            operation.clone(),
            data.replace(Invocation::KEY, &key).into_bytes(),
        ))
    }

    /// What the instances of the case had to say on standard error, in their order, each line once.
    pub(super) fn heard(&self) -> Vec<String> {
        let heard = self.heard.contents();
        let lines = heard.lines().filter(|line| !line.trim().is_empty());
        let mut known = HashSet::new();
        let distinct = lines.filter(|line| known.insert(*line));
        distinct.map(str::to_owned).collect()
    }

    /// Deletes what the case has left in the store.
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
