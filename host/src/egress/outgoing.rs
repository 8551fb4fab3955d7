//! Implements `wasi:http` for an instance. Requests leave WebAssembly here, and are refused, signed or sent.
//!
//! These functions replace those of wasmtime-wasi-http:
//!
//! - `outgoing-handler.handle` frees the options of a request together with the request. wasmtime-wasi-http 48 leaves them in
//!   the instance's table forever: `p2/http_impl.rs` reads them and does not delete them. An instance would trap once the
//!   table is full.
//! - `outgoing-request.set-method` and `set-authority` limit the length of their values. wasmtime-wasi-http 48 keeps any
//!   value. With each request that it never sends, a plugin could make the host keep as many bytes as the plugin's own
//!   memory has.

use super::Egress;
use super::allow_list::Permission;
use super::byte_budget::ByteBudget;
use super::connection::InstanceGuard;
#[cfg(feature = "aws")]
use super::connection::RequestBody;
#[cfg(feature = "aws")]
use super::credential_endpoint::CredentialEndpoint;
use super::dns_cache::Resolution;
use super::exchange::{Exchange, RequestLimits, Timeouts};
use super::origin::{Origin, Scheme};
use super::pool::{HostPool, Pool};
#[cfg(feature = "aws")]
use super::signing::{self, Signer};
use http::uri::Authority;
use http::{Request, Response, Uri};
#[cfg(feature = "aws")]
use http_body_util::BodyExt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::span::EnteredSpan;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host;
use wasmtime_wasi_http::p2::bindings::http::types::{
    self as wit, ErrorCode, HostOutgoingRequest, Method,
};
use wasmtime_wasi_http::p2::types;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, WasiHttpView};

/// The interface names of wasmtime-wasi-http 48.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const TYPES: &str = "wasi:http/types@0.2.12";

/// The longest allowed method, in bytes. The methods that IANA lists have at most 17
/// (<https://www.iana.org/assignments/http-methods>).
pub(super) const LONGEST_METHOD: usize = 64;
/// The longest allowed host and port, in bytes. A name has at most 253, a port at most 5.
pub(super) const LONGEST_AUTHORITY: usize = 300;

type RequestResource = Resource<types::HostOutgoingRequest>;
type OptionsResource = Resource<wit::RequestOptions>;
type Handled = Result<Resource<types::HostFutureIncomingResponse>, ErrorCode>;

