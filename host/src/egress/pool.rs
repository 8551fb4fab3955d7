//! The connection pool: connections by host, in use and idle, never more than allowed.
//!
//! There is a [`Permit`] for each connection to a host that may be in use. Its holder takes an idle connection of its own
//! runtime or opens a new one, and returns the connection with the permit, at the end of the answer. An idle connection of
//! another runtime, or to another host, is closed where there would be too many otherwise.
//!
//! hyper-util's pool (`hyper_util::client::legacy`) was measured and not taken. With it, the median `get` of 1 KiB on loopback
//! took 3.5 to 8 % longer, in alternating runs, and calls in turn opened a second connection in 12 of 60 runs of the reuse
//! test, unless each new connection first waited 2 ms. It also lacks what this module does:
//!
//! - Whoever waits for an answer polls its connection; hyper-util has a task for each.
//! - A failed request tells whether a byte of it was written. Only one of which none was goes out again.
//! - Connections in use count towards the limits, per host and in all; hyper-util limits idle ones alone.
//! - A connection belongs to the runtime that opened it, which another runtime must not depend on.
//! - An answer that its plugin leaves unread is closed in time.

use super::connection::Connection;
use super::connector::Connector;
use super::dns_cache::Resolution;
use super::idle_reaper::IdleReaper;
use super::origin::Origin;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use slab::Slab;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime_wasi_http::Error;

/// The default of [`Limits::idle_timeout`].
///
/// DynamoDB was seen to close connections after 60 s without a request
/// (<https://github.com/aws/aws-sdk-java/issues/1365>) and promises no time. Well below that, a request does not go out
/// on a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The default of [`Limits::most_per_host`]: half of the 1,024 files that a
/// process may have open where nobody raised the limit (`RLIMIT_NOFILE`), and room for hundreds of calls at a time.
const MAX_CONNECTIONS_PER_HOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// The default of [`Limits::most`]: as many as to one host, for the same reason.
const MAX_CONNECTIONS: NonZeroUsize = MAX_CONNECTIONS_PER_HOST;

/// The default of [`Limits::unread_timeout`]. A component that is well reads as soon as it can, within milliseconds.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may have been idle to be used without another look whether it is still open.
const CHECKED_AFTER: Duration = Duration::from_millis(50);

/// Bounds the connections of an egress, in number and in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) idle_timeout: Duration,
    pub(super) unread_timeout: Duration,
    pub(super) most: NonZeroUsize,
    pub(super) most_per_host: NonZeroUsize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle_timeout: IDLE_TIMEOUT,
            unread_timeout: UNREAD_TIMEOUT,
            most: MAX_CONNECTIONS,
            most_per_host: MAX_CONNECTIONS_PER_HOST,
        }
    }
}

/// The connections of an [`Egress`](super::Egress), by host, and the means to open more.
pub(super) struct Pool {
    connector: Connector,
    pub(super) limits: Limits,
    /// A permit for each connection that may be open, to whatever host. A connection holds its permit, idle or not.
    room: Arc<Semaphore>,
    /// How many wait for such a permit: no connection stays idle meanwhile.
    waiting: AtomicUsize,
    host_pools: Mutex<HashMap<Origin, Arc<HostPool>>>,
    pub(super) reaper: IdleReaper,
}

