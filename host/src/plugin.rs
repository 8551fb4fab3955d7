//! A plugin: a component that is compiled, linked and checked once, before its first instance starts.
//!
//! Loading checks the kind of the file before it compiles, and reads what the component needs before it reserves slots for
//! instances.

use crate::compiled_code::{CodeFolder, CompiledCode};
use crate::contract::{self, binding, state};
use crate::digest;
use crate::egress;
use crate::engine::{self, Engine, Running, Settings, Slot};
use crate::error::{EngineError, HostError};
#[cfg(feature = "wasmtime")]
use crate::imports::Imports;
use crate::instance::{HostState, Instance};
use crate::options::InstanceOptions;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Component, InstancePre, Linker};

/// The default limit of HTTP requests that all instances of a plugin have in flight together. It is half of the connections
/// of an [`Egress`](crate::Egress), so that one greedy plugin leaves the other half to other plugins.
const MAX_REQUESTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// A compiled component, ready to be instantiated any number of times and from any thread.
///
/// A clone is the same plugin, and cheap.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{InstanceOptions, Plugin};
///
/// let plugin = Plugin::from_file("dapr_dynamodb.wasm")?;
/// assert!(plugin.exports_state());
/// let instance = plugin.instantiate(&InstanceOptions::new()).await?;
/// # let _ = instance;
/// # Ok(())
/// # }
/// ```
///
/// # Forks
///
/// A plugin belongs to the process that loaded it. In a process that is forked from that one, [`Plugin::instantiate`]
/// returns [`HostError::ForkedProcess`], and each call of an instance
/// [`CallError::ForkedProcess`](crate::CallError::ForkedProcess). Load the plugin in the child process, and build its
/// [`Egress`](crate::Egress) there. An `Egress` that was used before the fork shares its connections with the parent.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) loaded: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) state: Option<state::GuestIndices>,
    pub(crate) binding: Option<binding::GuestIndices>,
    /// The engine, which other plugins may share.
    pub(crate) running: Running,
    pub(crate) max_instances: NonZeroUsize,
    /// A permit for each instance that may still start.
    pub(crate) room: Arc<Semaphore>,
    /// A permit for each HTTP request that the instances together may still send.
    pub(crate) requests: Arc<Semaphore>,
}

impl Loaded {
    /// Takes a permit for one more instance.
    ///
    /// Errors: [`HostError::TooManyInstances`], [`HostError::EngineFull`].
    pub(crate) fn admit(&self) -> Result<InstancePermit, HostError> {
        let of_plugin = Arc::clone(&self.room)
            .try_acquire_owned()
            .map_err(|_none_left| HostError::TooManyInstances {
                max_instances: self.max_instances.get(),
            })?;
        Ok(InstancePermit {
            _of_plugin: of_plugin,
            _of_engine: self.running.admit()?,
        })
    }
}

/// A permit of the plugin and one of its engine for one instance. Dropping it returns both.
pub(crate) struct InstancePermit {
    _of_plugin: OwnedSemaphorePermit,
    _of_engine: OwnedSemaphorePermit,
}

