//! HTTP through `wasi:http`, called directly. The only module that knows it.
//! Every wait ends at the request's deadline, whatever the host makes of the
//! timeouts that it is given; those are for it to free the connection by.

mod cause;

use super::message::{Headers, Request, Response, Timeouts, TransportError};
use super::reactor;
use crate::platform::{Clock, Random, Transport};
use cause::cause;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme, http_error_code,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// What one read asks for, in bytes.
const READ: u64 = 64 * 1024;

/// The largest answer that is read. DynamoDB's own limit is 16 MB of items,
/// which base64 and JSON's escapes make longer.
const LARGEST_ANSWER: usize = 128 * 1024 * 1024;

/// The platform that a WASI 0.2 host lends.
#[derive(Debug)]
pub struct Wasi {
    started: Instant,
}

impl Default for Wasi {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for Wasi {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        reactor::ready(timer(duration)).await;
    }
}

impl Random for Wasi {
    fn random(&self) -> u64 {
        wasip2::random::random::get_random_u64()
    }
}

impl Transport for Wasi {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let deadline = Deadline(timer(request.timeouts.total));
        let (outgoing, body) = outgoing(&request)?;
        let options = options(request.timeouts);
        let pending = outgoing_handler::handle(outgoing, Some(options)).map_err(cause)?;
        write(body, request.body, &deadline).await?;
        deadline.ready(pending.subscribe()).await?;
        match pending.get() {
            Some(Ok(answer)) => read(answer.map_err(cause)?, &deadline).await,
            Some(Err(())) | None => Err(broken("the host lost the answer")),
        }
    }
}

/// The moment after which nothing is waited for.
struct Deadline(Rc<Pollable>);

impl Deadline {
    /// Waits for `pollable` until the deadline.
    async fn ready(&self, pollable: Pollable) -> Result<(), TransportError> {
        let ready = pin!(reactor::ready(Rc::new(pollable)));
        let passed = pin!(reactor::ready(Rc::clone(&self.0)));
        // The deadline first: a host may call ready what then gives nothing.
        match select(passed, ready).await {
            Either::Left(_) => Err(TransportError::Timeout),
            Either::Right(_) => Ok(()),
        }
    }
}

fn timer(duration: Duration) -> Rc<Pollable> {
    Rc::new(monotonic_clock::subscribe_duration(nanos(duration)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn broken(cause: &str) -> TransportError {
    TransportError::Reset(cause.to_owned())
}

/// The request without its body, and where the body goes.
fn outgoing(request: &Request<'_>) -> Result<(OutgoingRequest, OutgoingBody), TransportError> {
    let malformed = |what: &str| TransportError::Malformed(format!("{what} is not accepted"));
    let fields = Fields::from_list(&request.headers).map_err(|_| malformed("a header field"))?;
    let outgoing = OutgoingRequest::new(fields);
    let scheme = if request.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    outgoing
        .set_method(&Method::Post)
        .map_err(|()| malformed("the method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| malformed("the scheme"))?;
    outgoing
        .set_authority(Some(request.authority))
        .map_err(|()| malformed("the host name"))?;
    outgoing
        .set_path_with_query(Some(request.path))
        .map_err(|()| malformed("the path"))?;
    let body = outgoing.body().map_err(|()| malformed("the body"))?;
    Ok((outgoing, body))
}

/// A host may not know a timeout; the deadline stands in for all of them.
fn options(timeouts: Timeouts) -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(nanos(timeouts.connect)));
    let _ = options.set_first_byte_timeout(Some(nanos(timeouts.total)));
    let _ = options.set_between_bytes_timeout(Some(nanos(timeouts.total)));
    options
}

/// Writes the body. A stream that closes early is no error here: the answer,
/// or its failure, tells why.
async fn write(
    body: OutgoingBody,
    mut bytes: &[u8],
    deadline: &Deadline,
) -> Result<(), TransportError> {
    let stream = body.write().map_err(|()| broken("no body stream"))?;
    while !bytes.is_empty() {
        let Some(taken) = write_some(&stream, bytes, deadline).await? else {
            return Ok(());
        };
        bytes = bytes.get(taken..).unwrap_or_default();
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(cause)
}

/// Writes as much as the host takes at once; `None` where it takes no more.
async fn write_some(
    stream: &OutputStream,
    bytes: &[u8],
    deadline: &Deadline,
) -> Result<Option<usize>, TransportError> {
    match stream.check_write() {
        Ok(0) => {
            deadline.ready(stream.subscribe()).await?;
            Ok(Some(0))
        }
        Ok(room) => {
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let piece = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
            match stream.write(piece) {
                Ok(()) => Ok(Some(piece.len())),
                Err(_) => Ok(None),
            }
        }
        Err(_) => Ok(None),
    }
}

/// Reads status, fields and the whole body.
async fn read(answer: IncomingResponse, deadline: &Deadline) -> Result<Response, TransportError> {
    let status = answer.status();
    let headers: Headers = answer.headers().entries();
    let mut response = Response {
        status,
        headers,
        body: Vec::new(),
    };
    let length = response
        .header("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    let body = answer.consume().map_err(|()| broken("no body"))?;
    let stream = body.stream().map_err(|()| broken("no body stream"))?;
    response.body = read_body(&stream, length, deadline).await?;
    drop(stream);
    drop::<IncomingBody>(body);
    Ok(response)
}

async fn read_body(
    stream: &InputStream,
    length: Option<usize>,
    deadline: &Deadline,
) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while length.is_none_or(|length| body.len() < length) {
        match stream.read(READ) {
            Ok(piece) if piece.is_empty() => deadline.ready(stream.subscribe()).await?,
            Ok(piece) if body.is_empty() => body = piece,
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => cause(code),
                    None => broken(&error.to_debug_string()),
                });
            }
        }
        if body.len() > LARGEST_ANSWER {
            return Err(TransportError::Damaged(format!(
                "longer than {LARGEST_ANSWER} bytes"
            )));
        }
    }
    match length {
        Some(length) if body.len() != length => Err(TransportError::Damaged(format!(
            "{} bytes of {length}",
            body.len()
        ))),
        _ => Ok(body),
    }
}