impl Pool {
    pub(super) fn new(connector: Connector, limits: Limits) -> Arc<Self> {
        let most = limits.most.get().min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            connector,
            limits,
            room: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            host_pools: Mutex::default(),
            reaper: IdleReaper::default(),
        })
    }

    /// The connections of an origin. All who ask get the same one, for as long as anybody has it or a connection is open.
    pub(super) fn host_pool(&self, origin: Origin, resolution: Resolution) -> Arc<HostPool> {
        let mut host_pools = self.host_pools();
        if let Some(known) = host_pools.get(&origin) {
            return Arc::clone(known);
        }
        // A plugin may name as many hosts as a wildcard allows.
        host_pools.retain(|_, known| Arc::strong_count(known) > 1 || known.is_in_use());
        let new = Arc::new(HostPool::new(
            origin.clone(),
            resolution,
            self.limits.idle_timeout,
            self.limits.most_per_host,
        ));
        host_pools.insert(origin, Arc::clone(&new));
        new
    }

    /// Takes as long as it takes: the caller bounds it.
    pub(super) async fn open(self: &Arc<Self>, host_pool: &HostPool) -> Result<Connection, Error> {
        let room = self.room().await;
        let opened = self
            .connector
            .connect(&host_pool.origin, host_pool.resolution);
        let connection = Connection::new(opened.await?, room).await?;
        self.reaper.start(self)?;
        Ok(connection)
    }

    /// Waits for room for one more connection. An idle one, to any host, makes room.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(room);
        }
        // Before looking for an idle one: whoever keeps a connection after that look finds somebody waiting.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _no_more = scopeguard::guard(&self.waiting, |waiting| {
            waiting.fetch_sub(1, Ordering::SeqCst);
        });
        self.close_oldest_idle();
        // It fails where the semaphore is closed, which this one never is.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// To be called when a connection was kept.
    fn make_room_for_waiting(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.close_oldest_idle();
        }
    }

    fn close_oldest_idle(&self) {
        let oldest = || {
            let idle = self.all().into_iter();
            let idle = idle.filter_map(|each| Some((each.oldest_idle()?, each)));
            idle.min_by_key(|(since, _)| *since)
        };
        // Somebody else may take it between the look and the closing.
        while let Some((_, oldest)) = oldest() {
            if oldest.close_oldest_idle() {
                return;
            }
        }
    }

    /// As [`HostPool::look`], for all.
    pub(super) fn look(&self, cx: &mut Context<'_>) -> Option<Instant> {
        let all = self.all();
        let looked = all.iter().map(|each| each.look(cx));
        looked.flatten().min()
    }

    /// Returns true if there are connections, idle or in use.
    pub(super) fn is_in_use(&self) -> bool {
        self.host_pools().values().any(|each| each.is_in_use())
    }

    /// All hosts, without the lock: closing a connection writes, and others wait for their host.
    fn all(&self) -> Vec<Arc<HostPool>> {
        self.host_pools().values().cloned().collect()
    }

    fn host_pools(&self) -> MutexGuard<'_, HashMap<Origin, Arc<HostPool>>> {
        self.host_pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn somebody_waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// How many idle connections the server has not closed.
    #[cfg(test)]
    pub(super) fn open_idle(&self) -> usize {
        let host_pools = self.host_pools();
        host_pools.values().map(|each| each.open_idle()).sum()
    }

    /// How many idle connections there are, without a look at them.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let host_pools = self.host_pools();
        host_pools.values().map(|each| each.kept()).sum()
    }
}

