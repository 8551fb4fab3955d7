//! One request, one answer: a request that may have reached the server is never sent a second time.
//!
//! Whether it may be is for the plugin to know. Only a request of which not a byte was written, because the server had
//! closed the kept connection meanwhile, goes out again on another one. Where a new connection fails like that, the plugin
//! is told that nothing was sent.

use super::body::{Lease, ResponseBody};
use super::connection::{Connection, Failed};
use super::destination::Destination;
use super::pool::Pool;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// How long a plugin that names no timeouts waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a plugin that names no timeouts waits for the head of an answer, and then for each further part.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the steps of an exchange may take.
pub(super) struct Timeouts {
    /// For a free place and a new connection together.
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    /// Waits for what comes before a connection no longer than for one.
    #[cfg(feature = "aws")]
    pub(super) async fn before_sending<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> Result<T, Error> {
        by(Instant::now() + self.connect, step).await
    }

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
    destination: Arc<Destination>,
    room: Arc<Semaphore>,
    request: Request<WasiBody>,
    timeouts: Timeouts,
) -> Result<Response<WasiBody>, Error> {
    let mut request = prepare(request)?;
    let connected_by = Instant::now() + timeouts.connect;
    // Named, so that nobody looks for the cause at the destination. The semaphore is never closed, so that there is a
    // permit in any case.
    let under_way = timeout_at(connected_by, room.acquire_owned()).await;
    let under_way = under_way.map_err(|_| Error::ConnectionLimitReached)?.ok();
    let mut place = by(connected_by, destination.place()).await?;
    if let Some(mut kept) = place.take().await {
        match send(&mut kept, request, &timeouts).await {
            Ok(response) => {
                return Ok(deliver(
                    response,
                    Lease::new(kept, place, under_way),
                    &timeouts,
                ));
            }
            Err(Failed {
                unsent: Some(unsent),
                ..
            }) => request = *unsent,
            Err(failed) => return Err(failed.reason),
        }
    }
    let mut new = by(connected_by, pool.open(&place.destination().origin)).await??;
    match send(&mut new, request, &timeouts).await {
        Ok(response) => Ok(deliver(
            response,
            Lease::new(new, place, under_way),
            &timeouts,
        )),
        Err(Failed {
            unsent: Some(_), ..
        }) => Err(Error::DestinationUnavailable),
        Err(failed) => Err(failed.reason),
    }
}

async fn by<C>(deadline: Instant, connecting: impl Future<Output = C>) -> Result<C, Error> {
    timeout_at(deadline, connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)
}

async fn send(
    connection: &mut Connection,
    request: Request<WasiBody>,
    timeouts: &Timeouts,
) -> Result<Response<Incoming>, Failed> {
    timeout(timeouts.first_byte, connection.send(request))
        .await
        .unwrap_or(Err(Failed {
            reason: Error::ConnectionReadTimeout,
            unsent: None,
        }))
}

fn deliver(response: Response<Incoming>, lease: Lease, timeouts: &Timeouts) -> Response<WasiBody> {
    response.map(|body| ResponseBody::new(body, lease, timeouts.between_bytes).boxed_unsync())
}

/// A request as it stands on the wire: the path alone, for the host is in its header (RFC 9112, section 3.2.1).
fn prepare(request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    // It would ask an allowed host to pass bytes on to any other.
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let (mut head, body) = request.into_parts();
    head.uri = match head.uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    Ok(Request::from_parts(head, body))
}
