//! A plugin: a component that was compiled once, linked once, and checked before the first instance is asked for.
//!
//! Loading finds out what a component is before it is compiled, and what it needs before its instances' slots are reserved.

use crate::compiled_code::{CodeFolder, CompiledCode};
use crate::contract::{self, binding, state};
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

/// How many HTTP requests all instances of a plugin may have under way, unless the embedder says otherwise: half of the
/// connections of an [`Egress`](crate::Egress), so that one greedy plugin leaves the other half to the others.
const MAX_REQUESTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

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

impl Loaded {
    /// Room for one more instance.
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

/// The right of one instance to exist, of its plugin and of its engine, until it is dropped.
pub(crate) struct InstancePermit {
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

    /// Begins to load a plugin with other settings than the defaults.
    #[must_use]
    pub fn builder() -> PluginBuilder {
        PluginBuilder::default()
    }

    /// Returns true if the component is a state store, so that [`Instance::state`] gives one.
    #[must_use]
    pub fn exports_state(&self) -> bool {
        self.loaded.state.is_some()
    }

    /// Returns true if the component is an output binding, so that [`Instance::binding`] gives one.
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

/// How a [`Plugin`] is loaded.
///
/// Compiling a component of a megabyte takes about a second, so the machine code is kept on disk, in a folder of this
/// user's cache folder unless another is named, and loaded in milliseconds from there.
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
    /// Keeps compiled code in a folder `dapr-wasm-host` inside this one. Both are made where they are missing.
    ///
    /// The code there is run, so the inner folder and all those above it must belong to this user or to the
    /// administrator, and nobody else may write to them, or the plugin does not load; above it, a folder with the sticky
    /// bit will do, such as `/tmp`. A volume that everybody may write to (Kubernetes' `emptyDir` is one) will not: have
    /// the code in the image, or use [`without_cache`](Self::without_cache).
    ///
    /// Only regular files with one name are loaded from there, and only those that nobody else may write to. A
    /// symbolic link, a second hard link or anything else is not used: the component is compiled again and the file
    /// replaced, which `tracing` reports at level WARN.
    ///
    /// These checks need Unix permissions. On other platforms loading fails with [`HostError::CompiledCodeCache`]; without
    /// this setting nothing is kept there, and every load compiles.
    ///
    /// Everybody may read it, as far as this process's umask lets them. It may be read-only: code that was put there when
    /// an image was built is used, where the processor is of the same kind. What is damaged is compiled again. What was
    /// not used for 30 days is deleted when other code is added.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Cache::In(directory.into());
        self
    }

