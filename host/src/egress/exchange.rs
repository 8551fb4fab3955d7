//! One request, one answer: a request that may have reached the server is never sent a second time.
//!
//! It is for the plugin to know whether the request may be repeated. Only a request of which not a byte was written, because
//! the server had closed the idle connection meanwhile, goes out again on another one. Where a new connection fails like that,
//! the plugin is told that nothing was sent.

use super::connection::{Connection, Failed, InstanceGone, RequestBody};
use super::failure;
use super::pool::{HostPool, InFlight, Lease, OpenResponse, Pool, ReadTimeouts};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};
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

/// The limits of the requests that an instance, and all instances of its plugin, may have in flight.
#[derive(Clone)]
pub(super) struct RequestLimits {
    pub(super) of_instance: Arc<Semaphore>,
    pub(super) of_plugin: Option<Arc<Semaphore>>,
}

impl RequestLimits {
    /// Waits until one more request may begin.
    pub(super) async fn admit(self, deadline: Instant) -> Result<InFlight, Error> {
        let mut permits = [None, None];
        let semaphores = [Some(self.of_instance), self.of_plugin];
        for (permit, semaphore) in permits.iter_mut().zip(semaphores) {
            let Some(semaphore) = semaphore else { continue };
            let taken = timeout_at(deadline, semaphore.acquire_owned()).await;
            // Named, so that nobody looks for the cause at the host. The semaphore is never closed, so that there
            // is a permit in any case.
            *permit = taken.map_err(|_| Error::ConnectionLimitReached)?.ok();
        }
        Ok(InFlight::new(permits))
    }
}

/// The connections that a request may use, and the time that its steps may take.
pub(super) struct Exchange {
    pub(super) pool: Arc<Pool>,
    pub(super) host_pool: Arc<HostPool>,
    /// Tells if the instance that sends the request is gone.
    pub(super) gone: InstanceGone,
    pub(super) timeouts: Timeouts,
}

impl Exchange {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<WasiBody>,
        in_flight: InFlight,
        connected_by: Instant,
    ) -> Result<Response<WasiBody>, Error> {
        let mut request = prepare(request)?.map(|body| RequestBody::new(body, self.gone.clone()));
        let permit = Arc::clone(&self.host_pool).permit(Arc::clone(&self.pool));
        let mut permit = by(connected_by, permit).await?;
        if let Some(mut idle) = permit.take().await {
            match self.send_on(&mut idle, request).await {
                Ok(response) => {
                    let lease = Lease::new(idle, permit, in_flight);
                    return Ok(self.deliver(response, lease));
                }
                Err(Failed {
                    unsent: Some(unsent),
                    ..
                }) => request = *unsent,
                Err(failed) => return Err(failed.reason),
            }
        }
        let mut new = by(connected_by, self.pool.open(&self.host_pool)).await??;
        match self.send_on(&mut new, request).await {
            Ok(response) => {
                let lease = Lease::new(new, permit, in_flight);
                Ok(self.deliver(response, lease))
            }
            Err(Failed {
                unsent: Some(_), ..
            }) => Err(Error::DestinationUnavailable),
            Err(failed) => Err(failed.reason),
        }
    }

    async fn send_on(
        &self,
        connection: &mut Connection,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Failed> {
        timeout(self.timeouts.first_byte, connection.send(request))
            .await
            .unwrap_or(Err(Failed {
                reason: Error::ConnectionReadTimeout,
                unsent: None,
            }))
    }

    fn deliver(&self, response: Response<Incoming>, lease: Lease) -> Response<WasiBody> {
        let timeouts = ReadTimeouts {
            between_bytes: self.timeouts.between_bytes,
            unread: self.pool.limits.unread_timeout,
        };
        response.map(|body| ResponseBody::new(body, lease, timeouts).boxed_unsync())
    }
}

async fn by<C>(deadline: Instant, connecting: impl Future<Output = C>) -> Result<C, Error> {
    timeout_at(deadline, connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)
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

/// The body of an answer: a silent server runs into the between-bytes timeout, and the last byte gives the connection back.
struct ResponseBody {
    incoming: Incoming,
    open: Arc<OpenResponse>,
    /// Set once all of the answer has come, until the plugin has heard so: it may not have read the last part.
    read: Option<InFlight>,
    between_bytes: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl ResponseBody {
    fn new(incoming: Incoming, lease: Lease, timeouts: ReadTimeouts) -> Self {
        let (open, read) = if incoming.is_end_stream() {
            (OpenResponse::ended(timeouts), Some(lease.give_back()))
        } else {
            (OpenResponse::new(lease, timeouts), None)
        };
        Self {
            incoming,
            open,
            read,
            between_bytes: timeouts.between_bytes,
            silence: None,
            waiting: false,
        }
    }

    /// Ready if nothing came for too long. The time counts from the first vain look, not from the last byte: it is the
    /// server's silence that counts, not what the plugin does meanwhile.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let between_bytes = self.between_bytes;
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(sleep(between_bytes)));
        if !std::mem::replace(&mut self.waiting, true) {
            silence.as_mut().reset(Instant::now() + between_bytes);
        }
        silence.as_mut().poll(cx)
    }
}

// The reaper knows of the answer until then, and must not keep the connection.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        drop(self.open.end());
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(arrived) = this.open.poll_arrival(&mut this.incoming, cx) else {
            return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
        };
        match arrived {
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                if self.incoming.is_end_stream()
                    && let Some(lease) = self.open.end()
                {
                    self.read = Some(lease.give_back());
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                drop(self.open.end());
                Poll::Ready(Some(Err(failure::of_body(&cause))))
            }
            Poll::Ready(None) => {
                if let Some(lease) = self.open.end() {
                    drop(lease.give_back());
                }
                self.read = None;
                Poll::Ready(None)
            }
            Poll::Pending => self.poll_silence(cx).map(|()| {
                drop(self.open.end());
                Some(Err(Error::ConnectionReadTimeout))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
