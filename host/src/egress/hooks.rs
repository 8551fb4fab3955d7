//! Where the plugin's requests come out of WebAssembly: refused here, or sent.

use super::Egress;
use super::destination::Destination;
use super::exchange::{Timeouts, exchange};
use super::origin::{Origin, Scheme};
use super::pool::Pool;
use http::uri::Authority;
use http::{Request, Response, Uri};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// What one instance may send: nothing, or what its [`Egress`] allows, and so many requests at a time.
pub(crate) struct Outgoing {
    egress: Option<Egress>,
    /// One for each request that may be under way.
    room: Arc<Semaphore>,
    /// The last that was let pass. A plugin asks for the same again and again.
    admitted: Option<Admitted>,
}

struct Admitted {
    scheme: Scheme,
    authority: Authority,
    destination: Arc<Destination>,
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
            room: Arc::new(Semaphore::new(most)),
            admitted: None,
        }
    }

    /// Where a request may go that may pass.
    fn admit(
        &mut self,
        request: &Request<WasiBody>,
    ) -> Result<(Arc<Pool>, Arc<Destination>), Error> {
        let uri = request.uri();
        let Some(egress) = &self.egress else {
            return Err(refused(&Origin::of(uri)?));
        };
        let pool = Arc::clone(&egress.pool);
        if let Some(last) = &self.admitted
            && last.covers(uri)
        {
            return Ok((pool, Arc::clone(&last.destination)));
        }
        let origin = Origin::of(uri)?;
        if !egress.allowed.permits(&origin) {
            return Err(refused(&origin));
        }
        let scheme = origin.scheme;
        let destination = egress.pool.destination(origin);
        self.admitted = uri.authority().map(|authority| Admitted {
            scheme,
            authority: authority.clone(),
            destination: Arc::clone(&destination),
        });
        Ok((pool, destination))
    }
}

fn refused(origin: &Origin) -> Error {
    tracing::debug!("a request to {origin} was refused: no egress rule allows it");
    Error::HttpRequestDenied
}

impl WasiHttpHooks for Outgoing {
    // `wasi:http` drives the future that is returned in a task of its own, and drops it with the plugin's handle: an
    // exchange that nobody waits for any more closes its connection. The transmission is over once there is an answer,
    // since what is left of it belongs to the body; so nothing is left to run, and nothing to leak.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission), Error>> + Send> {
        let admitted = self.admit(&request);
        let room = Arc::clone(&self.room);
        Box::new(async move {
            let (pool, destination) = admitted?;
            let timeouts = Timeouts::new(options);
            let response = exchange(pool, destination, room, request, timeouts).await?;
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}
