//! Bodies on their way: a silent peer runs into the between-bytes timeout, and the last byte gives the connection back.

use super::failure;
use super::origin::Origin;
use super::pool::{Pool, Sender};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a request, which says when the connection is done with it.
pub(super) struct RequestBody {
    body: WasiBody,
    done: Arc<AtomicBool>,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody) -> (Self, Arc<AtomicBool>) {
        let done = Arc::new(AtomicBool::new(false));
        let request = Self {
            body,
            done: Arc::clone(&done),
        };
        (request, done)
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

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
    }
}

/// A connection in use.
pub(super) struct Lease {
    pub(super) pool: Arc<Pool>,
    pub(super) origin: Origin,
    pub(super) sender: Sender,
    pub(super) request_done: Arc<AtomicBool>,
}

impl Lease {
    /// Gives the connection back at the end of the answer. Where the server answered before it had the whole request,
    /// the connection would still be busy, for as long as a plugin likes: it is closed.
    pub(super) fn give_back(self) {
        if self.request_done.load(Ordering::Acquire) {
            self.pool.keep(self.origin, self.sender);
        }
    }
}

/// The body of an answer.
pub(super) struct ResponseBody {
    body: Incoming,
    /// Until the end, or a failure: then the connection is given back, or closed.
    lease: Option<Lease>,
    between_bytes: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl ResponseBody {
    pub(super) fn new(body: Incoming, lease: Lease, between_bytes: Duration) -> Self {
        let mut response = Self {
            body,
            lease: Some(lease),
            between_bytes,
            silence: None,
            waiting: false,
        };
        response.give_back_at_end();
        response
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
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
        match Pin::new(&mut self.body).poll_frame(cx) {
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
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
