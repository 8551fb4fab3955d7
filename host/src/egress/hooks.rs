//! Where the plugin's requests come out of WebAssembly: refused here, or sent.

use super::Egress;
use super::exchange::{Timeouts, exchange};
use super::origin::Origin;
use http::{Request, Response};
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// What one instance may send: nothing, or what its [`Egress`] allows.
pub(crate) struct Outgoing(Option<Egress>);

impl Outgoing {
    pub(crate) fn new(egress: Option<Egress>) -> Self {
        Self(egress)
    }

    /// The egress and the origin of a request that may pass.
    fn admit(&self, request: &Request<WasiBody>) -> Result<(Egress, Origin), Error> {
        let origin = Origin::of(request.uri())?;
        match &self.0 {
            Some(egress) if egress.allowed.permits(&origin) => Ok((egress.clone(), origin)),
            Some(_) | None => {
                tracing::debug!("a request to {origin} was refused: no egress rule allows it");
                Err(Error::HttpRequestDenied)
            }
        }
    }
}

impl WasiHttpHooks for Outgoing {
    // `wasi:http` drives the future that is returned in a task of its own, and drops it with the plugin's handle: an
    // exchange that nobody waits for any more closes its connection. The transmission is over once there is an answer,
    // since each connection has a task already; so nothing is left to run, and nothing to leak.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission), Error>> + Send> {
        let admitted = self.admit(&request);
        Box::new(async move {
            let (egress, origin) = admitted?;
            let pool = Arc::clone(&egress.pool);
            let response = exchange(pool, origin, request, Timeouts::new(options)).await?;
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}
