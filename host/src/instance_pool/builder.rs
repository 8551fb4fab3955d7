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

/// The default of `max_instances`. A call that waits for the network occupies its instance, so this also limits the calls at a
/// time.
const MAX_INSTANCES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// The default of `max_starts`.
const MAX_STARTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// The default of `retry_pause`.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Builds an [`InstancePool`] with settings of your choice.
///
/// ```no_run
/// # fn example(plugin: dapr_wasm_host::Plugin, egress: dapr_wasm_host::Egress) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{InstanceOptions, InstancePool};
/// use std::time::Duration;
///
/// let pool = InstancePool::builder(&plugin)
///     .options(InstanceOptions::new().egress(egress).time_limit(Duration::from_secs(60)))
///     .state([("table", "orders"), ("region", "eu-west-1")])
///     .max_instances(32.try_into()?)
///     .idle_timeout(Duration::from_secs(60))
///     .build();
/// # let _ = pool;
/// # Ok(())
/// # }
/// ```
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

    /// Sets the options of each instance. The default is [`InstanceOptions::new`], which grants nothing.
    #[must_use]
    pub fn options(mut self, options: InstanceOptions) -> Self {
        self.options = options;
        self
    }

    /// Configures the state store of each instance once, with the fields of Dapr's `spec.metadata`. Pass an empty
    /// [`Metadata`] if the component takes no fields.
    ///
    /// Without this setting, the pool does not call [`State::init`](crate::State::init), and the component configures itself
    /// from its environment variables.
    #[must_use]
    pub fn state<N, V>(mut self, metadata: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        self.state = Some(types::metadata(metadata));
        self
    }

    /// Configures the output binding of each instance once, with the fields of Dapr's `spec.metadata`. Pass an empty
    /// [`Metadata`] if the component takes no fields.
    ///
    /// Without this setting, the pool does not call [`Binding::init`](crate::Binding::init), and the component configures
    /// itself from its environment variables.
    #[must_use]
    pub fn binding<N, V>(mut self, metadata: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        self.binding = Some(types::metadata(metadata));
        self
    }

    /// Limits the number of instances, including idle and starting ones, and so the number of calls at a time; 64 by default.
    /// Further callers wait.
    ///
    /// The limit is never higher than [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances), which applies to
    /// all pools of the plugin together. If their sum exceeds it, [`InstancePool::acquire`] may fail with
    /// [`HostError::TooManyInstances`](crate::HostError::TooManyInstances). Plugins that share an
    /// [`Engine`](crate::Engine) also share its limit, and fail with [`HostError::EngineFull`](crate::HostError::EngineFull).
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Limits how many instances start at a time on each tokio runtime; 4 by default. Further starts wait, and do not
    /// begin if their callers get another instance first.
    ///
    /// Configuring an instance can read from the network. When a service is slow, calls time out and lose their instances.
    /// This limit bounds the load that their replacements put on the service.
    #[must_use]
    pub fn max_starts(mut self, starts: NonZeroUsize) -> Self {
        self.max_starts = starts;
        self
    }

    /// Sets how long the pool remembers a failed start; one second by default. During that time, callers that need a new
    /// instance get the same error at once. Idle instances are still lent, and running starts are not affected. With
    /// [`Duration::ZERO`], the pool remembers nothing.
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
    /// A thread of this crate drops them, also while nobody uses the pool.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.retirement.idle_timeout = Some(timeout);
        self
    }

    /// Drops an instance that was started this long ago; unset by default. A lent instance is dropped when it is given
    /// back, an idle one as soon as it reaches this age.
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
    /// Linear memory never shrinks, so after one large call an instance keeps that memory for as long as it lives. With a
    /// limit below the size after configuration, the pool starts a new instance for every call.
    /// [`InstanceOptions::memory_limit`] limits the memory that an instance can get in the first place.
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.retirement.max_memory = Some(bytes);
        self
    }

    /// Builds an empty pool. Its first instance starts when it is first needed, or with [`InstancePool::warm_up`].
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

// Metadata may hold credentials, so it is not printed.
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