impl Plugin {
    /// Loads the component in the file `path`, with the default settings. See [`PluginBuilder::from_file`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, HostError> {
        Self::builder().from_file(path)
    }

    /// Loads the component in `bytes`, with the default settings. See [`PluginBuilder::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HostError> {
        Self::builder().from_bytes(bytes)
    }

    /// Returns a builder, to load a plugin with other settings than the defaults.
    #[must_use]
    pub fn builder() -> PluginBuilder {
        PluginBuilder::default()
    }

    /// Returns true if the component is a state store: then [`Instance::state`] succeeds.
    #[must_use]
    pub fn exports_state(&self) -> bool {
        self.loaded.state.is_some()
    }

    /// Returns true if the component is an output binding: then [`Instance::binding`] succeeds.
    #[must_use]
    pub fn exports_binding(&self) -> bool {
        self.loaded.binding.is_some()
    }

    /// Returns the limit of instances at a time: [`PluginBuilder::max_instances`], or the limit of the shared
    /// [`Engine`](crate::Engine) if that is lower.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        let of_engine = self.loaded.running.max_instances;
        self.loaded.max_instances.min(of_engine)
    }

    /// Starts an instance with a memory of its own. It can reach only what `options` grant.
    ///
    /// This is cheap: nothing is compiled, linked or looked up by name again. The instance is not configured yet; call
    /// [`State::init`](crate::State::init) or [`Binding::init`](crate::Binding::init) next.
    ///
    /// # Errors
    ///
    /// - [`HostError::TooManyInstances`], [`HostError::EngineFull`]: the limit of instances is reached; drop one first.
    /// - [`HostError::Directory`], [`HostError::NoRandomNumbers`]: the host cannot grant what `options` ask for.
    /// - [`HostError::MemoryLimit`], [`HostError::TimeLimit`]: the component needs more than `options` allow.
    /// - [`HostError::Instantiate`]: the component trapped while it started.
    /// - [`HostError::ContractMismatch`]: an export does not have the contract's type.
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

/// Loads a [`Plugin`] with settings of your choice.
///
/// Compiling a component of a megabyte takes about a second. So the compiled code is cached on disk, by default inside this
/// user's cache folder, and later loads take milliseconds.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::Plugin;
///
/// let plugin = Plugin::builder()
///     .cache_directory("/var/cache/orders")
///     .max_instances(100.try_into()?)
///     .max_requests(50.try_into()?)
///     .from_file("dapr_dynamodb.wasm")?;
/// # let _ = plugin;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct PluginBuilder {
    cache: Cache,
    engine: Option<Engine>,
    max_instances: Option<NonZeroUsize>,
    max_requests: Option<NonZeroUsize>,
    interruptible: Option<bool>,
    perf_map: Option<bool>,
    #[cfg(feature = "wasmtime")]
    imports: Imports,
}

#[derive(Clone, Debug, Default)]
enum Cache {
    #[default]
    OfUser,
    In(PathBuf),
    None,
}

