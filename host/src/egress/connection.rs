//! An HTTP/1.1 connection, polled by its caller rather than by a task: whoever waits for an answer reads and writes its
//! bytes.

use super::body::RequestBody;
use super::connector::Stream;
use super::failure;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::runtime::{Handle, Id};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use wasmtime_wasi_http::Error;

/// An open connection. Dropping it closes it.
pub(super) struct Connection {
    // Before `wire`, which then knows, when it is dropped itself, that there will be no more requests.
    sender: http1::SendRequest<RequestBody>,
    wire: Wire,
    request_done: Arc<AtomicBool>,
    runtime: Id,
    /// Among all connections of the pool. After `wire`, which is closed by then.
    _room: Option<OwnedSemaphorePermit>,
}

/// A request that got no answer.
pub(super) struct Failed {
    pub(super) reason: Error,
    /// The request, where not a byte of it was written.
    pub(super) unsent: Option<Box<Request<RequestBody>>>,
}

impl Connection {
    pub(super) async fn new(
        stream: Stream,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, Error> {
        let (sender, wire) = http1::handshake(stream)
            .await
            .map_err(|cause| failure::of_exchange(&cause))?;
        Ok(Self {
            sender,
            wire: Wire(State::Here(Box::new(wire))),
            request_done: Arc::default(),
            runtime: Handle::current().id(),
            _room: room,
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Failed> {
        self.request_done.store(false, Ordering::Relaxed);
        let request = request.map(|body| body.telling(Arc::clone(&self.request_done)));
        let mut answer = pin!(self.sender.try_send_request(request));
        let wire = &mut self.wire;
        let answer = poll_fn(|cx| {
            let _ = wire.poll(cx);
            // Nobody but `wire` can have made it ready, so nobody has to be woken for it.
            answer
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        });
        let answer = answer.await.map_err(|mut failed| Failed {
            reason: failure::of_exchange(failed.error()),
            unsent: failed.take_message().map(Box::new),
        })?;
        if !self.request_done.load(Ordering::Acquire) {
            // The plugin may go on writing and read nothing meanwhile.
            self.wire.detach();
        }
        Ok(answer)
    }

    /// Reads and writes what can be read and written now. Ready when the connection is closed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.wire.poll(cx)
    }

    /// The runtime that opened it: it alone hears of what comes in on it.
    pub(super) fn runtime(&self) -> Id {
        self.runtime
    }

    /// Whether another request may be sent: the last one was sent and its answer read, each to its end. Where the server
    /// answered before it had the whole request, the connection would still be busy, for as long as a plugin likes.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.wire.0, State::Here(_)) && self.sender.is_ready()
    }
}

/// The end of a connection that reads and writes.
struct Wire(State);

enum State {
    /// Polled by whoever waits.
    Here(Box<http1::Connection<Stream, RequestBody>>),
    /// In a task, because there are two to wait for it: one for the rest of the request, one for the answer.
    Detached(JoinHandle<()>),
    Closed,
}

impl Wire {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            State::Here(connection) => {
                let closed = Pin::new(connection).poll(cx);
                if closed.is_ready() {
                    self.0 = State::Closed;
                }
                // Whoever waits for an answer is told of a failure with it.
                closed.map(drop)
            }
            State::Detached(_) => Poll::Pending,
            State::Closed => Poll::Ready(()),
        }
    }

    fn detach(&mut self) {
        self.0 = match std::mem::replace(&mut self.0, State::Closed) {
            State::Here(connection) => State::Detached(tokio::spawn(async move {
                let _ = connection.await;
            })),
            other => other,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        match &self.0 {
            // One look is enough to see that there is nothing more to send, and to say so to the server, also within TLS.
            State::Here(_) => drop(self.poll(&mut Context::from_waker(Waker::noop()))),
            State::Detached(task) => task.abort(),
            State::Closed => {}
        }
    }
}
