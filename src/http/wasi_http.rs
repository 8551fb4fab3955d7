//! The HTTP client of the portable build. It calls `wasi:http`, which every WASI 0.2 host
//! has.
//!
//! Every wait ends at the deadline of the request, even if the host ignores its timeouts.
//! A request that has timed out is dropped, and the host closes its connection. The host
//! gets the connect timeout, which the deadline cannot replace. The host's other timeouts
//! must not expire before the deadline.

mod host_error;
mod reactor;

use super::wasi::{Wasi, nanos};
use super::{
    CHECKSUM, DATE, Digest, Method, Request, Response, Timeouts, Transport, TransportError,
};
use host_error::{cause, is_ambiguous};
use reactor::Outcome;
pub use reactor::{sleep_until, wait};
use std::time::Duration;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// The number of bytes that one read requests.
const READ: u64 = 1024 * 1024;

/// The maximum memory that is reserved in advance for a response, in bytes. DynamoDB sends
/// at most 16 MB of items, which this allows for as base64.
const RESERVED: usize = 24 * 1024 * 1024;

/// The maximum size of a response body, in bytes. DynamoDB's own limit is 16 MB of items,
/// which base64 and the escapes of JSON make longer.
const LARGEST_ANSWER: usize = 128 * 1024 * 1024;

// WASI has no hash functions, so the component computes them.
impl Digest for Wasi {}

impl Transport for Wasi {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let deadline = Deadline(request.timeouts.deadline);
        let (outgoing, body) = outgoing(&request)?;
        let (options, no_connection) = options(request.timeouts);
        let pending = outgoing_handler::handle(outgoing, Some(options)).map_err(cause)?;
        write(body, request.body, deadline).await?;
        // If host calls are as slow as a nearby server, the response may already be here.
        // Then this saves three host calls.
        let mut got = pending.get();
        if got.is_none() {
            deadline.ready(pending.subscribe()).await?;
            got = pending.get();
        }
        match got {
            Some(Ok(Ok(answer))) => read(answer, request.wants_date, deadline).await,
            Some(Ok(Err(ErrorCode::ConnectionTimeout))) => Err(no_connection),
            Some(Ok(Err(ErrorCode::DnsError(error)))) if is_ambiguous(&error) => {
                Err(TransportError::address_not_available(request.authority))
            }
            Some(Ok(Err(code))) => Err(cause(code)),
            Some(Err(())) | None => Err(broken("the host lost the response")),
        }
    }
}

/// The time at which every wait of a request ends.
#[derive(Clone, Copy)]
struct Deadline(Duration);

impl Deadline {
    /// Waits for `pollable` until the deadline.
    async fn ready(self, pollable: Pollable) -> Result<(), TransportError> {
        match reactor::ready(pollable, self.0).await {
            Outcome::Ready => Ok(()),
            Outcome::Passed => Err(TransportError::Timeout),
        }
    }
}

fn broken(cause: &str) -> TransportError {
    TransportError::Reset(cause.to_owned())
}

