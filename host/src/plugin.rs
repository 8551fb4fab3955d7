//! A plugin: a component that was compiled once, linked once, and checked before the first instance is asked for.

use crate::contract::{binding, state};
use crate::engine::Running;
use crate::error::HostError;
use crate::instance::{HostState, Instance};
use crate::options::InstanceOptions;
use crate::plugin_builder::PluginBuilder;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::InstancePre;

/// A component that is ready to be instantiated, any number of times and from any thread.
///
/// A clone is the same plugin and costs next to nothing.
///
/// It belongs to the process that loaded it. In a process that was forked from that one, [`Plugin::instantiate`] gives
/// [`HostError::ForkedProcess`] and each call of an instance [`CallError::ForkedProcess`](crate::CallError::ForkedProcess),
/// whatever its settings. Load the plugin in the child, and make its [`Egress`](crate::Egress) there: one that was used
/// before the fork shares its connections with the parent.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) loaded: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) state: Option<state::GuestIndices>,
    pub(crate) binding: Option<binding::GuestIndices>,
    /// The engine, which may be that of other plugins too.
    pub(crate) running: Running,
    pub(crate) max_instances: NonZeroUsize,
    /// One for each instance that there may still be.
    pub(crate) room: Arc<Semaphore>,
    /// One for each HTTP request that all instances may have under way together.
    pub(crate) requests: Arc<Semaphore>,
}

/// The process that made an engine, and so loaded its plugins.
///
/// A process that is forked from it has a copy of its memory, and none of its threads: nothing would interrupt a component,
/// and the runtime's I/O and the connections would be shared with the parent.
#[derive(Clone, Copy)]
pub(crate) struct LoadingProcess(u32);

impl LoadingProcess {
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_this(self) -> bool {
        self.0 == std::process::id()
    }
}

impl Loaded {
    /// Room for one more instance.
    ///
    /// Errors: [`HostError::TooManyInstances`], [`HostError::EngineFull`].
    pub(crate) fn admit(&self) -> Result<Room, HostError> {
        let of_plugin = Arc::clone(&self.room)
            .try_acquire_owned()
            .map_err(|_none_left| HostError::TooManyInstances {
                max_instances: self.max_instances.get(),
            })?;
        Ok(Room {
            _of_plugin: of_plugin,
            _of_engine: self.running.admit()?,
        })
    }
}

/// The place of one instance among those that its plugin and its engine may have, until it is dropped.
pub(crate) struct Room {
    _of_plugin: OwnedSemaphorePermit,
    _of_engine: OwnedSemaphorePermit,
}

impl Plugin {
    /// Loads the component in `path`; see [`PluginBuilder::from_file`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, HostError> {
        Self::builder().from_file(path)
    }

    /// Loads the component in `bytes`; see [`PluginBuilder::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HostError> {
        Self::builder().from_bytes(bytes)
    }

    /// Where the compiled code is kept, and how many instances there may be, can be chosen here.
    #[must_use]
    pub fn builder() -> PluginBuilder {
        PluginBuilder::default()
    }

    /// Whether the component is a state store, so that [`Instance::state`] gives one.
    #[must_use]
    pub fn exports_state(&self) -> bool {
        self.loaded.state.is_some()
    }

    /// Whether the component is an output binding, so that [`Instance::binding`] gives one.
    #[must_use]
    pub fn exports_binding(&self) -> bool {
        self.loaded.binding.is_some()
    }

    /// How many instances there may be at a time: [`PluginBuilder::max_instances`], or that of its [`Engine`](crate::Engine) where that
    /// is less.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        let of_engine = self.loaded.running.max_instances;
        self.loaded.max_instances.min(of_engine)
    }

    /// Starts an instance with a memory of its own and no more surroundings than `options` name.
    ///
    /// Nothing is compiled, linked or looked up by name again.
    ///
    /// Errors:
    /// - [`HostError::TooManyInstances`], [`HostError::EngineFull`]: an instance must be dropped first.
    /// - [`HostError::Directory`], [`HostError::NoRandomNumbers`]: `options` cannot be granted.
    /// - [`HostError::MemoryLimit`], [`HostError::TimeLimit`]: the component needs more than `options` grant.
    /// - [`HostError::Instantiate`]: the component trapped while it started.
    /// - [`HostError::ContractMismatch`]: an export is not of the contract's type.
    /// - [`HostError::ForkedProcess`]: the plugin was loaded before this process was forked.
    pub async fn instantiate(&self, options: &InstanceOptions) -> Result<Instance, HostError> {
        Instance::start(&self.loaded, options).await
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("exports_state", &self.exports_state())
            .field("exports_binding", &self.exports_binding())
            .finish()
    }
}