impl PluginBuilder {
    /// Caches compiled code in the folder `dapr-wasm-host` inside `directory`. Both are created if they are missing. The
    /// default is this user's cache folder.
    ///
    /// The cached code is executed, so nobody else may be able to change it. The inner folder and all folders above it must
    /// belong to this user or to root, and nobody else may write to them. A folder above the inner one may have the sticky bit
    /// instead, as `/tmp` has. Otherwise loading fails with [`HostError::CompiledCodeCache`]. A volume that everybody may write
    /// to, such as Kubernetes' `emptyDir`, is refused: put the code into the image, or use
    /// [`without_cache`](Self::without_cache).
    ///
    /// From that folder, only regular files with one hard link are loaded, and only if nobody else may write to them. For
    /// anything else, such as a symbolic link, the component is compiled again and the file is replaced. A `tracing` event at
    /// level WARN reports that.
    ///
    /// These checks need Unix permissions. On other platforms this setting makes loading fail with
    /// [`HostError::CompiledCodeCache`]. Without it, nothing is cached there and every load compiles.
    ///
    /// - Other users may read the cache, as far as this process's umask allows.
    /// - The folder may be read-only. Code that was put there when an image was built is used if the processor is of the
    ///   same kind.
    /// - Damaged code is compiled again. Code that was not used for 30 days is deleted when other code is added.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Cache::In(directory.into());
        self
    }

    /// Compiles the component at every load and stores nothing on disk.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.cache = Cache::None;
        self
    }

    /// Runs the instances on a shared engine, together with those of its other plugins. By default a plugin has an engine of
    /// its own.
    ///
    /// [`interruptible`](Self::interruptible) and [`perf_map`](Self::perf_map) are then settings of the engine. Loading fails
    /// with [`HostError::EngineSetting`] if you set them here as well.
    #[must_use]
    pub fn engine(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    /// Limits the instances at a time. The default is 1,000, or the limit of the shared [`engine`](Self::engine). Starting
    /// one more fails with [`HostError::TooManyInstances`].
    ///
    /// On a shared engine, this is the largest share that the plugin can take. The engine does not keep room free for it.
    ///
    /// A plugin with its own engine reserves address space for all these instances when it is loaded. That is 4 GiB for each
    /// linear memory, 2 MiB for each stack, and 0.8 MB or more for each table. It takes no memory before it is used. If the
    /// process cannot reserve that much, a `tracing` event at level WARN says so. Then each instance is allocated when it
    /// starts, which is slower.
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = Some(instances);
        self
    }

    /// Limits the HTTP requests that all instances of the plugin have in flight together; 256 by default. A request is in
    /// flight until its response was read to the end or dropped.
    ///
    /// The limit keeps one plugin from taking all connections of an [`Egress`](crate::Egress) that others share
    /// ([`EgressBuilder::max_connections`](crate::EgressBuilder::max_connections)). Further requests wait, no longer than the
    /// component's connect timeout, and then fail with wasi:http's `connection-limit-reached`
    /// ([`no-connection`](crate#requests-of-a-component) of `http-client`).
    /// [`InstanceOptions::max_requests`](crate::InstanceOptions::max_requests) limits the requests of one instance.
    #[must_use]
    pub fn max_requests(mut self, requests: NonZeroUsize) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// Sets whether the component can be interrupted while it computes; true by default.
    ///
    /// An interruptible component yields to the other tasks of its thread every 5 ms. It ends when the
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit) is over, when a timeout around the call elapses, and
    /// when the future of the call is dropped.
    ///
    /// The compiled code checks in each loop if it must yield. For `dapr_dynamodb.wasm` that took about 1 % of the time of a
    /// single read or write, and 4 % of that of a call with 100 items. Set this to false only for a component that you trust
    /// never to compute for long. Time limits, timeouts and dropping then take effect only while a call waits for the network
    /// or a timer.
    #[must_use]
    pub fn interruptible(mut self, wanted: bool) -> Self {
        self.interruptible = Some(wanted);
        self
    }

    /// Writes the names of the component's functions to `/tmp/perf-<process id>.map`, where Linux's `perf` finds them; off by
    /// default. A profile of this process then shows the time of each function. The component must contain its name section.
    #[must_use]
    pub fn perf_map(mut self, wanted: bool) -> Self {
        self.perf_map = Some(wanted);
        self
    }

    /// Offers the component interfaces of your own, in addition to WASI 0.2, `wasi:http` and
    /// [`dapr-wasm:host`](crate#requests-of-a-component).
    ///
    /// `define` gets an empty linker each time a component is loaded. It defines in it what the component may import, with the
    /// `add_to_linker` of [`wasmtime::component::bindgen!`] or by hand. The functions get the [`HostState`] of the instance
    /// that calls them. You may call `imports` several times; the definitions add up.
    ///
    /// - An asynchronous function waits without holding the thread, and is cancelled with its call at
    ///   [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit). A synchronous function must not block, since
    ///   nothing interrupts it.
    /// - A function that returns an error traps: the call returns [`CallError::Trap`](crate::CallError::Trap), and the instance
    ///   is lost.
    /// - You cannot replace an interface that this crate offers: see [`HostError::ImportTaken`].
    ///
    /// The cache of compiled code works as without imports. Use the re-exported [`wasmtime`](crate::wasmtime), whose version
    /// may change with any minor version of this crate.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use dapr_wasm_host::wasmtime::component::Linker;
    /// use dapr_wasm_host::{HostState, InstanceOptions, Plugin};
    /// use std::collections::HashMap;
    /// use std::sync::Arc;
    ///
    /// struct Vault(HashMap<String, String>);
    ///
    /// // acme:secrets/vault: open: func(name: string) -> option<string>
    /// fn vault(linker: &mut Linker<HostState>) -> dapr_wasm_host::wasmtime::Result<()> {
    ///     let mut interface = linker.instance("acme:secrets/vault")?;
    ///     interface.func_wrap_async("open", |store, (name,): (String,)| {
    ///         let vault = store.data().context::<Vault>();
    ///         Box::new(async move {
    ///             // … ask a server …
    ///             Ok((vault.and_then(|vault| vault.0.get(&name).cloned()),))
    ///         })
    ///     })
    /// }
    ///
    /// # let file = fixtures::memory_store();
    /// let plugin = Plugin::builder().imports(vault).from_file(file)?;
    /// let secrets = Vault(HashMap::from([("database".into(), "…".into())]));
    /// let options = InstanceOptions::new().context(Arc::new(secrets));
    /// # let _ = (plugin, options);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "wasmtime")]
    #[must_use]
    pub fn imports(
        mut self,
        define: impl Fn(&mut Linker<HostState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.imports.push(define);
        self
    }

    /// Loads the component in the file `path`. Blocks while it compiles, unless the cache has the code.
    ///
    /// # Errors
    ///
    /// [`HostError::ReadFile`], and those of [`from_bytes`](Self::from_bytes).
    #[allow(clippy::wrong_self_convention, reason = "ends the chain of a builder")]
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Plugin, HostError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|cause| HostError::ReadFile {
            path: path.to_owned(),
            cause,
        })?;
        self.from_bytes(&bytes)
    }

    /// Loads the component in `bytes`, which are its binary format. Blocks while it compiles, unless the cache has the code.
    ///
    /// # Errors
    ///
    /// - [`HostError::NotAComponent`], [`HostError::Compile`]: the bytes are not a component, or are damaged.
    /// - [`HostError::NoContract`], [`HostError::ContractMismatch`]: the component does not export the contract's interfaces.
    /// - [`HostError::ImportNotOffered`]: the component imports an interface that nobody offers.
    /// - [`HostError::Imports`], [`HostError::ImportTaken`]: a function given to `imports` is wrong.
    /// - [`HostError::CompiledCodeCache`]: the folder of [`cache_directory`](Self::cache_directory) cannot be used.
    /// - [`HostError::EngineTooSmall`], [`HostError::EngineSetting`]: the [`engine`](Self::engine) does not fit.
    /// - [`HostError::Engine`]: WebAssembly does not run on this machine.
    #[allow(clippy::wrong_self_convention, reason = "ends the chain of a builder")]
    pub fn from_bytes(self, bytes: &[u8]) -> Result<Plugin, HostError> {
        if let Some(found) = what_else_it_is(bytes) {
            return Err(HostError::NotAComponent { found });
        }
        let (running, component) = match &self.engine {
            Some(engine) => (engine.running.clone(), self.component_in(engine, bytes)?),
            None => self.component(bytes)?,
        };
        let pre = self
            .linker(&component)?
            .instantiate_pre(&component)
            .map_err(|cause| HostError::ImportNotOffered(EngineError::new(cause)))?;
        let state = exported(&pre, contract::STATE, state::GuestIndices::new)?;
        let binding = exported(&pre, contract::BINDING, binding::GuestIndices::new)?;
        if state.is_none() && binding.is_none() {
            return Err(HostError::NoContract);
        }
        let max_instances = self.max_instances.unwrap_or(running.max_instances);
        Ok(Plugin {
            loaded: Arc::new(Loaded {
                pre,
                state,
                binding,
                running,
                max_instances,
                room: engine::semaphore_of(max_instances),
                requests: engine::semaphore_of(self.max_requests.unwrap_or(MAX_REQUESTS)),
            }),
        })
    }

    /// Returns a linker with all interfaces that a component may import. The options of an instance limit their use.
    fn linker(&self, component: &Component) -> Result<Linker<HostState>, HostError> {
        let mut of_host = Linker::new(component.engine());
        offer(&mut of_host).map_err(|cause| HostError::Engine(EngineError::new(cause)))?;
        #[cfg(feature = "wasmtime")]
        if let Some(mut both) = self.imports.define(component, &of_host)? {
            // Fails for a name that the embedder has defined as well.
            offer(&mut both).map_err(|cause| HostError::Imports(EngineError::new(cause)))?;
            return Ok(both);
        }
        Ok(of_host)
    }

    /// Loads the component in a shared engine.
    fn component_in(&self, engine: &Engine, bytes: &[u8]) -> Result<Component, HostError> {
        for (option, set) in [
            ("interruptible", self.interruptible),
            ("perf_map", self.perf_map),
        ] {
            if set.is_some() {
                return Err(HostError::EngineSetting { option });
            }
        }
        let (code, compiled) = self.compiled(&engine.compiling, bytes)?;
        engine.check(&compiled)?;
        code.load(&engine.running.engine).map_err(not_compiled)
    }

    /// Loads the component in an engine of its own, with a slot for each instance if the address space allows that.
    fn component(&self, bytes: &[u8]) -> Result<(Running, Component), HostError> {
        let defaults = Settings::default();
        let settings = Settings {
            interruptible: self.interruptible.unwrap_or(defaults.interruptible),
            perf_map: self.perf_map.unwrap_or(defaults.perf_map),
        };
        let max_instances = self.max_instances.unwrap_or(engine::MAX_INSTANCES);
        let compiling = engine::compiling(settings)?;
        let (code, compiled) = self.compiled(&compiling, bytes)?;
        let slot = compiled.resources_required().map(|needs| Slot::of(&needs));
        let component = match slot {
            Some(slot) => engine::pooled(slot, max_instances, settings)
                .and_then(|running| code.load(&running))
                .or_else(|cause| {
                    engine::warn_of_missing_slots(max_instances, &cause);
                    code.load(&engine::on_demand(settings)?)
                        .map_err(not_compiled)
                })?,
            // wasmtime does not know the needs of a component that imports core modules. The linker refuses such a component.
            None => compiled,
        };
        let running = Running::new(component.engine().clone(), max_instances, settings)?;
        Ok((running, component))
    }

    fn compiled(
        &self,
        engine: &wasmtime::Engine,
        bytes: &[u8],
    ) -> Result<(CompiledCode, Component), HostError> {
        let folder = match &self.cache {
            Cache::None => None,
            // Without a home folder, plugins still run. They only load more slowly.
            Cache::OfUser => CodeFolder::of_user()
                .inspect_err(|cause| tracing::warn!("compiled code is not cached: {cause}"))
                .ok(),
            Cache::In(directory) => {
                let folder = CodeFolder::inside(directory);
                Some(folder.map_err(|cause| HostError::CompiledCodeCache {
                    directory: directory.clone(),
                    cause,
                })?)
            }
        };
        match folder {
            Some(folder) => folder.code(engine, bytes),
            None => CompiledCode::compile(engine, bytes),
        }
        .map_err(not_compiled)
    }
}

fn not_compiled(error: wasmtime::Error) -> HostError {
    HostError::Compile(EngineError::new(error))
}

/// Defines WASI 0.2, wasi:http's outgoing half, and `dapr-wasm:host`.
fn offer(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    egress::add_to_linker(linker)?;
    egress::add_http_client_to_linker(linker)?;
    digest::add_to_linker(linker)
}

/// Returns the indices of an interface's functions, or `None` if the component does not export the interface.
fn exported<I>(
    pre: &InstancePre<HostState>,
    interface: &'static str,
    indices: impl FnOnce(&InstancePre<HostState>) -> wasmtime::Result<I>,
) -> Result<Option<I>, HostError> {
    if pre.component().get_export_index(None, interface).is_none() {
        return Ok(None);
    }
    indices(pre)
        .map(Some)
        .map_err(|cause| HostError::contract_mismatch(interface, cause))
}

/// Returns a name for `bytes` if they are not a component, by the preamble: magic, version, layer
/// (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions>).
fn what_else_it_is(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Some("this core module"),
        [] => Some("an empty file"),
        _ => Some("this data"),
    }
}