/// Creates the request without its body, and the body to write to.
fn outgoing(request: &Request<'_>) -> Result<(OutgoingRequest, OutgoingBody), TransportError> {
    let malformed = |what: &str| TransportError::Malformed(format!("{what} is not accepted"));
    let fields = Fields::from_list(request.headers).map_err(|_| malformed("a header field"))?;
    let outgoing = OutgoingRequest::new(fields);
    let scheme = if request.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let method = match request.method {
        Method::Get => types::Method::Get,
        Method::Post => types::Method::Post,
        Method::Put => types::Method::Put,
    };
    outgoing
        .set_method(&method)
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

/// Writes the body. A stream that closes early is not an error here: the response or its error shows the
/// cause.
async fn write(
    body: OutgoingBody,
    mut bytes: &[u8],
    deadline: Deadline,
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

/// Writes as much as the host takes at once. Returns `None` if the stream takes no more.
async fn write_some(
    stream: &OutputStream,
    bytes: &[u8],
    deadline: Deadline,
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

/// Reads status, headers and the whole body. From a response that looks like a success of
/// DynamoDB it reads only the headers that are used. A list of all headers would cost host
/// and guest several times as much.
async fn read(
    answer: IncomingResponse,
    wants_date: bool,
    deadline: Deadline,
) -> Result<Response, TransportError> {
    let status = answer.status();
    let fields = answer.headers();
    let length = fields
        .get("content-length")
        .first()
        .and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
    let body = answer.consume().map_err(|()| broken("no body"))?;
    let stream = body.stream().map_err(|()| broken("no body stream"))?;
    let bytes = read_body(&stream, length, deadline).await?;
    drop(stream);
    drop::<IncomingBody>(body);
    let headers = if status == 200 && bytes.starts_with(b"{") && bytes.ends_with(b"}") {
        let names = [CHECKSUM, DATE];
        let names = names.iter().take(1 + usize::from(wants_date));
        let read = names.flat_map(|name| {
            let values = fields.get(name).into_iter();
            values.map(|value| ((*name).to_owned(), value))
        });
        read.collect()
    } else {
        fields.entries()
    };
    Ok(Response {
        crc32: None,
        status,
        headers,
        body: bytes,
    })
}

/// Reads the body. After any error here the request was sent, so the host's error code does
/// not matter. In Node's shim, a request for the code would trap.
async fn read_body(
    stream: &InputStream,
    length: Option<usize>,
    deadline: Deadline,
) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while length.is_none_or(|length| body.len() < length) {
        match stream.read(READ) {
            Ok(piece) if piece.is_empty() => deadline.ready(stream.subscribe()).await?,
            Ok(piece) if body.is_empty() => {
                body = piece;
                // An exact reservation: a body that grows by doubling needs up to three times its length.
                let rest = length.unwrap_or_default().saturating_sub(body.len());
                body.reserve_exact(rest.min(RESERVED));
            }
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(broken(&error.to_debug_string()));
            }
        }
        if body.len() > LARGEST_ANSWER {
            return Err(TransportError::Damaged(format!(
                "longer than {LARGEST_ANSWER} bytes"
            )));
        }
    }
    if length == Some(body.len()) {
        // Node's shim reuses the connection only after the end of the body was read.
        // Otherwise it opens one for each request, until no file descriptor is left.
        let _ = stream.read(1);
    }
    match length {
        Some(length) if body.len() != length => Err(TransportError::Damaged(format!(
            "{} of {length} bytes arrived",
            body.len()
        ))),
        _ => Ok(body),
    }
}

/// The shortest default timeout that a host is expected to have. `dapr-wasm-host` waits
/// 60 s, wasmtime and Node's shim wait 600 s.
const HOSTS_OWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that is added to a timeout of the host so that it expires after the deadline.
const AFTER_THE_DEADLINE: Duration = Duration::from_secs(1);

/// Returns the timeouts for the host, and the error that means that the connect timeout has
/// expired. The deadline cannot replace the connect timeout, because only the host knows
/// whether there is a connection. The deadline replaces the other timeouts, unless the
/// host's defaults might expire before it.
pub(super) fn options(timeouts: Timeouts) -> (RequestOptions, TransportError) {
    let options = RequestOptions::new();
    // Only Node's shim has a default connect timeout. It uses the connect timeout as an idle
    // timeout of the socket, also during the wait for the response (preview2-shim 0.26,
    // worker-http: `timeout` of `http.request`). So there the timeout is set to expire after
    // the deadline. It only closes abandoned connections, and the request may have been
    // applied.
    let (connect, no_connection) = match options.connect_timeout() {
        None => (timeouts.connect, TransportError::ConnectTimeout),
        Some(_) => (
            timeouts.total.saturating_add(AFTER_THE_DEADLINE),
            TransportError::Timeout,
        ),
    };
    // A host need not support a timeout.
    let _ = options.set_connect_timeout(Some(nanos(connect)));
    if timeouts.total > HOSTS_OWN_TIMEOUT {
        let _ = options.set_first_byte_timeout(Some(nanos(timeouts.total)));
        let _ = options.set_between_bytes_timeout(Some(nanos(timeouts.total)));
    }
    (options, no_connection)
}