/// The connections to one host at one port.
pub(super) struct HostPool {
    pub(super) origin: Origin,
    pub(super) resolution: Resolution,
    idle_timeout: Duration,
    most: usize,
    /// A FIFO queue: it gives permits to those who wait in the order in which they came.
    free: Semaphore,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    /// How many are in use, or about to be: one for each permit that is taken.
    used: usize,
    /// The last used is at the end.
    idle: Vec<Idle>,
    /// The answers that plugins read.
    open: Slab<Arc<OpenResponse>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl HostPool {
    fn new(
        origin: Origin,
        resolution: Resolution,
        idle_timeout: Duration,
        most: NonZeroUsize,
    ) -> Self {
        let most = most.get().min(Semaphore::MAX_PERMITS);
        Self {
            origin,
            resolution,
            idle_timeout,
            most,
            free: Semaphore::new(most),
            connections: Mutex::default(),
        }
    }

    /// Waits for a permit. Takes as long as it takes: the caller bounds it.
    pub(super) async fn permit(self: Arc<Self>, pool: Arc<Pool>) -> Permit {
        // It fails where the semaphore is closed, which this one never is.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        self.connections().used += 1;
        Permit {
            host_pool: self,
            pool,
            kept: None,
            open: None,
        }
    }

    /// An idle connection of this runtime, for one of the permits. Where there is none, there is room for a new one then.
    fn take(&self) -> Option<Idle> {
        let this = Handle::current().id();
        let mut connections = self.connections();
        let Connections { used, idle, .. } = &mut *connections;
        // The last used: the server is the least likely to close it any moment.
        let own = idle
            .iter()
            .rposition(|each| each.connection.runtime() == this);
        let (taken, surplus) = match own {
            Some(last) => (Some(idle.remove(last)), None),
            None if *used + idle.len() > self.most => (None, idle.drain(..1).next()),
            None => (None, None),
        };
        drop(connections);
        // Closing writes: not while others wait for a connection to this host.
        drop(surplus);
        taken.filter(|taken| taken.since.elapsed() < self.idle_timeout)
    }

    /// Closes idle connections that have expired or that the server has closed, and answers that nobody reads. Has `cx`
    /// woken when the server closes another idle one. Gives the moment when the next one expires.
    fn look(&self, cx: &mut Context<'_>) -> Option<Instant> {
        let mut connections = self.connections();
        let idle = &mut connections.idle;
        let unusable: Vec<_> = idle
            .extract_if(.., |each| {
                each.since.elapsed() >= self.idle_timeout || each.connection.poll(cx).is_ready()
            })
            .collect();
        let next = idle
            .first()
            .and_then(|oldest| oldest.since.checked_add(self.idle_timeout));
        let open: Vec<_> = connections
            .open
            .iter()
            .map(|(_, each)| Arc::clone(each))
            .collect();
        drop(connections);
        // As above. Closing an answer gives back its permit, which takes the lock.
        drop(unusable);
        let now = Instant::now();
        open.iter().for_each(|each| each.close_if_unread(now));
        next
    }

    /// The time since which the connection is idle that has been so for the longest.
    fn oldest_idle(&self) -> Option<Instant> {
        Some(self.connections().idle.first()?.since)
    }

    /// Closes the connection that has been idle for the longest. False if none is idle any more.
    fn close_oldest_idle(&self) -> bool {
        let mut connections = self.connections();
        if connections.idle.is_empty() {
            return false;
        }
        let oldest = connections.idle.remove(0);
        drop(connections);
        drop(oldest);
        true
    }

    /// Returns true if there are connections, idle or in use.
    fn is_in_use(&self) -> bool {
        let connections = self.connections();
        connections.used > 0 || !connections.idle.is_empty()
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many idle connections the server has not closed.
    #[cfg(test)]
    fn open_idle(&self) -> usize {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let mut connections = self.connections();
        let idle = connections.idle.iter_mut();
        let polled = idle.map(|each| each.connection.poll(cx));
        polled.filter(|closed| closed.is_pending()).count()
    }

    #[cfg(test)]
    fn kept(&self) -> usize {
        self.connections().idle.len()
    }
}

/// The right to have one connection in use.
pub(super) struct Permit {
    host_pool: Arc<HostPool>,
    pool: Arc<Pool>,
    /// The connection that becomes idle when the permit is free again.
    kept: Option<Connection>,
    /// The index of the answer among those that plugins read.
    open: Option<usize>,
}

impl Permit {
    /// An idle connection.
    pub(super) async fn take(&mut self) -> Option<Connection> {
        let idle = self.host_pool.take()?;
        if idle.since.elapsed() >= CHECKED_AFTER {
            // A busy runtime may not have looked at its sockets for as long, and the server have closed this one
            // meanwhile. Yielding makes it look.
            tokio::task::yield_now().await;
        }
        Some(idle.connection)
    }

    /// Has an answer closed that is not read in time, until the permit is given back.
    fn track(&mut self, open: &Arc<OpenResponse>) {
        let mut connections = self.host_pool.connections();
        self.open = Some(connections.open.insert(Arc::clone(open)));
    }

    /// Keeps a connection, if another request may be sent on it.
    fn keep(mut self, connection: Connection) {
        if connection.is_idle() && !self.host_pool.idle_timeout.is_zero() {
            self.kept = Some(connection);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut connections = self.host_pool.connections();
        connections.used -= 1;
        let read = self
            .open
            .and_then(|index| connections.open.try_remove(index));
        let is_kept = self.kept.is_some();
        if let Some(connection) = self.kept.take() {
            let since = Instant::now();
            connections.idle.push(Idle { connection, since });
        }
        drop(connections);
        drop(read);
        self.host_pool.free.add_permits(1);
        if is_kept {
            self.pool.make_room_for_waiting();
        }
    }
}

/// The right of a request to be in flight, of its instance and of its plugin, until its answer was read or dropped. A clone
/// is the same right.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    _permits: Arc<[Option<OwnedSemaphorePermit>; 2]>,
}

impl InFlight {
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
    in_flight: InFlight,
}

impl Lease {
    pub(super) fn new(connection: Connection, permit: Permit, in_flight: InFlight) -> Self {
        Self {
            connection,
            permit,
            in_flight,
        }
    }

    /// Gives the connection back. The request stays in flight while the plugin has not read all of the answer.
    pub(super) fn give_back(self) -> InFlight {
        self.permit.keep(self.connection);
        self.in_flight
    }
}

/// How long a plugin may leave an answer alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadTimeouts {
    /// While it waits for further bytes.
    pub(super) between_bytes: Duration,
    /// While it does not look whether there are any.
    pub(super) unread: Duration,
}

/// An answer that a plugin has begun to receive. It is closed where the plugin reads nothing for too long.
pub(super) struct OpenResponse(Mutex<ResponseState>);

struct ResponseState {
    /// Until the end, or a failure: then the connection is given back, or closed.
    lease: Option<Lease>,
    /// True if the plugin has looked since the reaper did.
    was_looked_at: bool,
    /// True if the plugin found nothing when it last looked, and so may wait for further bytes.
    waits: bool,
    /// When the reaper found that the plugin had looked. Taken there, so that a plugin that looks often does not ask for the
    /// time each time.
    looked: Option<Instant>,
    timeouts: ReadTimeouts,
    was_closed: bool,
}

/// The next part of an answer, its end or its failure.
type Arrival = Option<Result<Frame<Bytes>, hyper::Error>>;

impl OpenResponse {
    pub(super) fn new(mut lease: Lease, timeouts: ReadTimeouts) -> Arc<Self> {
        let open = Self::ended(timeouts);
        lease.permit.track(&open);
        open.state().lease = Some(lease);
        open
    }

