//! One request, one answer: a request that may have reached the server is never sent a second time.
//!
//! Whether it may be is for the plugin to know. Only a request of which not a byte was written, because the server had
//! closed the kept connection meanwhile, goes out again on another one. Where a new connection fails like that, the plugin
//! is told that nothing was sent.

use super::body::{Gone, Lease, Patience, RequestBody, ResponseBody, UnderWay};
use super::connection::{Connection, Failed};
use super::host_pool::HostPool;
use super::pool::Pool;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, Uri};
use http_body::Body;
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
/// The longest timeout that a plugin can choose. A request keeps its connection until then, also between calls.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How long the steps of an exchange may take.
pub(super) struct Timeouts {
    /// For a free permit and a new connection together.
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
        by(self.connected_by(), step).await
    }

    /// Waits for what comes before the next bytes of an answer no longer than for them.
    #[cfg(feature = "aws")]
    pub(super) async fn before_reading<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let step = timeout(self.between_bytes, step).await;
        step.map_err(|_| Error::HttpResponseTimeout)
    }

    /// When a request that begins now must have its connection.
    pub(super) fn connected_by(&self) -> Instant {
        Instant::now() + self.connect
    }

    /// Takes the timeouts that the plugin asked for, within bounds, and defaults for the others.
    pub(super) fn new(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let bounded = |chosen: Option<Duration>, default: Duration| {
            chosen.unwrap_or(default).min(LONGEST_TIMEOUT)
        };
        Self {
            connect: bounded(options.connect_timeout, CONNECT_TIMEOUT),
            first_byte: bounded(options.first_byte_timeout, READ_TIMEOUT),
            between_bytes: bounded(options.between_bytes_timeout, READ_TIMEOUT),
        }
    }
}

/// The limits of the requests that an instance, and all instances of its plugin, may have under way.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) of_instance: Arc<Semaphore>,
    pub(super) of_plugin: Option<Arc<Semaphore>>,
}

impl Room {
    /// Waits until there is room for one more request.
    pub(super) async fn begin(self, deadline: Instant) -> Result<UnderWay, Error> {
        let mut permits = [None, None];
        let semaphores = [Some(self.of_instance), self.of_plugin];
        for (permit, semaphore) in permits.iter_mut().zip(semaphores) {
            let Some(semaphore) = semaphore else { continue };
            let taken = timeout_at(deadline, semaphore.acquire_owned()).await;
            // Named, so that nobody looks for the cause at the host. The semaphore is never closed, so that there
            // is a permit in any case.
            *permit = taken.map_err(|_| Error::ConnectionLimitReached)?.ok();
        }
        Ok(UnderWay::new(permits))
    }
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn exchange(
    pool: &Arc<Pool>,
    host_pool: Arc<HostPool>,
    under_way: UnderWay,
    request: Request<WasiBody>,
    gone: Gone,
    connected_by: Instant,
    timeouts: &Timeouts,
) -> Result<Response<WasiBody>, Error> {
    let mut request = prepare(request)?.map(|body| RequestBody::new(body, gone));
    let patience = Patience {
        between_bytes: timeouts.between_bytes,
        unread: pool.limits.unread_timeout,
    };
    let permit = host_pool.permit(Arc::clone(pool));
    let mut permit = by(connected_by, permit).await?;
    if let Some(mut kept) = permit.take().await {
        match send(&mut kept, request, timeouts).await {
            Ok(response) => {
                let lease = Lease::new(kept, permit, under_way);
                return Ok(deliver(response, lease, patience));
            }
            Err(Failed {
                unsent: Some(unsent),
                ..
            }) => request = *unsent,
            Err(failed) => return Err(failed.reason),
        }
    }
    let mut new = by(connected_by, pool.open(permit.host_pool())).await??;
    match send(&mut new, request, timeouts).await {
        Ok(response) => {
            let lease = Lease::new(new, permit, under_way);
            Ok(deliver(response, lease, patience))
        }
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
    request: Request<RequestBody>,
    timeouts: &Timeouts,
) -> Result<Response<Incoming>, Failed> {
    timeout(timeouts.first_byte, connection.send(request))
        .await
        .unwrap_or(Err(Failed {
            reason: Error::ConnectionReadTimeout,
            unsent: None,
        }))
}

fn deliver(response: Response<Incoming>, lease: Lease, patience: Patience) -> Response<WasiBody> {
    response.map(|body| ResponseBody::new(body, lease, patience).boxed_unsync())
}

/// A request as it stands on the wire: the path alone, for the host is in its header (RFC 9112, section 3.2.1).
fn prepare(request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    // It would ask an allowed host to pass bytes on to any other.
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    check_length(&request)?;
    let (mut head, body) = request.into_parts();
    head.uri = match head.uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    Ok(Request::from_parts(head, body))
}

/// Refuses a `content-length` that the body does not keep. The server would take the next request on the connection,
/// which may be another instance's, for the rest of the body.
fn check_length(request: &Request<WasiBody>) -> Result<(), Error> {
    let mut lengths = request.headers().get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Ok(());
    };
    let is_digits = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    let length = length.to_str().ok().filter(|_| is_digits);
    let length = length.and_then(|length| length.parse::<u64>().ok());
    let length = length.filter(|_| lengths.next().is_none());
    let length = length.ok_or(Error::HttpProtocolError)?;
    let known = request.body().size_hint().exact();
    let known = if request.body().is_end_stream() {
        Some(0)
    } else {
        known
    };
    match known {
        Some(known) if known != length => Err(Error::HttpRequestBodySize(Some(known))),
        Some(_) | None => Ok(()),
    }
}