    /// Compiles at every load and leaves nothing on disk.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.cache = Cache::None;
        self
    }

    /// Runs the instances on this engine, together with those of its other plugins. By default a plugin has an engine of
    /// its own.
    ///
    /// [`interruptible`](Self::interruptible) and [`perf_map`](Self::perf_map) are settings of the engine then: loading
    /// fails with [`HostError::EngineSetting`] where they are set here.
    #[must_use]
    pub fn engine(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    /// Limits the instances at a time; 1,000 by default, or as many as the [`engine`](Self::engine) that it is
    /// given has. One more gives [`HostError::TooManyInstances`].
    ///
    /// On a shared engine that is this plugin's share at most: the engine keeps no room free for it. The rest is about a
    /// plugin with an engine of its own.
    ///
    /// Their slots are reserved at once: 4 GiB of address space for each linear memory, 2 MiB for each stack, 0.8 MB or
    /// more for each table of functions, and no memory before it is used. Where this process may not have that much
    /// address space, which a message of `tracing` says at level WARN, instances get theirs one by one, and start more
    /// slowly.
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = Some(instances);
        self
    }

    /// Limits the HTTP requests that all instances of the plugin have under way together; 256 by default. One is under way
    /// until its answer was read to the end or dropped.
    ///
    /// It keeps a plugin from taking all connections of an [`Egress`](crate::Egress) that others share
    /// ([`EgressBuilder::max_connections`](crate::EgressBuilder::max_connections)). Requests beyond it wait, within the time
    /// that the component gives to connecting; then they fail with wasi:http's `connection-limit-reached`.
    /// [`InstanceOptions::max_requests`](crate::InstanceOptions::max_requests) bounds those of one instance.
    #[must_use]
    pub fn max_requests(mut self, requests: NonZeroUsize) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// Sets whether the component can be interrupted while it computes; it can by default. Then it gives way to the other tasks of
    /// its thread every few milliseconds, and [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), a timeout
    /// around a call, and dropping the call end it.
    ///
    /// Compiled code looks at each loop whether it is to give way. Of `dapr_dynamodb.wasm` that took about 1 % of the time of
    /// a single read or write, and 4 % of that of one of 100 items. For a component that is trusted never to compute for
    /// long, it can be done without: then all of the above holds only while a call waits for the network or a timer.
    #[must_use]
    pub fn interruptible(mut self, wanted: bool) -> Self {
        self.interruptible = Some(wanted);
        self
    }

    /// Tells Linux's `perf` the names of the component's functions, in `/tmp/perf-<process id>.map`, so that a profile
    /// of this process says which of them the time went to. The component must have kept its names.
    #[must_use]
    pub fn perf_map(mut self, wanted: bool) -> Self {
        self.perf_map = Some(wanted);
        self
    }

    /// Offers the component interfaces of your own, beside WASI 0.2 and `wasi:http`.
    ///
    /// `define` gets an empty linker each time that a component is loaded, and defines in it what the component may import:
    /// with the `add_to_linker` of [`wasmtime::component::bindgen!`], or by hand. The functions get the [`HostState`] of
    /// the instance that calls them. Several calls of `imports` add up.
    ///
    /// - An asynchronous function waits without holding the thread, and ends with the call at
    ///   [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit). A synchronous one must not block: nothing
    ///   interrupts it.
    /// - An error of a function traps: the call gives [`CallError::Trap`](crate::CallError::Trap), and the instance is lost.
    /// - What this host offers itself cannot be replaced: see [`HostError::ImportTaken`].
    ///
    /// Compiled code does not depend on it and is kept as ever. Use the re-exported [`wasmtime`](crate::wasmtime), whose
    /// version changes in minor versions of this crate.
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

    /// Loads the component in `path`. Blocks for as long as compiling takes where the cache does not have it.
    ///
    /// Errors: [`HostError::ReadFile`], and those of [`from_bytes`](Self::from_bytes).
    #[allow(clippy::wrong_self_convention, reason = "ends the chain of a builder")]
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Plugin, HostError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|cause| HostError::ReadFile {
            path: path.to_owned(),
            cause,
        })?;
        self.from_bytes(&bytes)
    }

    /// Loads the component in `bytes`, its binary format. Blocks for as long as compiling takes where the cache does not
    /// have it.
    ///
    /// Errors:
    /// - [`HostError::NotAComponent`], [`HostError::Compile`]: the bytes are not a component, or a broken one.
    /// - [`HostError::NoContract`], [`HostError::ContractMismatch`]: it does not export what a plugin must.
    /// - [`HostError::ImportNotOffered`]: it imports what nobody offers.
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

    /// All that a component may import. What an instance may do with it, its options say.
    fn linker(&self, component: &Component) -> Result<Linker<HostState>, HostError> {
        let mut of_host = Linker::new(component.engine());
        offer(&mut of_host).map_err(|cause| HostError::Engine(EngineError::new(cause)))?;
        #[cfg(feature = "wasmtime")]
        if let Some(mut both) = self.imports.define(component, &of_host)? {
            // Says of a name that the embedder defined as well that it is defined twice.
            offer(&mut both).map_err(|cause| HostError::Imports(EngineError::new(cause)))?;
            return Ok(both);
        }
        Ok(of_host)
    }

    /// The component in an engine that others use too.
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

    /// The component in an engine that has a slot for each of its instances, where such an engine can be had.
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
            // A component that imports core modules cannot say what they need; the linker refuses it with its reason.
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
            // A process without a home folder still runs plugins; it only loads them more slowly.
            Cache::OfUser => CodeFolder::of_user()
                .inspect_err(|cause| tracing::warn!("compiled code is not kept: {cause}"))
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

/// WASI 0.2 and wasi:http's outgoing half.
fn offer(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    egress::add_to_linker(linker)
}

/// The indices of an interface's functions, or `None` where the component does not export it.
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

/// Says what `bytes` are where they are no component, from the preamble: magic, version, layer
/// (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions>).
fn what_else_it_is(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Some("this core module"),
        [] => Some("an empty file"),
        _ => Some("what was given"),
    }
}
