//! Sends one request and returns its response. A request that may have reached the server is never sent a second time.
//!
//! Only the plugin knows whether a request may be repeated. There is one exception: the server may have closed an idle
//! connection before a byte of the request was written. Then the request is sent on another connection. If a new connection
//! fails in this way, the plugin gets an error code that means that nothing was sent.

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

/// The default of a plugin's connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The default of a plugin's first-byte and between-bytes timeouts.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest timeout that a plugin can choose. A request may keep its connection for this long, also between calls.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The time limits of the steps of an exchange.
pub(super) struct Timeouts {
    /// The limit for a permit and a new connection together.
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
    /// The time by which there must be a connection, however long `connect` is.
    connected_by: Option<Instant>,
}

impl Timeouts {
    /// Runs a step that comes before the connection, with the connect timeout.
    #[cfg(feature = "aws")]
    pub(super) async fn before_sending<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> Result<T, Error> {
        by(self.connected_by(), step).await
    }

    /// Runs a step that comes before the next bytes of a response, with the between-bytes timeout.
    #[cfg(feature = "aws")]
    pub(super) async fn before_reading<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let step = timeout(self.between_bytes, step).await;
        step.map_err(|_| Error::HttpResponseTimeout)
    }

    /// Returns the deadline for the connection of a request that starts now.
    pub(super) fn connected_by(&self) -> Instant {
        let by = Instant::now() + self.connect;
        self.connected_by.map_or(by, |latest| by.min(latest))
    }

    /// Returns the timeouts of a whole request that starts now, at most [`LONGEST_TIMEOUT`] each. Also returns the time when
    /// the caller must end the request.
    ///
    /// A request without a connection ends no later than that, with the error that means that nothing was sent.
    pub(super) fn of_whole_request(connect: Duration, total: Duration) -> (Self, Instant) {
        let total = total.min(LONGEST_TIMEOUT);
        let until = Instant::now() + total;
        let timeouts = Self {
            connect: connect.min(LONGEST_TIMEOUT),
            first_byte: total,
            between_bytes: total,
            connected_by: Some(until),
        };
        (timeouts, until)
    }

    /// Returns the plugin's timeouts, at most [`LONGEST_TIMEOUT`] each, with defaults for those that are unset.
    pub(super) fn new(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let bounded = |chosen: Option<Duration>, default: Duration| {
            chosen.unwrap_or(default).min(LONGEST_TIMEOUT)
        };
        Self {
            connect: bounded(options.connect_timeout, CONNECT_TIMEOUT),
            first_byte: bounded(options.first_byte_timeout, READ_TIMEOUT),
            between_bytes: bounded(options.between_bytes_timeout, READ_TIMEOUT),
            connected_by: None,
        }
    }
}

/// The limits of requests in flight, for an instance and for all instances of its plugin.
#[derive(Clone)]
pub(super) struct RequestLimits {
    pub(super) of_instance: Arc<Semaphore>,
    pub(super) of_plugin: Option<Arc<Semaphore>>,
}

impl RequestLimits {
    /// Waits until another request may start.
    pub(super) async fn admit(self, deadline: Instant) -> Result<InFlight, Error> {
        let mut permits = [None, None];
        let semaphores = [Some(self.of_instance), self.of_plugin];
        for (permit, semaphore) in permits.iter_mut().zip(semaphores) {
            let Some(semaphore) = semaphore else { continue };
            let taken = timeout_at(deadline, semaphore.acquire_owned()).await;
            // An error code of its own, so that nobody looks for the cause at the remote host. The semaphore is never
            // closed, so `ok` always returns a permit.
            *permit = taken.map_err(|_| Error::ConnectionLimitReached)?.ok();
        }
        Ok(InFlight::new(permits))
    }
}

/// The connections that a request may use, and the time limits of its steps.
pub(super) struct Exchange {
    pub(super) pool: Arc<Pool>,
    pub(super) host_pool: Arc<HostPool>,
    /// The flag that is set when the instance of the request is gone.
    pub(super) gone: InstanceGone,
    pub(super) timeouts: Timeouts,
}

impl Exchange {
    /// Sends a request and waits for the head of its response.
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

/// Prepares a request for the wire: its target is only the path, because the host is in a header (RFC 9112, section 3.2.1).
fn prepare(request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    // `CONNECT` would ask an allowed host to forward bytes to any other host.
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

/// Refuses a `content-length` that differs from the length of the body.
///
/// Otherwise the server would read the next request on the connection, perhaps another instance's, as the rest of the body.
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

/// The body of a response. It applies the between-bytes timeout, and returns the connection to the pool after the last byte.
struct ResponseBody {
    incoming: Incoming,
    open: Arc<OpenResponse>,
    /// Set when the whole response has arrived, until the plugin has seen its end. The plugin may not have read the last part.
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

    /// Ready if no bytes came for too long.
    ///
    /// The time starts at the first poll that finds nothing, not at the last byte. The timeout measures the silence of the
    /// server, not the time that the plugin spends between reads.
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

// The reaper also holds the response, so it would keep the connection open.
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
