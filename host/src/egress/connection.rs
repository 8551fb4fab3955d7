//! An HTTP/1.1 connection, polled by its caller rather than by a task: whoever waits for an answer reads and writes its
//! bytes.

use super::connector::Stream;
use super::failure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
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
use wasmtime_wasi_http::{Error, WasiBody};

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

    /// Returns true if another request may be sent: the last one was sent and its answer read, each to its end. Where the server
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

/// A mark that an instance is gone, with all that it had begun.
///
/// wasmtime-wasi-http 48 takes the end of a body's channel for the end of the body, also where the instance was dropped
/// in the middle of writing: a request without a `content-length` would go out cut short and look complete.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceGone(Arc<AtomicBool>);

/// Marks its instance as gone when it is dropped. Drop it before the instance's resources.
#[derive(Debug, Default)]
pub(super) struct InstanceGuard(InstanceGone);

impl InstanceGuard {
    pub(super) fn gone(&self) -> InstanceGone {
        self.0.clone()
    }
}

impl Drop for InstanceGuard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// The body of a request, as its instance writes it. Its end is an error once the instance is gone.
pub(super) struct RequestBody {
    body: WasiBody,
    gone: InstanceGone,
    _done: Option<Done>,
}

struct Done(Arc<AtomicBool>);

impl RequestBody {
    pub(super) fn new(body: WasiBody, gone: InstanceGone) -> Self {
        Self {
            body,
            gone,
            _done: None,
        }
    }

    /// Sets `done` when the connection is done with the body.
    pub(super) fn telling(self, done: Arc<AtomicBool>) -> Self {
        let _done = Some(Done(done));
        Self { _done, ..self }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            // The instance is marked before its end of the channel is dropped, so that the mark is seen here.
            Poll::Ready(None) if self.gone.0.load(Ordering::Acquire) => {
                Poll::Ready(Some(Err(Error::ConnectionTerminated)))
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::assert_matches;
    use http_body_util::{BodyExt, Full};

    fn body(gone: InstanceGone) -> RequestBody {
        let written = Full::from("part").map_err(|never| match never {});
        RequestBody::new(written.boxed_unsync(), gone)
    }

    #[tokio::test]
    async fn body_ends_when_its_instance_ends_it() {
        let alive = InstanceGuard::default();
        let collected = body(alive.gone()).collect().await.unwrap();
        assert_eq!(collected.to_bytes(), "part");
    }

    #[tokio::test]
    async fn body_of_a_lost_instance_ends_with_an_error() {
        let alive = InstanceGuard::default();
        let mut body = body(alive.gone());
        let part = body.frame().await.unwrap().unwrap().into_data();
        assert_eq!(part.unwrap(), "part");
        drop(alive);
        let end = body.frame().await.unwrap();
        assert_matches!(end, Err(Error::ConnectionTerminated));
    }
}
