//! The embedder's own interfaces that components may import, in addition to WASI.
//!
//! They are defined first, in an empty linker, and the host's interfaces after them. A name that both define is an error, so
//! an embedder cannot replace an interface of the host by accident.

use crate::error::{EngineError, HostError};
use crate::instance::HostState;
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use wasmtime::component::{Component, Linker, ResourceTable, ResourceType};

/// The functions that define the embedder's interfaces, in the order in which they were given.
#[derive(Clone, Default)]
pub(crate) struct Imports(Vec<Arc<Define>>);

type Define = dyn Fn(&mut Linker<HostState>) -> wasmtime::Result<()> + Send + Sync;

impl Imports {
    pub(crate) fn push(
        &mut self,
        define: impl Fn(&mut Linker<HostState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) {
        self.0.push(Arc::new(define));
    }

    /// Returns a linker with only the embedder's interfaces, or `None` if there are none. The linker refuses to define a name
    /// again.
    ///
    /// Errors: [`HostError::Imports`], [`HostError::ImportTaken`].
    pub(crate) fn define(
        &self,
        component: &Component,
        of_host: &Linker<HostState>,
    ) -> Result<Option<Linker<HostState>>, HostError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut linker = Linker::new(component.engine());
        for define in &self.0 {
            define(&mut linker).map_err(|cause| HostError::Imports(EngineError::new(cause)))?;
        }
        linker.allow_shadowing(false);
        refuse_taken(&linker, component, of_host)?;
        Ok(Some(linker))
    }
}

impl fmt::Debug for Imports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} functions", self.0.len())
    }
}

/// Fails if both linkers define an interface that the component imports.
fn refuse_taken(
    of_embedder: &Linker<HostState>,
    component: &Component,
    of_host: &Linker<HostState>,
) -> Result<(), HostError> {
    for (interface, _) in component.component_type().imports(component.engine()) {
        let taken = is_defined(of_embedder, interface)
            .and_then(|defined| Ok(defined && is_defined(of_host, interface)?));
        if taken.map_err(|cause| HostError::Engine(EngineError::new(cause)))? {
            let interface = interface.to_owned();
            return Err(HostError::ImportTaken { interface });
        }
    }
    Ok(())
}

/// Returns true if this linker has a definition for a component that imports this interface.
///
/// An import of `wasi:io/poll@0.2.0` is satisfied by a definition of exactly that name, or else by the highest `0.2` version.
/// A linker does not list its definitions. But it refuses to define a name again, and it gives a component the highest version.
/// So this defines the lowest version as a probe. A component that imports another version gets the probe, unless the linker
/// already had a higher version.
fn is_defined(linker: &Linker<HostState>, interface: &str) -> wasmtime::Result<bool> {
    let mut linker = linker.clone();
    linker.allow_shadowing(false);
    // An instance may be defined in several steps, but a function only once.
    let is_name = |name| {
        let mut linker = linker.clone();
        let defined = linker.root().func_wrap(name, |_, (): ()| Ok(()));
        defined.is_err()
    };
    if is_name(interface) {
        return Ok(true);
    }
    let Some([lowest, highest]) = compatible(interface) else {
        return Ok(false);
    };
    if is_name(&lowest) {
        return Ok(true);
    }
    let mut lowest = linker.instance(&lowest)?;
    lowest.resource(PROBE, ResourceType::host::<()>(), |_, _| Ok(()))?;
    let probe = Component::from_binary(linker.engine(), &importing(&highest))?;
    Ok(linker.instantiate_pre(&probe).is_err())
}

/// Returns the lowest and the highest version of an interface that a linker treats as compatible, or `None` if the version has
/// no compatible ones.
fn compatible(interface: &str) -> Option<[String; 2]> {
    const MOST: u64 = u64::MAX;
    let (name, version) = interface.split_once('@')?;
    if version.contains('-') {
        return None; // a pre-release version is compatible with no other
    }
    let mut numbers = version.split('.');
    match (numbers.next()?, numbers.next()?) {
        ("0", "0") => None,
        ("0", minor) => Some([
            format!("{name}@0.{minor}.0"),
            format!("{name}@0.{minor}.{MOST}"),
        ]),
        (major, _) => Some([
            format!("{name}@{major}.0.0"),
            format!("{name}@{major}.{MOST}.{MOST}"),
        ]),
    }
}

/// The name of the probe's resource, which no other interface exports.
const PROBE: &str = "probe";

/// Makes a component that imports an interface with a resource [`PROBE`]
/// (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>).
fn importing(interface: &str) -> Vec<u8> {
    let mut types = vec![1, 0x42, 1]; // one, of an instance, with one declaration:
    types.extend([4, 0, PROBE.len() as u8]); // an export of this name,
    types.extend(PROBE.as_bytes());
    types.extend([3, 1]); // a resource

    let mut imports = vec![1, 0]; // one, of this name:
    imports.extend(leb128(interface.len()));
    imports.extend(interface.as_bytes());
    imports.extend([5, 0]); // an instance of type 0

    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    for (section, contents) in [(7, types), (10, imports)] {
        component.push(section);
        component.extend(leb128(contents.len()));
        component.extend(contents);
    }
    component
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Values of the embedder's own types, one of each type.
#[derive(Clone, Default)]
pub(crate) struct Contexts(Arc<HashMap<TypeId, (&'static str, Context)>>);

type Context = Arc<dyn Any + Send + Sync>;

impl Contexts {
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: Arc<T>) {
        let contexts = Arc::make_mut(&mut self.0);
        contexts.insert(TypeId::of::<T>(), (type_name::<T>(), value));
    }

    fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let (_, value) = self.0.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }
}

// The values may be secret, and need not be printable.
impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.values().map(|(name, _)| name))
            .finish()
    }
}

impl HostState {
    /// Returns the value of type `T` that [`InstanceOptions::context`](crate::InstanceOptions::context) gave to this
    /// instance, or `None` if there is none.
    #[must_use]
    pub fn context<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.contexts.get()
    }

    /// Returns the resources of this instance: those of WASI, and those that your interfaces add. An instance can have 1,000 of
    /// them at a time.
    pub fn resources(&mut self) -> &mut ResourceTable {
        &mut self.resources
    }
}