/// Replaces functions of wasmtime's `wasi:http`, which must be in the linker already.
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
        |mut store: StoreContextMut<'_, T>, (request, method): (RequestResource, Method)| {
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
        |mut store: StoreContextMut<'_, T>,
         (request, authority): (RequestResource, Option<String>)| {
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

/// Enters the tracing span of a call, as wasmtime's own bindings do.
pub(crate) fn entered(module: &'static str, function: &'static str) -> EnteredSpan {
    tracing::trace_span!("wit-bindgen import", module, function).entered()
}

fn handle(
    state: &mut impl WasiHttpView,
    request: RequestResource,
    options: Option<OptionsResource>,
) -> wasmtime::Result<Handled> {
    let _entered = entered("outgoing-handler", "handle");
    let mut view = state.http();
    let spent = options.as_ref().map(Resource::rep);
    let pending = Host::handle(&mut view, request, options);
    if let Some(spent) = spent {
        view.table.delete(OptionsResource::new_own(spent))?;
    }
    match pending {
        Ok(pending) => Ok(Ok(pending)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// A request in flight. Dropping it closes its connection.
pub(super) type Sending = Pin<Box<dyn Future<Output = Result<Response<WasiBody>, Error>> + Send>>;

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The outgoing HTTP of one instance. Its [`Egress`] allows requests, and [`RequestLimits`] limits those in flight. Without an
/// [`Egress`], every request is refused.
///
/// Drop it before the instance's resources. From then on, unfinished request bodies end with an error.
pub(crate) struct Outgoing {
    egress: Option<Egress>,
    limits: RequestLimits,
    guard: InstanceGuard,
    /// The origin of the last allowed request. A cache, because a plugin usually sends to the same origin.
    admitted: Option<Admitted>,
    /// The endpoint of the credentials that the instance was lent, if any.
    #[cfg(feature = "aws")]
    pub(crate) credential_endpoint: Option<CredentialEndpoint>,
    /// One permit for each byte of the bodies that are buffered for signing.
    #[cfg(feature = "aws")]
    bodies: Arc<Semaphore>,
    /// The budget for bodies of requests that were started and are not sent yet.
    pub(super) kept_requests: ByteBudget,
    /// The budget for whole responses that the instance has not taken yet.
    pub(super) kept_responses: ByteBudget,
}

#[derive(Clone)]
struct Admitted {
    scheme: Scheme,
    authority: Authority,
    host_pool: Arc<HostPool>,
    #[cfg(feature = "aws")]
    signer: Option<Arc<Signer>>,
}

impl Admitted {
    fn covers(&self, uri: &Uri) -> bool {
        Scheme::of(uri) == Some(self.scheme) && uri.authority() == Some(&self.authority)
    }
}

impl Outgoing {
    /// `memory` is the memory limit of the instance in bytes, if it has one.
    pub(crate) fn new(
        egress: Option<Egress>,
        max_requests: NonZeroUsize,
        memory: Option<usize>,
    ) -> Self {
        let most = max_requests.get().min(Semaphore::MAX_PERMITS);
        Self {
            egress,
            limits: RequestLimits {
                of_instance: Arc::new(Semaphore::new(most)),
                of_plugin: None,
            },
            guard: InstanceGuard::default(),
            admitted: None,
            #[cfg(feature = "aws")]
            credential_endpoint: None,
            #[cfg(feature = "aws")]
            bodies: Arc::new(Semaphore::new(signing::BUFFER_LIMIT)),
            kept_requests: ByteBudget::of_instance(memory),
            kept_responses: ByteBudget::of_instance(memory),
        }
    }

    /// Sets the limit of requests in flight for all instances of the plugin together. Each request takes a permit.
    pub(crate) fn of_plugin(mut self, requests: Arc<Semaphore>) -> Self {
        self.limits.of_plugin = Some(requests);
        self
    }

    /// Returns the connections for a request, if the rules allow it.
    ///
    /// Errors: no rule allows it, or its URL is invalid.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<(Arc<Pool>, Admitted), Error> {
        let uri = request.uri();
        let Some(egress) = &self.egress else {
            return Err(refused(&Origin::of(uri)?));
        };
        let pool = Arc::clone(&egress.pool);
        if let Some(last) = &self.admitted
            && last.covers(uri)
        {
            return Ok((pool, last.clone()));
        }
        let origin = Origin::of(uri)?;
        let Some(permission) = egress.allowed.permits(&origin) else {
            return Err(refused(&origin));
        };
        let by_wildcard = permission == Permission::Wildcard;
        let resolution = Resolution {
            by_wildcard,
            internal: egress.internal_addresses.allowed(by_wildcard),
        };
        let admitted = Admitted {
            scheme: origin.scheme,
            authority: uri.authority().ok_or(Error::HttpRequestUriInvalid)?.clone(),
            #[cfg(feature = "aws")]
            signer: egress.signer(&origin),
            host_pool: egress.pool.host_pool(origin, resolution),
        };
        self.admitted = Some(admitted.clone());
        Ok((pool, admitted))
    }

    /// Sends a request if the rules allow it, and waits for the head of its response. Does nothing before the first poll.
    pub(super) fn send(&mut self, request: Request<WasiBody>, timeouts: Timeouts) -> Sending {
        #[cfg(feature = "aws")]
        if let Some(endpoint) = &self.credential_endpoint
            && CredentialEndpoint::is_asked(request.uri())
        {
            let (endpoint, limits) = (endpoint.clone(), self.limits.clone());
            return Box::pin(async move {
                let in_flight = limits.admit(timeouts.connected_by()).await?;
                Ok(endpoint.answer(request, in_flight).await)
            });
        }
        let admitted = self.admit(&request);
        let (limits, gone) = (self.limits.clone(), self.guard.gone());
        #[cfg(feature = "aws")]
        let bodies = Arc::clone(&self.bodies);
        Box::pin(async move {
            let (pool, admitted) = admitted?;
            let exchange = Exchange {
                pool,
                host_pool: admitted.host_pool,
                gone,
                timeouts,
            };
            #[cfg(feature = "aws")]
            if let Some(signer) = admitted.signer
                && !Signer::is_signed(&request)
            {
                let gone = exchange.gone.clone();
                let request = request.map(|body| RequestBody::new(body, gone).boxed_unsync());
                let context = signing::Context {
                    exchange,
                    limits,
                    bodies,
                };
                return signer.exchange(request, context).await;
            }
            let connected_by = exchange.timeouts.connected_by();
            let in_flight = limits.admit(connected_by).await?;
            exchange.send(request, in_flight, connected_by).await
        })
    }
}

fn refused(origin: &Origin) -> Error {
    tracing::debug!("a request to {origin} was refused: no egress rule allows it");
    Error::HttpRequestDenied
}

/// Returns a transmission that is complete.
fn over() -> Transmission {
    Box::new(async { Ok(()) })
}

/// The size of one chunk of a request body that waits for the connection, in bytes. A request buffers two chunks, even if the
/// plugin never sends it.
const BODY_CHUNK: usize = 64 << 10;

impl WasiHttpHooks for Outgoing {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    // wasmtime-wasi-http polls the returned future in a task of its own, and drops it together with the plugin's handle. So an
    // abandoned exchange closes its connection. The transmission is complete once there is a response, because the rest belongs
    // to the body. No task is left to run or to leak.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission), Error>> + Send> {
        let sending = self.send(request, Timeouts::new(options));
        Box::new(async move { Ok((sending.await?, over())) })
    }
}
