//! A bounded number of instances for any number of tasks: whoever asked first is lent one first, and a lost instance is
//! never lent again.

use crate::binding::Binding;
use crate::error::{CallError, PoolError};
use crate::instance::Instance;
use crate::options::InstanceOptions;
use crate::plugin::Plugin;
use crate::state::State;
use crate::types::{self, Metadata};
use scopeguard::ScopeGuard;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many instances there are at most, unless the embedder says otherwise. A call that waits for the network keeps
/// its instance, so this is how many calls are under way at a time.
const SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Instances of one plugin, alike in surroundings and configuration, that any number of tasks share.
///
/// They are started and configured when they are first needed, kept, and lent to one caller at a time, the one used last
/// first, so that those which a quiet hour does not need stay untouched. A clone is the same pool.
#[derive(Clone)]
pub struct InstancePool {
    shared: Arc<Shared>,
}

impl InstancePool {
    /// A pool of `plugin`'s instances.
    #[must_use]
    pub fn builder(plugin: &Plugin) -> InstancePoolBuilder {
        InstancePoolBuilder {
            plugin: plugin.clone(),
            options: InstanceOptions::new(),
            state: None,
            binding: None,
            size: SIZE,
        }
    }

    /// Lends an instance that is configured and idle; starts one where there is none and fewer than the pool's size are
    /// lent; waits for one to come back otherwise, behind those who asked before.
    ///
    /// It waits without a limit: put a timeout around it where the caller has one. A task that holds an instance and
    /// asks for another can wait for itself.
    ///
    /// Errors: [`PoolError::Instantiate`] and [`PoolError::Init`], for this caller alone; the next one starts afresh.
    pub async fn acquire(&self) -> Result<PooledInstance, PoolError> {
        // The semaphore is never closed, so that there is a permit in any case.
        let permit = Arc::clone(&self.shared.permits).acquire_owned().await.ok();
        let instance = match self.shared.idle() {
            Some(instance) => instance,
            None => self.shared.start().await?,
        };
        let lent = Lent {
            instance,
            pool: Arc::clone(&self.shared),
            _permit: permit,
        };
        Ok(PooledInstance(scopeguard::guard(lent, Lent::come_back)))
    }

    /// How many instances there are at most.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        self.shared.size
    }
}

impl std::fmt::Debug for InstancePool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePool")
            .field("size", &self.shared.size)
            .finish_non_exhaustive()
    }
}

/// Collects what the instances of an [`InstancePool`] have in common.
#[derive(Clone)]
pub struct InstancePoolBuilder {
    plugin: Plugin,
    options: InstanceOptions,
    state: Option<Metadata>,
    binding: Option<Metadata>,
    size: NonZeroUsize,
}

impl InstancePoolBuilder {
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

    /// How many instances there are at most, and so how many calls are under way at a time; 64 by default, and never more
    /// than [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances), so that whoever comes too many waits. That
    /// bound holds for all pools of the plugin together: where their sizes exceed it, [`InstancePool::acquire`] may give
    /// [`HostError::TooManyInstances`](crate::HostError::TooManyInstances).
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.size = instances;
        self
    }

    /// An empty pool: its first instance starts when it is first asked for.
    #[must_use]
    pub fn build(self) -> InstancePool {
        let size = self
            .plugin
            .max_instances()
            .map_or(self.size, |most| self.size.min(most));
        if size < self.size {
            tracing::warn!(
                "a pool for {} instances has {size}, which is PluginBuilder::max_instances",
                self.size
            );
        }
        // Of more instances than a semaphore can count, none would ever wait.
        let permits = size.get().min(Semaphore::MAX_PERMITS);
        InstancePool {
            shared: Arc::new(Shared {
                plugin: self.plugin,
                options: self.options,
                state: self.state,
                binding: self.binding,
                size,
                permits: Arc::new(Semaphore::new(permits)),
                idle: Mutex::new(Vec::new()),
            }),
        }
    }
}

// Metadata is where credentials are.
impl std::fmt::Debug for InstancePoolBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePoolBuilder")
            .field("plugin", &self.plugin)
            .field("options", &self.options)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

struct Shared {
    plugin: Plugin,
    options: InstanceOptions,
    state: Option<Metadata>,
    binding: Option<Metadata>,
    size: NonZeroUsize,
    /// One for each instance that may be lent. Waiters are served in the order in which they came.
    permits: Arc<Semaphore>,
    /// The one used last is at the end.
    idle: Mutex<Vec<Instance>>,
}

impl Shared {
    fn idle(&self) -> Option<Instance> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    fn keep(&self, instance: Instance) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(instance);
    }

    async fn start(&self) -> Result<Instance, PoolError> {
        let started = self.plugin.instantiate(&self.options).await;
        let mut instance = started.map_err(PoolError::Instantiate)?;
        let configured = self.configure(&mut instance).await;
        if configured.is_err() {
            instance.report_failed_start();
        }
        configured.map_err(PoolError::Init)?;
        Ok(instance)
    }

    async fn configure(&self, instance: &mut Instance) -> Result<(), CallError> {
        if let Some(metadata) = &self.state {
            instance.state()?.init(metadata).await?;
        }
        if let Some(metadata) = &self.binding {
            instance.binding()?.init(metadata).await?;
        }
        Ok(())
    }
}

/// An [`Instance`] on loan from an [`InstancePool`], and given back when it is dropped.
///
/// One that is [lost](Self::is_lost) by then is thrown away; another takes its place when it is needed.
// No `Deref`: with `DerefMut`, `std::mem::swap` could put an instance of another plugin into the pool.
pub struct PooledInstance(ScopeGuard<Lent, fn(Lent)>);

struct Lent {
    instance: Instance,
    pool: Arc<Shared>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Lent {
    /// The permit goes last: whoever gets it finds the instance there.
    fn come_back(self) {
        if !self.instance.is_lost() {
            self.pool.keep(self.instance);
        }
    }
}

impl PooledInstance {
    /// The instance as a state store.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn state(&mut self) -> Result<State<'_>, CallError> {
        self.0.instance.state()
    }

    /// The instance as an output binding.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        self.0.instance.binding()
    }

    /// Whether a call trapped, was abandoned or took too long. Every further call gives [`CallError::InstanceLost`], and
    /// the pool does not lend the instance again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.instance.is_lost()
    }

    /// As [`Instance::take_stderr`].
    #[must_use = "what it returns is kept no more"]
    pub fn take_stderr(&mut self) -> String {
        self.0.instance.take_stderr()
    }

    /// The linear memory that the instance has now, in bytes. It grows, in pages of 64 KiB, and never shrinks; of it
    /// only what was touched takes room in this process.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.0.instance.memory_size()
    }
}

impl std::fmt::Debug for PooledInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PooledInstance")
            .field(&self.0.instance)
            .finish()
    }
}
