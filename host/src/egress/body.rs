//! Bodies on their way: a silent peer runs into the between-bytes timeout, and the last byte gives the connection back.

use super::connection::Connection;
use super::destination::Place;
use super::failure;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a request, which says when the connection is done with it.
pub(super) struct RequestBody {
    body: WasiBody,
    _done: Done,
}

struct Done(Arc<AtomicBool>);

impl RequestBody {
    pub(super) fn new(body: WasiBody, done: Arc<AtomicBool>) -> Self {
        Self {
            body,
            _done: Done(done),
        }
    }

    pub(super) fn into_inner(self) -> WasiBody {
        self.body
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
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

/// A connection in use.
pub(super) struct Lease {
    // Before `place`, which another connection may take as soon as it is dropped.
    connection: Connection,
    place: Place,
    /// The instance's room for one request.
    _under_way: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(super) fn new(
        connection: Connection,
        place: Place,
        under_way: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            connection,
            place,
            _under_way: under_way,
        }
    }

    fn give_back(self) {
        self.place.keep(self.connection);
    }
}

/// The body of an answer.
pub(super) struct ResponseBody {
    incoming: Incoming,
    /// Until the end, or a failure: then the connection is given back, or closed.
    lease: Option<Lease>,
    between_bytes: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, lease: Lease, between_bytes: Duration) -> Self {
        let mut response = Self {
            incoming,
            lease: Some(lease),
            between_bytes,
            silence: None,
            waiting: false,
        };
        response.give_back_at_end();
        response
    }

    fn give_back_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }

    /// What the connection has read already, or reads now.
    fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Nobody but the connection can make it ready, so nobody has to be woken for it.
        let noop = &mut Context::from_waker(Waker::noop());
        let arrived = Pin::new(&mut self.incoming).poll_frame(noop);
        if arrived.is_ready() {
            return arrived;
        }
        if let Some(lease) = &mut self.lease
            && lease.connection.poll(cx).is_ready()
        {
            self.lease = None;
        }
        // Unless the connection is in a task of its own.
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    /// Whether nothing came for too long. The time counts from the first vain look, not from the last byte: it is the
    /// peer's silence that counts, not what the plugin does meanwhile.
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

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.poll_arrival(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                self.give_back_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                self.lease = None;
                Poll::Ready(Some(Err(failure::of_body(&cause))))
            }
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Pending => self.poll_silence(cx).map(|()| {
                self.lease = None;
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
