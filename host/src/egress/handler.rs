//! Functions of `wasi:http` that take the place of wasmtime-wasi-http's own.
//!
//! `outgoing-handler.handle`: the options of a request end with the request. wasmtime-wasi-http 48 leaves those that a
//! plugin hands over in the instance's table for ever (`p2/http_impl.rs` reads them there and does not take them out), so
//! that an instance would trap once the table is full.
//!
//! `outgoing-request.set-method` and `set-authority`: each has a longest value. wasmtime-wasi-http 48 keeps whatever it is
//! given, so a plugin could have the host keep its memory's worth of bytes with each request that it makes and never sends.

use tracing::span::EnteredSpan;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, HostOutgoingRequest, Method, RequestOptions,
};
use wasmtime_wasi_http::p2::types::{self, HostFutureIncomingResponse};

/// As wasmtime-wasi-http 48 names them.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const TYPES: &str = "wasi:http/types@0.2.12";

/// The longest method, in bytes. Those that IANA lists have up to 17
/// (<https://www.iana.org/assignments/http-methods>).
const LONGEST_METHOD: usize = 64;
/// The longest host and port, in bytes: a name has up to 253, a port up to 5.
const LONGEST_AUTHORITY: usize = 300;

type Request = Resource<types::HostOutgoingRequest>;
type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// Puts itself before wasmtime's own, which must be linked already.
pub(crate) fn add_to_linker<T: WasiHttpView + 'static>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(HANDLER)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, T>, (request, options)| {
            Ok((handle(store.data_mut(), request, options)?,))
        },
    )?;
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, T>, (request, method): (Request, Method)| {
            let _entered = entered("types", "[method]outgoing-request.set-method");
            if let Method::Other(method) = &method
                && method.len() > LONGEST_METHOD
            {
                return Ok((Err(()),));
            }
            let mut view = store.data_mut().http();
            Ok((HostOutgoingRequest::set_method(&mut view, request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, T>, (request, authority): (Request, Option<String>)| {
            let _entered = entered("types", "[method]outgoing-request.set-authority");
            if authority
                .as_ref()
                .is_some_and(|authority| authority.len() > LONGEST_AUTHORITY)
            {
                return Ok((Err(()),));
            }
            let mut view = store.data_mut().http();
            Ok((HostOutgoingRequest::set_authority(
                &mut view, request, authority,
            )?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Tells of a call as wasmtime's own bindings do.
fn entered(module: &'static str, function: &'static str) -> EnteredSpan {
    tracing::trace_span!("wit-bindgen import", module, function).entered()
}

fn handle(
    state: &mut impl WasiHttpView,
    request: Request,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    let _entered = entered("outgoing-handler", "handle");
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
