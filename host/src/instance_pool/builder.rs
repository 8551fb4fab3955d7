//! The settings of a pool.

use super::InstancePool;
use super::members::{Retirement, Rules};
use super::shared::Shared;
use super::start::Setup;
use crate::options::InstanceOptions;
use crate::plugin::Plugin;
use crate::types::{self, Metadata};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// The default of `max_instances`. A call that waits for the network keeps its instance, so this is how many calls are
/// under way at a time.
const MAX_INSTANCES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// The default of `max_starts`.
const MAX_STARTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// The default of `retry_pause`.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The settings of an [`InstancePool`].
#[derive(Clone)]
pub struct InstancePoolBuilder {
    plugin: Plugin,
    options: InstanceOptions,
    state: Option<Metadata>,
    binding: Option<Metadata>,
    max_instances: NonZeroUsize,
    max_starts: NonZeroUsize,
    retry_pause: Duration,
    retirement: Retirement,
}

impl InstancePoolBuilder {
    pub(super) fn new(plugin: &Plugin) -> Self {
        Self {
            plugin: plugin.clone(),
            options: InstanceOptions::new(),
            state: None,
            binding: None,
            max_instances: MAX_INSTANCES,
            max_starts: MAX_STARTS,
            retry_pause: RETRY_PAUSE,
            retirement: Retirement::default(),
        }
    }

    /// The surroundings of each instance; none unless they are given.
    #[must_use]
    pub fn options(mut self, options: InstanceOptions) -> Self {
        self.options = options;
        self
    }

    /// Configures each instance as a state store, once, with the fields of Dapr's `spec.metadata`; with an empty
    /// [`Metadata`] where it takes none. Without, it configures itself from its environment.
    #[must_use]
    pub fn state<N, V>(mut self, metadata: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        self.state = Some(types::metadata(metadata));
        self
    }

    /// Configures each instance as an output binding, once, with the fields of Dapr's `spec.metadata`; with an empty
    /// [`Metadata`] where it takes none. Without, it configures itself from its environment.
    #[must_use]
    pub fn binding<N, V>(mut self, metadata: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        self.binding = Some(types::metadata(metadata));
        self
    }

    /// Limits the number of instances, idle and starting ones included, and so the number of calls under way at a time;
    /// 64 by default. Further callers wait.
    ///
    /// It is never more than [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances). That limit holds for
    /// all pools of the plugin together: if their sum exceeds it, [`InstancePool::acquire`] may give
    /// [`HostError::TooManyInstances`](crate::HostError::TooManyInstances). Plugins that share an
    /// [`Engine`](crate::Engine) share its limit as well: [`HostError::EngineFull`](crate::HostError::EngineFull).
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Limits how many instances start at a time on each tokio runtime; 4 by default. Further starts wait, and do not
    /// begin if their callers are served otherwise.
    ///
    /// Configuring an instance can read from the network. This limit bounds the load on a service that is slow, when
    /// calls time out and lose their instances.
    #[must_use]
    pub fn max_starts(mut self, starts: NonZeroUsize) -> Self {
        self.max_starts = starts;
        self
    }

    /// Sets how long the pool remembers a failed start; one second by default. Meanwhile callers for whom an instance
    /// would have to start get the same error at once. Idle instances are still lent, and starts under way are not
    /// affected. [`Duration::ZERO`] remembers nothing.
    ///
    /// The pool does not remember [`HostError::TooManyInstances`](crate::HostError::TooManyInstances) and
    /// [`HostError::EngineFull`](crate::HostError::EngineFull): another pool may drop an instance at any time.
    #[must_use]
    pub fn retry_pause(mut self, pause: Duration) -> Self {
        self.retry_pause = pause;
        self
    }

    /// Drops an instance that was idle for this long; unset by default, so that idle instances are kept.
    ///
    /// They are dropped also while nobody uses the pool, by a thread of this crate.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.retirement.idle_timeout = Some(timeout);
        self
    }

    /// Drops an instance that was started this long ago; unset by default. A lent instance is dropped when it is given
    /// back, an idle one when the time has come.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.retirement.max_age = Some(age);
        self
    }

    /// Drops an instance that is given back after this many calls; unset by default. Calls that configured it are not
    /// counted. A caller that makes several calls with one loan may exceed it.
    #[must_use]
    pub fn max_calls(mut self, calls: NonZeroU64) -> Self {
        self.retirement.max_calls = Some(calls);
        self
    }

    /// Drops an instance that is given back with more linear memory than this, in bytes; unset by default.
    ///
    /// Linear memory never shrinks, so that one large call would keep its memory for as long as the instance lives. A
    /// limit below what the component has when it was configured starts an instance for every call.
    /// [`InstanceOptions::memory_limit`] bounds what an instance can have in the first place.
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.retirement.max_memory = Some(bytes);
        self
    }

    /// Builds an empty pool: its first instance starts when it is first needed. See [`InstancePool::warm_up`].
    #[must_use]
    pub fn build(self) -> InstancePool {
        let rules = Rules {
            max_instances: self.max_instances,
            max_starts: self.max_starts,
            retry_pause: self.retry_pause,
            retirement: self.retirement,
        };
        let setup = Setup {
            options: self.options,
            state: self.state,
            binding: self.binding,
        };
        InstancePool {
            shared: Shared::new(self.plugin, rules, setup),
        }
    }
}

// Metadata is where credentials are.
impl std::fmt::Debug for InstancePoolBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePoolBuilder")
            .field("plugin", &self.plugin)
            .field("options", &self.options)
            .field("max_instances", &self.max_instances)
            .field("max_starts", &self.max_starts)
            .field("retry_pause", &self.retry_pause)
            .field("retirement", &self.retirement)
            .finish_non_exhaustive()
    }
}
