//! wasmtime's bindings of the contract in `wit/`. This is the only module with generated code.
//!
//! The `types` interface is remapped to [`crate::types`] instead of generated, so that its error can implement `Display`.

#[allow(
    missing_docs,
    reason = "generated from the WIT, which documents what it can"
)]
mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "dynamodb",
        exports: { default: async },
        additional_derives: [PartialEq],
        with: { "dapr-wasm:components/types": crate::contract::shared },
    });
}

pub(crate) use generated::exports::dapr_wasm::components::{binding, state};

/// The name under which a component exports its state store.
pub(crate) const STATE: &str = "dapr-wasm:components/state@0.1.0";
/// The name under which a component exports its output binding.
pub(crate) const BINDING: &str = "dapr-wasm:components/binding@0.1.0";

/// The items of the remapped interface that the generated code names: its types, and traits to link its functions. The
/// interface has no functions.
#[allow(
    dead_code,
    missing_docs,
    reason = "named by generated code that is never called"
)]
pub mod shared {
    pub use crate::types::{Error, Metadata};
    use wasmtime::component::{HasData, Linker};

    pub trait Host {}
    pub trait HostWithStore<T>: HasData {}

    pub fn add_to_linker<T: 'static, D: HasData>(
        _linker: &mut Linker<T>,
        _host: fn(&mut T) -> D::Data<'_>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}
