//! The component on plain wasmtime, without `dapr-wasm-host`: one instance, and a new connection for every request.
//! It always runs the portable build, because plain wasmtime does not offer what the hosted build imports.
//!
//! Each request copies the root certificates that TLS trusts. The benchmark trusts only one root, while wasmtime's
//! default trusts all the roots of browsers. So the figure is slightly better than the real default.

use super::component::{Exports, metadata};
use crate::tls::{Reach, Root};
use anyhow::{Result, anyhow};
use dapr_wasm_host::types::{
    DeleteOptions, Error, GetOptions, Item, Metadata, Operation, Response, SetOptions, SetRequest,
};
use rustls::RootCertStore;
use std::path::Path;
use test_support::connection_per_request::{Host, linker};
use wasmtime::component::{Component, ComponentNamedList, Func, Instance, Lift, Lower};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtxBuilder;

const STATE: &str = "dapr-wasm:components/state@0.1.0";
const BINDING: &str = "dapr-wasm:components/binding@0.1.0";

/// An instance and its exported functions.
pub(crate) struct DefaultHost {
    store: Store<Host>,
    get: Func,
    set: Func,
    delete: Func,
    bulk_get: Func,
    bulk_set: Func,
    transact: Func,
    invoke: Func,
}

/// Compiles a component with wasmtime's default settings.
pub(crate) fn compile(file: &Path) -> Result<Component> {
    Component::from_file(&Engine::default(), file).map_err(failure)
}

impl DefaultHost {
    pub(crate) async fn start(component: &Component, reach: &Reach) -> Result<Self> {
        let engine = component.engine();
        let linker = linker(engine).map_err(failure)?;
        let roots = reach.root.as_ref().map(Root::store).transpose()?;
        let state = Host::new(
            WasiCtxBuilder::new().build(),
            roots.unwrap_or_else(RootCertStore::empty),
        );
        let mut store = Store::new(engine, state);
        let instance = linker.instantiate_async(&mut store, component).await;
        let instance = instance.map_err(failure)?;
        let metadata = metadata(&reach.endpoint);
        for interface in [STATE, BINDING] {
            let init = function(&instance, &mut store, interface, "init")?;
            call::<_, ()>(&mut store, init, (metadata.as_slice(),)).await?;
        }
        let mut state = |name| function(&instance, &mut store, STATE, name);
        Ok(Self {
            get: state("get")?,
            set: state("set")?,
            delete: state("delete")?,
            bulk_get: state("bulk-get")?,
            bulk_set: state("bulk-set")?,
            transact: state("transact")?,
            invoke: function(&instance, &mut store, BINDING, "invoke")?,
            store,
        })
    }
}

impl Exports for DefaultHost {
    async fn get(&mut self, key: &str) -> Result<Option<Item>> {
        call(&mut self.store, self.get, (key, None::<GetOptions>)).await
    }

    async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String> {
        call(&mut self.store, self.set, (key, value, options)).await
    }

    async fn delete(&mut self, key: &str) -> Result<()> {
        call(&mut self.store, self.delete, (key, None::<DeleteOptions>)).await
    }

    async fn bulk_get(&mut self, keys: &[String]) -> Result<Vec<Result<Option<Item>, Error>>> {
        call(&mut self.store, self.bulk_get, (keys, None::<GetOptions>)).await
    }

    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Result<Vec<Result<String, Error>>> {
        call(&mut self.store, self.bulk_set, (requests,)).await
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>> {
        call(&mut self.store, self.transact, (operations,)).await
    }

    async fn invoke(&mut self, operation: &str, data: &[u8]) -> Result<Response> {
        let parameters = (operation, data, None::<Metadata>);
        call(&mut self.store, self.invoke, parameters).await
    }
}

fn function(
    instance: &Instance,
    mut store: &mut Store<Host>,
    interface: &str,
    name: &str,
) -> Result<Func> {
    let index = instance.get_export_index(&mut store, None, interface);
    let index =
        index.and_then(|interface| instance.get_export_index(&mut store, Some(&interface), name));
    index
        .and_then(|index| instance.get_func(store, index))
        .ok_or_else(|| anyhow!("the component does not export `{name}` of {interface}"))
}

async fn call<Parameters, Answer>(
    store: &mut Store<Host>,
    function: Func,
    parameters: Parameters,
) -> Result<Answer>
where
    Parameters: ComponentNamedList + Lower + Send + Sync,
    Answer: Lift + Send + Sync + 'static,
{
    let function = function
        .typed::<Parameters, (Result<Answer, Error>,)>(&*store)
        .map_err(failure)?;
    let (answer,) = function
        .call_async(store, parameters)
        .await
        .map_err(failure)?;
    Ok(answer?)
}

fn failure(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("wasmtime: {error:#}")
}
