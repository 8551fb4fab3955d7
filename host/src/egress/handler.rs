//! `wasi:http/outgoing-handler`: the options of a request end with the request.
//!
//! wasmtime-wasi-http 48 leaves those that a plugin hands over in the instance's table for ever (`p2/http_impl.rs` reads
//! them there and does not take them out), so that an instance would trap once the table is full.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, RequestOptions};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};

/// As wasmtime-wasi-http 48 names it.
const INTERFACE: &str = "wasi:http/outgoing-handler@0.2.12";

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// Puts itself before wasmtime's own, which must be linked already.
pub(crate) fn add_to_linker<T: WasiHttpView + 'static>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(INTERFACE)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, T>, (request, options)| {
            Ok((handle(store.data_mut(), request, options)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn handle(
    state: &mut impl WasiHttpView,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    // As wasmtime's own bindings tell of a call.
    let _entered = tracing::trace_span!(
        "wit-bindgen import",
        module = "outgoing-handler",
        function = "handle"
    )
    .entered();
    let mut view = state.http();
    let spent = options.as_ref().map(Resource::rep);
    let pending = Host::handle(&mut view, request, options);
    if let Some(spent) = spent {
        view.table
            .delete(Resource::<RequestOptions>::new_own(spent))?;
    }
    match pending {
        Ok(pending) => Ok(Ok(pending)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}
