//! The way out, but for its rules against real sockets: the server counts, scripts its misbehaviour, and is never waited
//! for by the clock.

mod addresses;
mod admission;
mod allow_list;
mod bodies;
mod closing;
#[cfg(feature = "aws")]
mod credential_endpoint;
mod dns_cache;
mod failures;
mod limits;
mod limits_of_egress;
mod limits_of_instance;
mod lost_instances;
mod proxy;
mod reuse;
mod runtimes;
pub(crate) mod server;
#[cfg(feature = "aws")]
mod signing;
mod timeouts;
pub(crate) mod tls;

use super::{Egress, EgressBuilder, Outgoing};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use server::Server;
use std::num::NonZeroUsize;
use std::pin::Pin;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// An egress that allows this server and no other.
fn egress_to(server: &Server) -> Egress {
    Egress::builder().allow_url(server.url()).build().unwrap()
}

/// Posts as a plugin does, and gives the head with the body unread.
async fn post(
    egress: &Egress,
    url: &str,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    post_body(
        egress,
        url,
        options,
        Full::from("{}").map_err(|e| match e {}),
    )
    .await
}

async fn post_body(
    egress: &Egress,
    url: &str,
    options: Option<RequestOptions>,
    body: impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static,
) -> Result<Response<WasiBody>, Error> {
    let mut outgoing = Outgoing::new(Some(egress.clone()), NonZeroUsize::MIN);
    send(&mut outgoing, url, options, body).await
}

/// Posts as one instance, whose outgoing side this is.
async fn send(
    outgoing: &mut Outgoing,
    url: &str,
    options: Option<RequestOptions>,
    body: impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static,
) -> Result<Response<WasiBody>, Error> {
    let request = Request::post(url)
        .header("host", "as-signed.example")
        .body(body.boxed_unsync())
        .unwrap();
    let processed = Box::new(async { Ok(()) });
    let sending = outgoing.send_request(request, options, processed);
    let (response, transmission) = Pin::from(sending).await?;
    Pin::from(transmission).await?;
    Ok(response)
}

/// Posts and reads the answer to its end.
async fn call(egress: &Egress, url: &str) -> Result<(StatusCode, Bytes), Error> {
    let response = post(egress, url, None).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
