//! An HTTP/1.1 connection, polled by its caller rather than by a task. The caller that waits for a response also reads and
//! writes the bytes of the connection.

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
    // Dropped before `wire`, so that `wire` knows in its own drop that no more requests will come.
    sender: http1::SendRequest<RequestBody>,
    wire: Wire,
    request_done: Arc<AtomicBool>,
    runtime: Id,
    /// The permit among all connections of the pool. Dropped after `wire`, when the connection is closed.
    _room: Option<OwnedSemaphorePermit>,
}

/// A request that got no response.
pub(super) struct Failed {
    pub(super) reason: Error,
    /// The request, if no byte of it was written.
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

    /// Sends a request and waits for the head of its response.
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
            // Only `wire` can make it ready, and `wire` was just polled, so no waker is needed.
            answer
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        });
        let answer = answer.await.map_err(|mut failed| Failed {
            reason: failure::of_exchange(failed.error()),
            unsent: failed.take_message().map(Box::new),
        })?;
        if !self.request_done.load(Ordering::Acquire) {
            // The plugin may continue to write the request without reading the response.
            self.wire.detach();
        }
        Ok(answer)
    }

    /// Reads and writes as far as possible without waiting. Ready when the connection is closed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.wire.poll(cx)
    }

    /// Returns the runtime that opened the connection. Only that runtime is notified of incoming bytes.
    pub(super) fn runtime(&self) -> Id {
        self.runtime
    }

    /// Returns true if another request may be sent: the last request was sent and its response was read, each to its end.
    ///
    /// If the server responded before it had the whole request, the plugin could keep the connection busy for as long as it
    /// likes.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.wire.0, State::Here(_)) && self.sender.is_ready()
    }
}

/// The I/O half of a connection.
struct Wire(State);

enum State {
    /// Polled by the caller that waits for a response.
    Here(Box<http1::Connection<Stream, RequestBody>>),
    /// Polled by a task, because two callers wait: one for the rest of the request, one for the response.
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
                // A failure also arrives at the caller that waits for the response.
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
            // One poll is enough to see that there is nothing more to send and to close the connection, also within TLS.
            State::Here(_) => drop(self.poll(&mut Context::from_waker(Waker::noop()))),
            State::Detached(task) => task.abort(),
            State::Closed => {}
        }
    }
}

/// A flag that is set when an instance was dropped.
///
/// wasmtime-wasi-http 48 treats the end of a body's channel as the end of the body, even if the instance was dropped while it
/// was writing. A request without a `content-length` would be truncated and still look complete.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceGone(Arc<AtomicBool>);

/// Sets the flag [`InstanceGone`] when it is dropped. Drop it before the instance's resources.
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

/// The body of a request, as its instance writes it. If the instance is gone, the body ends with an error.
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

    /// Sets `done` when the connection drops the body.
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
            // The flag is set before the instance's end of the channel is dropped, so it is visible here.
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
