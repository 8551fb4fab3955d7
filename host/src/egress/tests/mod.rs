//! Tests of the egress. All but those of its rules use real sockets. The server counts requests and runs a script. No test waits
//! for a fixed time.

mod admission;
mod allow_list;
mod bodies;
mod closing;
#[cfg(feature = "aws")]
mod credential_endpoint;
mod dns_cache;
mod failures;
mod http_client;
mod limits;
mod proxy;
mod reuse;
mod runtimes;
pub(crate) mod server;
#[cfg(feature = "aws")]
mod signing;
mod timeouts;
pub(crate) mod tls;

use super::{Egress, EgressBuilder, Outgoing};
use crate::tests::number;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use server::Server;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Returns the builder of an egress that allows only this server.
fn allowing(server: &Server) -> EgressBuilder {
    Egress::builder().allow_url(server.url())
}

/// Returns an egress that allows only this server.
fn egress_to(server: &Server) -> Egress {
    allowing(server).build().unwrap()
}

/// Returns the outgoing HTTP of an instance that may have `requests` in flight.
fn instance(egress: &Egress, requests: usize) -> Outgoing {
    Outgoing::new(Some(egress.clone()), number(requests), None)
}

/// Returns request options with this connect timeout.
fn connecting_within(connect_timeout: Duration) -> Option<RequestOptions> {
    Some(RequestOptions {
        connect_timeout: Some(connect_timeout),
        ..RequestOptions::default()
    })
}

fn whole(bytes: impl Into<Bytes>) -> WasiBody {
    let body = Full::new(bytes.into());
    body.map_err(|never| match never {}).boxed_unsync()
}

/// The body of a request in parts, as a plugin writes them. As in wasmtime-wasi-http 48, the end of the channel ends the body.
struct Parts {
    parts: mpsc::Receiver<Bytes>,
    /// The length that the body announces.
    length: Option<u64>,
}

impl Parts {
    fn new() -> (mpsc::Sender<Bytes>, Self) {
        let (write, parts) = mpsc::channel(1);
        let length = None;
        (write, Self { parts, length })
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let part = self.parts.poll_recv(cx);
        part.map(|part| part.map(|part| Ok(Frame::data(part))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Sends a request as an instance does. Returns the response with its body unread.
async fn dispatch(
    outgoing: &mut Outgoing,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let processed = Box::new(async { Ok(()) });
    let sending = outgoing.send_request(request, options, processed);
    let (response, transmission) = Pin::from(sending).await?;
    Pin::from(transmission).await?;
    Ok(response)
}

/// Sends a POST request with this body from an instance.
async fn send(
    outgoing: &mut Outgoing,
    url: &str,
    options: Option<RequestOptions>,
    body: impl Body<Data = Bytes, Error = Error> + Send + 'static,
) -> Result<Response<WasiBody>, Error> {
    let request = Request::post(url).header("host", "as-signed.example");
    let request = request.body(body.boxed_unsync()).unwrap();
    dispatch(outgoing, request, options).await
}

/// Sends a POST request from a new instance.
async fn post(
    egress: &Egress,
    url: &str,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    send(&mut instance(egress, 1), url, options, whole("{}")).await
}

/// Sends a POST request from a new instance, and reads the response to its end.
async fn call(egress: &Egress, url: &str) -> Result<(StatusCode, Bytes), Error> {
    let response = post(egress, url, None).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

/// Checks the order in which [`super`] lists its modules. The reaper is a part of the pool.
#[test]
fn modules_use_only_those_below_them() {
    const LAYERS: &[&[&str]] = &[
        &["http_client"],
        &["outgoing"],
        &["credential_endpoint"],
        &["signing"],
        &["signing_style", "clock_skew", "mask_token"],
        &["buffered"],
        &["exchange"],
        &["pool", "idle_reaper"],
        &["connection"],
        &["connector"],
        &["tls", "failure"],
        &["dns_cache"],
        &["allow_list"],
        &["origin", "internal_addresses", "byte_budget"],
    ];
    let layer_of = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/egress");
    for module in LAYERS.iter().copied().flatten() {
        let source = std::fs::read_to_string(folder.join(module).with_extension("rs")).unwrap();
        for used in source
            .lines()
            .filter_map(|line| line.strip_prefix("use super::"))
        {
            let used = used
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            let (above, below) = (layer_of(module), layer_of(used.unwrap()));
            let is_reaper = above == layer_of("pool") && above == below;
            assert!(
                is_reaper || below.is_none() || above < below,
                "{module} uses {used:?}"
            );
        }
    }
}
