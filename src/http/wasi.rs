//! The platform of a WASI host: HTTP through `wasi:http`, called directly, clocks,
//! randomness, and files in the directories that the host lends.
//!
//! Every wait ends at the request's deadline, whatever the host makes of the
//! timeouts that it is given; a request that is given up is dropped, and the host
//! closes its connection.
//! A host is told only the timeouts that no deadline of ours can stand in for, and none
//! that might come before it.

mod host_error;

use super::reactor::{self, Outcome};
use super::{
    CHECKSUM, Clock, DATE, Files, Method, Random, Request, Response, Timeouts, Transport,
    TransportError,
};
use host_error::{cause, is_ambiguous};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// Bytes that one read asks for.
const READ: u64 = 1024 * 1024;

/// Most bytes that are set aside for an answer that has not come yet:
/// 16 MB of items, which is the most that DynamoDB answers, as base64.
const RESERVED: usize = 24 * 1024 * 1024;

/// The largest answer that is read. DynamoDB's own limit is 16 MB of items,
/// which base64 and JSON's escapes make longer.
const LARGEST_ANSWER: usize = 128 * 1024 * 1024;

/// The platform that a WASI 0.2 host lends.
#[derive(Debug, Default)]
pub struct Wasi;

impl Clock for Wasi {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        reactor::now()
    }

    async fn sleep(&self, duration: Duration) {
        reactor::passed(reactor::now().saturating_add(duration)).await;
    }
}

impl Random for Wasi {
    fn random(&self) -> u64 {
        wasip2::random::random::get_random_u64()
    }
}

impl Transport for Wasi {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let deadline = Deadline(request.timeouts.deadline);
        let (outgoing, body) = outgoing(&request)?;
        let (options, no_connection) = options(request.timeouts);
        let pending = outgoing_handler::handle(outgoing, Some(options)).map_err(cause)?;
        write(body, request.body, deadline).await?;
        // Where a host call takes as long as a server that is near, the answer is here: that
        // saves three of them.
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
            Some(Err(())) | None => Err(broken("the host lost the answer")),
        }
    }
}

/// The moment after which nothing is waited for.
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

/// The request without its body, and where the body goes.
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

/// Writes the body. A stream that closes early is no error here: the answer,
/// or its failure, tells why.
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

/// Writes as much as the host takes at once; `None` where it takes no more.
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

/// Reads status, fields and the whole body. Of what looks like a success of
/// DynamoDB only the fields that are checked are read: a list of all of them costs
/// host and guest several times as much.
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
        status,
        headers,
        body: bytes,
    })
}

/// Whatever goes wrong here, the request was sent: what code the host has for it
/// does not matter, and Node's shim has none that can be asked for without a trap.
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
                // To the byte: a body that grows by doubling takes up to three times its length on the way.
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
        // Node's shim gives the connection back only where the end was read as well, and
        // otherwise opens another for each request until no file is left.
        let _ = stream.read(1);
    }
    match length {
        Some(length) if body.len() != length => Err(TransportError::Damaged(format!(
            "{} bytes of {length}",
            body.len()
        ))),
        _ => Ok(body),
    }
}

impl Files for Wasi {
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        let read = file
            .take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read <= longest) {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }
}

/// Least time that a host is taken to wait for an answer, where it is told no
/// timeouts: `dapr-wasm-host` waits 60 s, wasmtime and Node's shim 600 s.
const HOSTS_OWN_TIMEOUT: Duration = Duration::from_secs(30);

/// By how much a timeout of the host stays behind the deadline that it must not
/// come before.
const AFTER_THE_DEADLINE: Duration = Duration::from_secs(1);

/// The connect timeout, which no deadline of ours can stand in for: whether there
/// is a connection yet, only the host knows; and what it means when it is over.
/// The other timeouts are left to the deadline, unless a host's own might come
/// before it.
pub(super) fn options(timeouts: Timeouts) -> (RequestOptions, TransportError) {
    let options = RequestOptions::new();
    // Node's shim, the one that has a connect timeout before it is given any, takes it
    // for how long the socket may be silent, while the answer is awaited as well
    // (preview2-shim 0.26, worker-http: `timeout` of `http.request`). There it only
    // closes what the deadline gave up, and what was sent may have been applied.
    let (connect, no_connection) = match options.connect_timeout() {
        None => (timeouts.connect, TransportError::ConnectTimeout),
        Some(_) => (
            timeouts.total.saturating_add(AFTER_THE_DEADLINE),
            TransportError::Timeout,
        ),
    };
    // A host may not know a timeout.
    let _ = options.set_connect_timeout(Some(nanos(connect)));
    if timeouts.total > HOSTS_OWN_TIMEOUT {
        let _ = options.set_first_byte_timeout(Some(nanos(timeouts.total)));
        let _ = options.set_between_bytes_timeout(Some(nanos(timeouts.total)));
    }
    (options, no_connection)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
