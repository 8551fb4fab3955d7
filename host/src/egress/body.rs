//! Bodies on their way: a silent peer runs into the between-bytes timeout, and the last byte gives the connection back.

use super::connection::Connection;
use super::failure;
use super::host_pool::Permit;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// A mark that an instance is gone, with all that it had begun.
///
/// wasmtime-wasi-http 48 takes the end of a body's channel for the end of the body, also where the instance was dropped
/// in the middle of writing: a request without a `content-length` would go out cut short and look complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone(Arc<AtomicBool>);

/// Marks its instance as gone when it is dropped, which must be before the instance's resources are.
#[derive(Debug, Default)]
pub(super) struct Alive(Gone);

impl Alive {
    pub(super) fn gone(&self) -> Gone {
        self.0.clone()
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// The body of a request, as its instance writes it. Its end is an error once the instance is gone.
pub(super) struct RequestBody {
    body: WasiBody,
    gone: Gone,
    _done: Option<Done>,
}

struct Done(Arc<AtomicBool>);

impl RequestBody {
    pub(super) fn new(body: WasiBody, gone: Gone) -> Self {
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

/// The room that a request takes, in its instance and in its plugin, until its answer was read or dropped. A clone is the
/// same room.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    _permits: Arc<[Option<OwnedSemaphorePermit>; 2]>,
}

impl UnderWay {
    pub(super) fn new(permits: [Option<OwnedSemaphorePermit>; 2]) -> Self {
        Self {
            _permits: Arc::new(permits),
        }
    }
}

/// A connection in use.
pub(super) struct Lease {
    // Before `permit`, which another connection may take as soon as it is dropped.
    connection: Connection,
    permit: Permit,
    under_way: UnderWay,
}

impl Lease {
    pub(super) fn new(connection: Connection, permit: Permit, under_way: UnderWay) -> Self {
        Self {
            connection,
            permit,
            under_way,
        }
    }

    /// Gives the connection back. The request stays under way while the plugin has not read all of the answer.
    fn give_back(self) -> UnderWay {
        self.permit.keep(self.connection);
        self.under_way
    }
}

/// An answer that a plugin has begun to receive. It is closed where the plugin reads nothing for too long.
pub(super) struct Reading(Mutex<State>);

struct State {
    /// Until the end, or a failure: then the connection is given back, or closed.
    lease: Option<Lease>,
    /// True if the plugin has looked since the reaper did.
    was_looked_at: bool,
    /// True if the plugin found nothing when it last looked, and so may wait for further bytes.
    waits: bool,
    /// When the reaper found that the plugin had looked. Taken there, so that a plugin that looks often does not ask for the
    /// time each time.
    looked: Option<Instant>,
    patience: Patience,
    was_closed: bool,
}

impl Reading {
    /// Closes the answer where its time is up. To be called now and then.
    pub(super) fn close_if_unread(&self, now: Instant) {
        let mut state = self.state();
        if std::mem::take(&mut state.was_looked_at) {
            state.looked = Some(now);
        }
        let looked = *state.looked.get_or_insert(now);
        if now.saturating_duration_since(looked) < state.limit() {
            return;
        }
        let Some(lease) = state.lease.take() else {
            return;
        };
        state.was_closed = true;
        // Closing writes: not while the plugin waits for the lock.
        drop(state);
        let origin = &lease.permit.host_pool().origin;
        tracing::debug!("an answer of {origin} was closed: its plugin did not read it in time");
        drop(lease);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long the plugin may go on without another look.
    fn limit(&self) -> Duration {
        let Patience {
            between_bytes,
            unread,
        } = self.patience;
        // Whoever waits is woken by the next bytes, and looks no sooner.
        if self.waits {
            unread.max(between_bytes)
        } else {
            unread
        }
    }

    /// What the connection has read already, or reads now.
    fn poll_arrival(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Nobody but the connection can make it ready, so nobody has to be woken for it.
        let noop = &mut Context::from_waker(Waker::noop());
        let arrived = Pin::new(&mut *incoming).poll_frame(noop);
        if arrived.is_ready() {
            return arrived;
        }
        if let Some(lease) = &mut self.lease
            && lease.connection.poll(cx).is_ready()
        {
            self.lease = None;
        }
        // Unless the connection is in a task of its own.
        Pin::new(incoming).poll_frame(cx)
    }
}

/// How long a plugin may leave an answer alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// While it waits for further bytes.
    pub(super) between_bytes: Duration,
    /// While it does not look whether there are any.
    pub(super) unread: Duration,
}

/// The body of an answer.
pub(super) struct ResponseBody {
    incoming: Incoming,
    reading: Arc<Reading>,
    /// Once all of the answer has come, until the plugin has heard so: it may not have read the last part.
    read: Option<UnderWay>,
    between_bytes: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, mut lease: Lease, patience: Patience) -> Self {
        let reading = Arc::new(Reading(Mutex::new(State {
            lease: None,
            was_looked_at: false,
            waits: false,
            looked: None,
            patience,
            was_closed: false,
        })));
        let mut read = None;
        if incoming.is_end_stream() {
            read = Some(lease.give_back());
        } else {
            lease.permit.track(&reading);
            reading.state().lease = Some(lease);
        }
        Self {
            incoming,
            reading,
            read,
            between_bytes: patience.between_bytes,
            silence: None,
            waiting: false,
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

    /// Takes the connection from the plugin, if it still has it.
    fn end(&self) -> Option<Lease> {
        self.reading.state().lease.take()
    }
}

// The reaper knows of the answer until then, and must not keep the connection.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        drop(self.end());
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let mut state = this.reading.state();
        if state.was_closed {
            return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
        }
        let arrived = state.poll_arrival(&mut this.incoming, cx);
        state.was_looked_at = true;
        state.waits = arrived.is_pending();
        drop(state);
        match arrived {
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                if self.incoming.is_end_stream()
                    && let Some(lease) = self.end()
                {
                    self.read = Some(lease.give_back());
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                drop(self.end());
                Poll::Ready(Some(Err(failure::of_body(&cause))))
            }
            Poll::Ready(None) => {
                if let Some(lease) = self.end() {
                    drop(lease.give_back());
                }
                self.read = None;
                Poll::Ready(None)
            }
            Poll::Pending => self.poll_silence(cx).map(|()| {
                drop(self.end());
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

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};

    fn body(gone: Gone) -> RequestBody {
        let written = Full::from("part").map_err(|never| match never {});
        RequestBody::new(written.boxed_unsync(), gone)
    }

    #[tokio::test]
    async fn a_body_ends_as_its_instance_ends_it() {
        let alive = Alive::default();
        let collected = body(alive.gone()).collect().await.unwrap();
        assert_eq!(collected.to_bytes(), "part");
    }

    #[tokio::test]
    async fn a_body_whose_instance_is_gone_has_no_end() {
        let alive = Alive::default();
        let mut body = body(alive.gone());
        let part = body.frame().await.unwrap().unwrap().into_data();
        assert_eq!(part.unwrap(), "part");
        drop(alive);
        let end = body.frame().await.unwrap();
        assert!(matches!(end, Err(Error::ConnectionTerminated)), "{end:?}");
    }
}
