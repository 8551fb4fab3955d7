//! Loading: a component is compiled once, linked once, and checked before the first instance is asked for.

use crate::contract::{self, binding, state};
use crate::error::HostError;
use crate::instance::{HostState, Instance};
use crate::options::InstanceOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

/// A component that is ready to be instantiated, any number of times and from any thread.
///
/// A clone is the same plugin and costs next to nothing.
#[derive(Clone)]
pub struct Plugin {
    loaded: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) state: Option<state::GuestIndices>,
    pub(crate) binding: Option<binding::GuestIndices>,
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

    /// Where the compiled code is kept can be chosen here.
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

    /// Starts an instance with a memory of its own and no more surroundings than `options` name.
    ///
    /// Nothing is compiled, linked or looked up by name again.
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
/// Compiling a component of a megabyte takes about a second, so the machine code is kept on disk, in wasmtime's own
/// cache folder of this user unless another is named. What lies there is run: it must be writable by this user alone.
#[derive(Clone, Debug, Default)]
pub struct PluginBuilder {
    cache: CompiledCode,
}

#[derive(Clone, Debug, Default)]
enum CompiledCode {
    #[default]
    WhereWasmtimeKeepsIt,
    In(PathBuf),
    NotKept,
}

impl PluginBuilder {
    /// Keeps compiled code in this folder, which is created if need be. The path must be absolute.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = CompiledCode::In(directory.into());
        self
    }

    /// Compiles at every load and leaves nothing on disk.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.cache = CompiledCode::NotKept;
        self
    }

    /// Loads the component in `path`. Blocks for as long as compiling takes where the cache does not have it.
    #[allow(clippy::wrong_self_convention, reason = "ends the chain of a builder")]
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Plugin, HostError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|cause| HostError::ReadFile {
            path: path.to_owned(),
            cause,
        })?;
        self.from_bytes(&bytes)
    }

    /// Loads the component in `bytes`, its binary format. Blocks for as long as compiling takes.
    #[allow(clippy::wrong_self_convention, reason = "ends the chain of a builder")]
    pub fn from_bytes(self, bytes: &[u8]) -> Result<Plugin, HostError> {
        if let Some(found) = what_else_it_is(bytes) {
            return Err(HostError::NotAComponent { found });
        }
        let engine = self.engine()?;
        let component = Component::from_binary(&engine, bytes).map_err(HostError::Compile)?;
        let pre = linker(&engine)
            .map_err(HostError::Engine)?
            .instantiate_pre(&component)
            .map_err(HostError::ImportNotOffered)?;
        let state = exported(&pre, contract::STATE, state::GuestIndices::new)?;
        let binding = exported(&pre, contract::BINDING, binding::GuestIndices::new)?;
        if state.is_none() && binding.is_none() {
            return Err(HostError::NoContract);
        }
        Ok(Plugin {
            loaded: Arc::new(Loaded {
                pre,
                state,
                binding,
            }),
        })
    }

    fn engine(&self) -> Result<Engine, HostError> {
        let mut config = Config::new();
        config.cache(self.compiled_code_cache()?);
        Engine::new(&config).map_err(HostError::Engine)
    }

    fn compiled_code_cache(&self) -> Result<Option<Cache>, HostError> {
        match &self.cache {
            CompiledCode::NotKept => Ok(None),
            // A process without a home folder still runs plugins; it only starts them more slowly.
            CompiledCode::WhereWasmtimeKeepsIt => Ok(Cache::new(CacheConfig::new())
                .inspect_err(|cause| tracing::warn!("compiled code is not kept: {cause:#}"))
                .ok()),
            CompiledCode::In(directory) => {
                let mut config = CacheConfig::new();
                config.with_directory(directory);
                Cache::new(config)
                    .map(Some)
                    .map_err(|cause| HostError::CompiledCodeCache {
                        directory: directory.clone(),
                        cause,
                    })
            }
        }
    }
}

/// WASI 0.2 and wasi:http's outgoing half. What an instance may do with them, its options say.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
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
        .map_err(|cause| HostError::ContractMismatch { interface, cause })
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
