//! The HTTP client of the hosted build. One call of `dapr-wasm:host/http-client` takes a
//! whole request and returns the whole response.
//!
//! Requests beside others are sent with `start`, and all of them wait in one `wait-any`. Any
//! other request is sent with `send`, which waits inside the host. A bulk call says of its
//! requests that there are others. For the rest the executor decides: it knows all futures that
//! wait.
//!
//! The host enforces the time limits of a request. The deadline only ends a wait if the host
//! does not.
//!
//! The host also computes hashes, with `dapr-wasm:host/digest`.

#![allow(unsafe_code, reason = "wit-bindgen generates the imports")]

use super::wasi::{Wasi, monotonic, nanos};
use super::{Digest, Request, Response, Transport, TransportError};
use dapr_wasm::host::digest;
use dapr_wasm::host::http_client::{self, Failure, Pending, Request as HostRequest, Scheme};
use dapr_wasm::host::types::{DataParam, DataResult};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

wit_bindgen::generate!({
    path: "wit/deps/host",
    world: "imports",
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// The outcome of a request, as the host returns it.
type Outcome = Result<http_client::Response, Failure>;

thread_local! {
    /// The waits of the running call. Only one call runs at a time.
    static WAITS: RefCell<Vec<Rc<Wait>>> = const { RefCell::new(Vec::new()) };
}

/// One future that waits, for a response or for a time.
struct Wait {
    state: RefCell<State>,
    deadline: Duration,
    waker: Cell<Option<Waker>>,
}

enum State {
    /// A request that is not sent yet.
    Unsent,
    /// The same, and nothing waits beside it: the future sends it and blocks.
    Alone,
    /// The same, beside others: the future sends it and waits.
    BesideOthers,
    Sent(Pending),
    Asleep,
    Ended(Outcome),
    /// The deadline has passed.
    Late,
    /// The outcome was taken.
    Over,
}

impl Wait {
    fn register(state: State, deadline: Duration) -> Registered {
        let wait = Rc::new(Self {
            state: RefCell::new(state),
            deadline,
            waker: Cell::default(),
        });
        WAITS.with_borrow_mut(|waits| waits.push(Rc::clone(&wait)));
        Registered(wait)
    }

    fn set(&self, state: State) {
        self.state.replace(state);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits until the executor decides how an unsent request is sent. Returns true if nothing waits beside it.
    async fn is_alone(&self) -> bool {
        let decided = |state: &mut State| match std::mem::replace(state, State::Over) {
            State::Alone => Some(true),
            State::BesideOthers => Some(false),
            waiting => {
                *state = waiting;
                None
            }
        };
        self.until(decided).await
    }

    /// Waits for the response of a request that was sent.
    async fn outcome(&self) -> Result<Response, TransportError> {
        let ended = |state: &mut State| match std::mem::replace(state, State::Over) {
            State::Ended(outcome) => Some(read(outcome)),
            State::Late => Some(Err(TransportError::Timeout)),
            waiting => {
                *state = waiting;
                None
            }
        };
        self.until(ended).await
    }

    async fn until<T>(&self, take: impl Fn(&mut State) -> Option<T>) -> T {
        poll_fn(|context| match take(&mut self.state.borrow_mut()) {
            Some(taken) => Poll::Ready(taken),
            None => {
                self.waker.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    fn is_unsent(&self) -> bool {
        matches!(*self.state.borrow(), State::Unsent)
    }
}

/// A wait that is dropped together with its future. That drops its request, and the host closes
/// the connection.
struct Registered(Rc<Wait>);

impl Drop for Registered {
    fn drop(&mut self) {
        WAITS.with_borrow_mut(|waits| waits.retain(|wait| !Rc::ptr_eq(wait, &self.0)));
    }
}

impl Transport for Wasi {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let values = Values::of(&request);
        let headers = values.headers(&request);
        let param = param(&request, &headers);
        let deadline = request.timeouts.deadline;
        if request.beside_others {
            let state = State::Sent(http_client::start(param));
            let registered = Wait::register(state, deadline);
            let Registered(wait) = &registered;
            start_all();
            return wait.outcome().await;
        }
        let registered = Wait::register(State::Unsent, deadline);
        let Registered(wait) = &registered;
        if WAITS.with_borrow(|waits| waits.len() > 1) {
            start_all();
        }
        if wait.is_alone().await {
            return read(http_client::send(param));
        }
        wait.state.replace(State::Sent(http_client::start(param)));
        wait.outcome().await
    }
}

/// Waits until `deadline`.
pub async fn sleep_until(deadline: Duration) {
    let registered = Wait::register(State::Asleep, deadline);
    let Registered(wait) = &registered;
    start_all();
    let passed = |state: &mut State| matches!(state, State::Late).then_some(());
    wait.until(passed).await;
}

/// Lets all unsent requests be sent beside others.
fn start_all() {
    WAITS.with_borrow(|waits| {
        for wait in waits.iter().filter(|wait| wait.is_unsent()) {
            wait.set(State::BesideOthers);
        }
    });
}

/// The values of the headers as text. The host takes one character for each byte.
struct Values<'a>(Vec<Cow<'a, str>>);

impl<'a> Values<'a> {
    fn of(request: &Request<'a>) -> Self {
        let values = sent(request).map(|(_, value)| characters(value));
        Self(values.collect())
    }

    fn headers<'b>(&'b self, request: &Request<'b>) -> Vec<(&'b str, &'b str)> {
        let names = sent(request).map(|(name, _)| name.as_str());
        names.zip(self.0.iter().map(|value| &**value)).collect()
    }
}

/// Returns the headers of a request except `content-length`, which the host adds.
fn sent<'r>(request: &Request<'r>) -> impl Iterator<Item = &'r (String, Vec<u8>)> {
    let headers = request.headers.iter();
    headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
}

/// Returns a character for each byte (ISO 8859-1).
fn characters(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Cow::Borrowed(text),
        _ => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Returns a byte for each character. The contract allows no character above U+00FF.
fn bytes(text: String) -> Vec<u8> {
    if text.is_ascii() {
        return text.into_bytes();
    }
    let bytes = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?'));
    bytes.collect()
}

/// Returns the request for the host.
fn param<'a>(request: &Request<'a>, headers: &'a [(&'a str, &'a str)]) -> HostRequest<'a> {
    HostRequest {
        method: request.method.as_str(),
        scheme: if request.tls {
            Scheme::Https
        } else {
            Scheme::Http
        },
        authority: request.authority,
        path_with_query: request.path,
        headers,
        body: data(request.body),
        connect_timeout: nanos(request.timeouts.connect),
        timeout: nanos(request.timeouts.total),
    }
}

/// Returns the bytes as text if they are UTF-8. Some hosts copy text faster.
fn data(bytes: &[u8]) -> DataParam<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => DataParam::Text(text),
        Err(_) => DataParam::Bytes(bytes),
    }
}

/// The length in bytes from which the host hashes data.
///
/// The canonical request of a `get` has about 400 bytes, and more with a session token. If the host hashes 400 bytes, a `get`
/// takes 1 % longer. If the component hashes a body of 1 KiB, a `set` takes 1.5 % longer (`bench --baseline`).
const HASHED_BY_THE_HOST: usize = 1024;

impl Digest for Wasi {
    fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        if bytes.len() < HASHED_BY_THE_HOST {
            return Sha256::digest(bytes).into();
        }
        let (first, second, third, fourth) = digest::sha256(data(bytes));
        let mut hash = [0; 32];
        for (place, word) in hash.chunks_exact_mut(8).zip([first, second, third, fourth]) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        hash
    }
}