    /// An answer of which nothing is to come, and which has no connection.
    pub(super) fn ended(timeouts: ReadTimeouts) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ResponseState {
            lease: None,
            was_looked_at: false,
            waits: false,
            looked: None,
            timeouts,
            was_closed: false,
        })))
    }

    /// Takes the connection from the plugin, if it still has it.
    pub(super) fn end(&self) -> Option<Lease> {
        self.state().lease.take()
    }

    /// Polls the answer, and its connection where that has nothing ready. `None` if the answer was closed.
    pub(super) fn poll_arrival(
        &self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Arrival>> {
        let mut state = self.state();
        if state.was_closed {
            return None;
        }
        let arrived = state.poll_arrival(incoming, cx);
        state.was_looked_at = true;
        state.waits = arrived.is_pending();
        Some(arrived)
    }

    /// Closes the answer where its time is up. To be called now and then.
    fn close_if_unread(&self, now: Instant) {
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
        let origin = &lease.permit.host_pool.origin;
        tracing::debug!("closed a response of {origin}: its plugin did not read it in time");
        drop(lease);
    }

    fn state(&self) -> MutexGuard<'_, ResponseState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResponseState {
    /// How long the plugin may go on without another look.
    fn limit(&self) -> Duration {
        let ReadTimeouts {
            between_bytes,
            unread,
        } = self.timeouts;
        // Whoever waits is woken by the next bytes, and looks no sooner.
        if self.waits {
            unread.max(between_bytes)
        } else {
            unread
        }
    }

    fn poll_arrival(&mut self, incoming: &mut Incoming, cx: &mut Context<'_>) -> Poll<Arrival> {
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
