//! Implements `dapr-wasm:host/http-client` for an instance: one call takes a whole request and returns the whole response.
//!
//! Requests go through the [`Outgoing`] of the instance, as those of `wasi:http` do. So the same rules, limits, signatures and
//! connections apply. This module only validates a request before that, and collects its response after it.
//!
//! A component may start many requests and take no response. So two budgets of the instance limit the bytes that the host
//! keeps meanwhile: one for the bodies of started requests, one for whole responses.

mod failure;

use super::byte_budget::{ByteBudget, with_permits};
use super::exchange::Timeouts;
use super::outgoing::{LONGEST_AUTHORITY, LONGEST_METHOD, Outgoing, entered};
use crate::instance::{HANDLES, HostState, LARGEST_FIELDS};
use bytes::Bytes;
pub(super) use failure::Failure;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderMap, Method, Response as HttpResponse, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentType, Lift, Linker, Lower, Resource, ResourceTable, ResourceType,
};
use wasmtime_wasi_http::WasiBody;

/// The name of the interface, with its version.
const INTERFACE: &str = "dapr-wasm:host/http-client@0.1.0";

/// The memory that is allocated for a body before its first byte arrives, in bytes. An announced length allocates no more.
const FIRST_PART: usize = 1 << 20;

/// The size of a header in addition to its name and value, in bytes. wasmtime-wasi-http counts as much.
const FIELD_OVERHEAD: usize = 32;

/// The number of characters of a refused header name that a failure shows. No budget counts the text of a failure.
const SHOWN_NAME: usize = 64;

/// Headers that belong to the connection or that the host sets (RFC 9110, section 7.6.1). A request must not contain them.
/// Otherwise a component could control a connection that others share, or hide a second request in a body.
const REFUSED_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Bytes that a component sends.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Sent {
    #[component(name = "text")]
    Text(String),
    #[component(name = "bytes")]
    Bytes(Vec<u8>),
}

/// Bytes that a component receives. This host always returns `bytes`, because it copies them as one block.
#[derive(ComponentType, Lower, Debug)]
#[component(variant)]
pub(super) enum Received {
    #[component(name = "text")]
    #[expect(dead_code, reason = "a case of the interface")]
    Text(String),
    #[component(name = "bytes")]
    Bytes(Vec<u8>),
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "only components and tests construct it")]
pub(super) enum Scheme {
    #[component(name = "http")]
    Http,
    #[component(name = "https")]
    Https,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    #[component(name = "path-with-query")]
    pub(super) path_with_query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Sent,
    #[component(name = "connect-timeout")]
    pub(super) connect_timeout: u64,
    pub(super) timeout: u64,
}

#[derive(ComponentType, Lower, Debug)]
#[component(record)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Received,
    pub(super) crc32: Option<u32>,
}

#[derive(ComponentType, Lower, Debug)]
#[component(record)]
pub(super) struct Completion {
    pub(super) index: u32,
    pub(super) outcome: Outcome,
}

pub(super) type Outcome = Result<Response, Failure>;

impl Sent {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A request that was started. Dropping it closes its connection.
pub(super) enum Pending {
    Running(Task),
    Ended(Result<Whole, Failure>),
    /// Its outcome was taken.
    Over,
}

impl Pending {
    /// Takes the outcome. Ready when the request has ended.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Self::Running(task) = self {
            let Poll::Ready(joined) = Pin::new(&mut task.0).poll(cx) else {
                return Poll::Pending;
            };
            // A task ends without a value only if it panics, or if its runtime shuts down.
            let lost = |_| {
                Err(Failure::ConnectionLost(
                    "the host lost the response".to_owned(),
                ))
            };
            *self = Self::Ended(joined.unwrap_or_else(lost));
        }
        match std::mem::replace(self, Self::Over) {
            Self::Ended(outcome) => Poll::Ready(outcome.map(Whole::taken)),
            Self::Running(_) | Self::Over => Poll::Pending,
        }
    }
}