/// Converts the outcome of a request. Each failure of the host has a transport error of its own.
fn read(outcome: Outcome) -> Result<Response, TransportError> {
    let response = outcome.map_err(|failure| match failure {
        Failure::Denied(cause) => TransportError::Denied(cause),
        Failure::InvalidRequest(cause) => TransportError::Malformed(cause),
        Failure::NameNotResolved(cause) => TransportError::Dns(cause),
        Failure::NoConnection(cause) => TransportError::Refused(cause),
        Failure::TlsFailed(cause) => TransportError::Tls(cause),
        Failure::CertificateNotTrusted(cause) => TransportError::Certificate(cause),
        Failure::ConnectTimeout => TransportError::ConnectTimeout,
        Failure::Timeout => TransportError::Timeout,
        Failure::ConnectionLost(cause) => TransportError::Reset(cause),
        Failure::Damaged(cause) => TransportError::Damaged(cause),
    })?;
    let headers = response.headers.into_iter();
    Ok(Response {
        status: response.status,
        headers: headers.map(|(name, value)| (name, bytes(value))).collect(),
        body: match response.body {
            DataResult::Text(text) => text.into_bytes(),
            DataResult::Bytes(bytes) => bytes,
        },
        crc32: response.crc32,
    })
}

/// Waits until a wait has ended, and wakes its future. Returns false if there are no waits.
pub fn wait() -> bool {
    WAITS.with_borrow(|waits| {
        if let [only] = waits.as_slice()
            && only.is_unsent()
        {
            only.set(State::Alone);
            return true;
        }
        let Some(first) = waits.iter().map(|wait| wait.deadline).min() else {
            return false;
        };
        let states: Vec<_> = waits
            .iter()
            .map(|wait| (wait, wait.state.borrow()))
            .collect();
        let sent = states.iter().filter_map(|(wait, state)| match &**state {
            State::Sent(pending) => Some((*wait, pending)),
            _ => None,
        });
        let (sent, pending): (Vec<_>, Vec<_>) = sent.unzip();
        let timeout = first.saturating_sub(monotonic());
        let completed = http_client::wait_any(&pending, nanos(timeout));
        let ended = completed.and_then(|completion| {
            let index = usize::try_from(completion.index).ok()?;
            Some((*sent.get(index)?, completion.outcome))
        });
        drop(states);
        match ended {
            Some((wait, outcome)) => wait.set(State::Ended(outcome)),
            None => {
                let now = monotonic();
                for wait in waits.iter().filter(|wait| wait.deadline <= now) {
                    wait.set(State::Late);
                }
            }
        }
        true
    })
}
