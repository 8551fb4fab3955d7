//! Where the plugin's requests come out of WebAssembly: refused here, or sent.

use super::Egress;
use super::allow_list::Permission;
use super::body::Alive;
#[cfg(feature = "aws")]
use super::body::RequestBody;
#[cfg(feature = "aws")]
use super::credential_endpoint::CredentialEndpoint;
use super::dns_cache::Resolution;
use super::exchange::{Room, Timeouts, exchange};
use super::host_pool::HostPool;
use super::origin::{Origin, Scheme};
use super::pool::Pool;
#[cfg(feature = "aws")]
use super::signing::{self, Signer};
use http::uri::Authority;
use http::{Request, Response, Uri};
#[cfg(feature = "aws")]
use http_body_util::BodyExt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// What one instance may send: nothing, or what its [`Egress`] allows, and so many requests at a time.
///
/// To be dropped before the instance's resources: from then on, no body of its requests ends any more.
pub(crate) struct Outgoing {
    egress: Option<Egress>,
    room: Room,
    alive: Alive,
    /// The last that was let pass. A plugin asks for the same again and again.
    admitted: Option<Admitted>,
    /// Where it was lent credentials.
    #[cfg(feature = "aws")]
    pub(crate) credential_endpoint: Option<CredentialEndpoint>,
    /// A permit for each byte that may wait to be signed.
    #[cfg(feature = "aws")]
    bodies: Arc<Semaphore>,
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
    pub(crate) fn new(egress: Option<Egress>, max_requests: NonZeroUsize) -> Self {
        let most = max_requests.get().min(Semaphore::MAX_PERMITS);
        Self {
            egress,
            room: Room {
                of_instance: Arc::new(Semaphore::new(most)),
                of_plugin: None,
            },
            alive: Alive::default(),
            admitted: None,
            #[cfg(feature = "aws")]
            credential_endpoint: None,
            #[cfg(feature = "aws")]
            bodies: Arc::new(Semaphore::new(signing::ROOM)),
        }
    }

    /// Bounds the requests that all instances of the plugin have under way together, by a permit for each.
    pub(crate) fn of_plugin(mut self, requests: Arc<Semaphore>) -> Self {
        self.room.of_plugin = Some(requests);
        self
    }

    /// Where a request may go that may pass.
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
}

fn refused(origin: &Origin) -> Error {
    tracing::debug!("a request to {origin} was refused: no egress rule allows it");
    Error::HttpRequestDenied
}

/// Nothing is left to be sent.
fn over() -> Transmission {
    Box::new(async { Ok(()) })
}

/// How much of a request's body waits in one piece for the connection, in bytes, of which there are two. A plugin may begin
/// requests that it never sends, and each keeps these.
const BODY_CHUNK: usize = 64 << 10;

impl WasiHttpHooks for Outgoing {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    // `wasi:http` drives the future that is returned in a task of its own, and drops it with the plugin's handle: an
    // exchange that nobody waits for any more closes its connection. The transmission is over once there is an answer,
    // since what is left of it belongs to the body; so nothing is left to run, and nothing to leak.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission), Error>> + Send> {
        #[cfg(feature = "aws")]
        if let Some(endpoint) = &self.credential_endpoint
            && CredentialEndpoint::is_asked(request.uri())
        {
            let (endpoint, room) = (endpoint.clone(), self.room.clone());
            return Box::new(async move {
                let under_way = room.begin(Timeouts::new(options).connected_by()).await?;
                Ok((endpoint.answer(request, under_way).await, over()))
            });
        }
        let admitted = self.admit(&request);
        let (room, gone) = (self.room.clone(), self.alive.gone());
        #[cfg(feature = "aws")]
        let bodies = Arc::clone(&self.bodies);
        Box::new(async move {
            let (pool, admitted) = admitted?;
            let timeouts = Timeouts::new(options);
            #[cfg(feature = "aws")]
            if let Some(signer) = admitted.signer
                && !Signer::is_signed(&request)
            {
                let request =
                    request.map(|body| RequestBody::new(body, gone.clone()).boxed_unsync());
                let way = signing::Way {
                    pool,
                    host_pool: admitted.host_pool,
                    room,
                    gone,
                    bodies,
                    timeouts,
                };
                return Ok((signer.exchange(request, way).await?, over()));
            }
            let connected_by = timeouts.connected_by();
            let under_way = room.begin(connected_by).await?;
            let host_pool = admitted.host_pool;
            let response = exchange(
                &pool,
                host_pool,
                under_way,
                request,
                gone,
                connected_by,
                &timeouts,
            )
            .await?;
            Ok((response, over()))
        })
    }
}