/// A task that ends when it is dropped.
pub(super) struct Task(JoinHandle<Result<Whole, Failure>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Defines the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap_async(
        "send",
        |mut store: StoreContextMut<'_, HostState>, (request,): (Request,)| {
            let _entered = entered("http-client", "send");
            Box::new(async move { Ok((send(&mut store.data_mut().outgoing, request).await,)) })
        },
    )?;
    interface.resource(
        "pending",
        ResourceType::host::<Pending>(),
        |mut store, rep| {
            let resources = &mut store.data_mut().resources;
            resources.delete(Resource::<Pending>::new_own(rep))?;
            Ok(())
        },
    )?;
    interface.func_wrap_async(
        "start",
        |mut store: StoreContextMut<'_, HostState>, (request,): (Request,)| {
            let _entered = entered("http-client", "start");
            Box::new(async move {
                let state = store.data_mut();
                let pending = start(&mut state.outgoing, request).await;
                Ok((state.resources.push(pending)?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "wait-any",
        |mut store: StoreContextMut<'_, HostState>,
         (requests, limit): (Vec<Resource<Pending>>, u64)| {
            let _entered = entered("http-client", "wait-any");
            Box::new(async move {
                let resources = &mut store.data_mut().resources;
                Ok((wait_any(resources, &requests, limit).await?,))
            })
        },
    )
}

/// Sends a request and waits for its response.
pub(super) async fn send(outgoing: &mut Outgoing, request: Request) -> Outcome {
    // The component cannot take other responses meanwhile, so this one must not wait for their budget. The budget for
    // requests does not apply: there is only one such request at a time, which the limit of bytes for each call bounds.
    let sending = Prepared::new(request)?.send(outgoing, None, WhenFull::Fail);
    sending.await.map(Whole::taken)
}

/// Starts a request in a task, so that its time limits hold although the component may never wait for it.
///
/// Waits for the budget of request bodies first, no longer than the connect timeout.
pub(super) async fn start(outgoing: &mut Outgoing, request: Request) -> Pending {
    let mut sending = match started(outgoing, request).await {
        Ok(sending) => sending,
        Err(failure) => return Pending::Ended(Err(failure)),
    };
    // Writes the request to an idle connection, if there is one, before the component goes on.
    let mut early = Context::from_waker(Waker::noop());
    match sending.as_mut().poll(&mut early) {
        Poll::Ready(outcome) => Pending::Ended(outcome),
        Poll::Pending => Pending::Running(Task(tokio::spawn(sending))),
    }
}

async fn started(outgoing: &mut Outgoing, request: Request) -> Result<Sending, Failure> {
    let request = Prepared::new(request)?;
    let budget = outgoing.kept_requests.clone();
    let (length, most) = (request.body.len(), budget.most);
    if length > most {
        return Err(Failure::InvalidRequest(format!(
            "a body of {length} bytes is longer than the {most} bytes that the host keeps"
        )));
    }
    let kept = budget.take(length);
    let kept = timeout_at(request.timeouts.connected_by(), kept).await;
    let kept = kept.map_err(|_elapsed| {
        Failure::NoConnection("too many bytes of earlier requests are not sent yet".to_owned())
    })?;
    Ok(request.send(outgoing, kept, WhenFull::Wait))
}

/// Waits until one of the requests has ended, no longer than `limit` nanoseconds. Takes its outcome.
pub(super) async fn wait_any(
    resources: &mut ResourceTable,
    requests: &[Resource<Pending>],
    limit: u64,
) -> wasmtime::Result<Option<Completion>> {
    // Each poll looks at every element.
    if requests.len() > HANDLES {
        let excess = format!("a list of more than {HANDLES} requests names one twice");
        return Err(wasmtime::Error::msg(excess));
    }
    let ended = poll_fn(|cx| poll_any(resources, requests, cx));
    let ended = match Instant::now().checked_add(Duration::from_nanos(limit)) {
        Some(deadline) => timeout_at(deadline, ended).await.ok(),
        None => Some(ended.await),
    };
    ended.transpose()
}

/// Ready when one of the requests has ended. Takes its outcome.
fn poll_any(
    resources: &mut ResourceTable,
    requests: &[Resource<Pending>],
    cx: &mut Context<'_>,
) -> Poll<wasmtime::Result<Completion>> {
    for (index, request) in (0..).zip(requests) {
        let request = match resources.get_mut(request) {
            Ok(request) => request,
            Err(unknown) => return Poll::Ready(Err(unknown.into())),
        };
        if let Poll::Ready(outcome) = request.poll_outcome(cx) {
            return Poll::Ready(Ok(Completion { index, outcome }));
        }
    }
    Poll::Pending
}

/// A request on its way. Dropping it closes its connection.
type Sending = Pin<Box<dyn Future<Output = Result<Whole, Failure>> + Send>>;

/// A valid request that is not sent yet.
struct Prepared {
    /// The request without its body.
    head: http::Request<()>,
    body: Vec<u8>,
    timeouts: Timeouts,
    /// The time by which the whole response must have arrived.
    until: Instant,
}

impl Prepared {
    /// Errors: [`Failure::InvalidRequest`].
    fn new(request: Request) -> Result<Self, Failure> {
        let connect = Duration::from_nanos(request.connect_timeout);
        let total = Duration::from_nanos(request.timeout);
        let (timeouts, until) = Timeouts::of_whole_request(connect, total);
        let (head, body) = valid(request)?;
        Ok(Self {
            head,
            body,
            timeouts,
            until,
        })
    }

    /// Sends the request. Nothing is sent before the first poll. `kept` are the permits for the body.
    fn send(
        self,
        outgoing: &mut Outgoing,
        kept: Option<OwnedSemaphorePermit>,
        when_full: WhenFull,
    ) -> Sending {
        let body = Full::new(with_permits(self.body, kept));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        let request = self.head.map(|()| body);
        let (until, budget) = (self.until, outgoing.kept_responses.clone());
        let sending = outgoing.send(request, self.timeouts);
        Box::pin(async move {
            let whole = async { collect(sending.await?, &budget, when_full).await };
            let whole = timeout_at(until, whole).await;
            whole.unwrap_or(Err(Failure::Timeout))
        })
    }
}

/// Returns the request for the wire and its body, if the host can send them.
fn valid(request: Request) -> Result<(http::Request<()>, Vec<u8>), Failure> {
    let invalid = |what: &str| Failure::InvalidRequest(format!("{what} is not accepted"));
    let method = (request.method.len() <= LONGEST_METHOD)
        .then(|| Method::from_bytes(request.method.as_bytes()).ok())
        .flatten()
        .filter(|method| method != Method::CONNECT)
        .ok_or_else(|| invalid("the method"))?;
    let authority = (request.authority.len() <= LONGEST_AUTHORITY)
        .then(|| Authority::from_maybe_shared(Bytes::from(request.authority)).ok())
        .flatten()
        .filter(|authority| !authority.as_str().contains('@'))
        .ok_or_else(|| invalid("the host name"))?;
    let host =
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(authority.as_str().as_bytes()))
            .map_err(|_| invalid("the host name"))?;
    // `http` limits the length of a path to 64 KiB. It drops a fragment, which has no meaning here.
    let path = request.path_with_query;
    let path = (path.starts_with('/') && !path.contains('#'))
        .then(|| PathAndQuery::from_maybe_shared(Bytes::from(path)).ok())
        .flatten()
        .ok_or_else(|| invalid("the path"))?;
    let mut headers = HeaderMap::with_capacity(request.headers.len().min(64) + 2);
    headers.insert(HOST, host);
    let mut size = 0;
    for (name, value) in request.headers {
        size += name.len() + value.len() + FIELD_OVERHEAD;
        if size > LARGEST_FIELDS {
            return Err(Failure::InvalidRequest(format!(
                "the headers are longer than {LARGEST_FIELDS} bytes"
            )));
        }
        let known = HeaderName::from_bytes(name.as_bytes()).ok();
        let known = known.filter(|name| !REFUSED_HEADERS.contains(&name.as_str()));
        let value = latin1(value).and_then(|value| HeaderValue::from_maybe_shared(value).ok());
        let (Some(known), Some(value)) = (known, value) else {
            let shown: String = name.chars().take(SHOWN_NAME).collect();
            return Err(invalid(&format!("the header {shown:?}")));
        };
        headers.append(known, value);
    }
    let body = request.body.into_bytes();
    // hyper adds the length of a body, but not that of an empty one (RFC 9110, section 8.6).
    if !body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(match request.scheme {
        Scheme::Http => UriScheme::HTTP,
        Scheme::Https => UriScheme::HTTPS,
    });
    uri.authority = Some(authority);
    uri.path_and_query = Some(path);
    let mut head = http::Request::new(());
    *head.method_mut() = method;
    *head.uri_mut() = Uri::from_parts(uri).map_err(|_| invalid("the path"))?;
    *head.headers_mut() = headers;
    Ok((head, body))
}

/// Returns the byte of each character, or `None` if a character is above U+00FF.
fn latin1(text: String) -> Option<Bytes> {
    if text.is_ascii() {
        return Some(Bytes::from(text));
    }
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// Returns a character for each byte.
fn characters(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}

/// The action for a response for which the budget has no room now.
#[derive(Clone, Copy)]
enum WhenFull {
    Wait,
    Fail,
}

/// Reads a response to its end, within the budget.
async fn collect(
    response: HttpResponse<WasiBody>,
    budget: &ByteBudget,
    when_full: WhenFull,
) -> Result<Whole, Failure> {
    let (head, mut body) = response.into_parts();
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), characters(value)));
    let headers: Vec<_> = headers.collect();
    let sizes = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + FIELD_OVERHEAD);
    let head_size: usize = sizes.sum();
    let length = body.size_hint().exact().unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut held = hold(budget, head_size.saturating_add(length), when_full).await?;
    let mut bytes = Vec::with_capacity(length.min(FIRST_PART));
    let mut checksum = crc32fast::Hasher::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let arrived = head_size + bytes.len() + data.len();
        if arrived > held.num_permits() {
            // A response without a length never waits, because it may hold permits that others wait for.
            let more = arrived - held.num_permits();
            held.merge(hold(budget, more, WhenFull::Fail).await?);
        }
        if bytes.len() + data.len() > bytes.capacity() {
            // An exact reservation: a body that grows by doubling needs up to three times its length.
            bytes.reserve_exact(length.saturating_sub(bytes.len()).max(data.len()));
        }
        checksum.update(&data);
        bytes.extend_from_slice(&data);
    }
    Ok(Whole {
        response: Response {
            status: head.status.as_u16(),
            headers,
            body: Received::Bytes(bytes),
            crc32: Some(checksum.finalize()),
        },
        _held: held,
        _body: body,
    })
}

/// Takes permits for `length` more bytes of a response.
async fn hold(
    budget: &ByteBudget,
    length: usize,
    when_full: WhenFull,
) -> Result<OwnedSemaphorePermit, Failure> {
    let most = budget.most;
    if length > most {
        return Err(Failure::Damaged(format!("longer than {most} bytes")));
    }
    let held = match when_full {
        WhenFull::Wait => budget.take(length).await,
        WhenFull::Fail => budget.try_take(length),
    };
    held.ok_or_else(|| {
        Failure::Damaged(format!(
            "longer than {most} bytes, together with the responses that the component has not taken"
        ))
    })
}

/// A whole response, with its permits until the component takes it.
pub(super) struct Whole {
    response: Response,
    _held: OwnedSemaphorePermit,
    /// Counts as a request in flight while its end was not read.
    _body: WasiBody,
}

impl Whole {
    fn taken(self) -> Response {
        self.response
    }
}
