//! One request, one answer: a request that may have reached the server is never sent a second time.
//!
//! Whether it may be is for the plugin to know. Only a request of which not a byte was written, because the server had
//! closed the kept connection meanwhile, goes out again on another one.

use super::body::{Lease, RequestBody, ResponseBody};
use super::failure;
use super::origin::Origin;
use super::pool::{Pool, Sender};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// How long a plugin that names no timeouts waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a plugin that names no timeouts waits for the head of an answer, and then for each further part.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the steps of an exchange may take.
pub(super) struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    /// Those that the plugin asked for, and bounds for those that it did not.
    pub(super) fn new(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        Self {
            connect: options.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(READ_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(READ_TIMEOUT),
        }
    }
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn exchange(
    pool: Arc<Pool>,
    origin: Origin,
    request: Request<WasiBody>,
    timeouts: Timeouts,
) -> Result<Response<WasiBody>, Error> {
    let (mut request, request_done) = prepare(request)?;
    let lease = |sender| Lease {
        pool: Arc::clone(&pool),
        origin: origin.clone(),
        sender,
        request_done,
    };
    if let Some(mut kept) = connected(&timeouts, pool.take(&origin)).await? {
        match send(&mut kept, request, &timeouts).await {
            Ok(response) => return Ok(deliver(response, lease(kept), &timeouts)),
            Err(Failed {
                unsent: Some(unsent),
                ..
            }) => request = *unsent,
            Err(failed) => return Err(failed.reason),
        }
    }
    let mut new = connected(&timeouts, pool.open(&origin)).await??;
    match send(&mut new, request, &timeouts).await {
        Ok(response) => Ok(deliver(response, lease(new), &timeouts)),
        Err(failed) => Err(failed.reason),
    }
}

async fn connected<C>(
    timeouts: &Timeouts,
    connecting: impl Future<Output = C>,
) -> Result<C, Error> {
    timeout(timeouts.connect, connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)
}

struct Failed {
    reason: Error,
    /// The request, where not a byte of it was written.
    unsent: Option<Box<Request<RequestBody>>>,
}

async fn send(
    sender: &mut Sender,
    request: Request<RequestBody>,
    timeouts: &Timeouts,
) -> Result<Response<Incoming>, Failed> {
    match timeout(timeouts.first_byte, sender.try_send_request(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(mut failed)) => Err(Failed {
            reason: failure::of_exchange(failed.error()),
            unsent: failed.take_message().map(Box::new),
        }),
        Err(_) => Err(Failed {
            reason: Error::ConnectionReadTimeout,
            unsent: None,
        }),
    }
}

fn deliver(response: Response<Incoming>, lease: Lease, timeouts: &Timeouts) -> Response<WasiBody> {
    response.map(|body| ResponseBody::new(body, lease, timeouts.between_bytes).boxed_unsync())
}

/// A request as it stands on the wire: the path alone, for the host is in its header (RFC 9112, section 3.2.1).
fn prepare(request: Request<WasiBody>) -> Result<(Request<RequestBody>, Arc<AtomicBool>), Error> {
    // It would ask an allowed host to pass bytes on to any other.
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let (mut head, body) = request.into_parts();
    head.uri = match head.uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    let (body, done) = RequestBody::new(body);
    Ok((Request::from_parts(head, body), done))
}
