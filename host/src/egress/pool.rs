//! The connection pool. It keeps connections by host, idle ones and those in use, up to the limits.
//!
//! Each connection in use to a host has a [`Permit`]. The holder takes an idle connection of its own runtime or opens a new one.
//! At the end of the response it returns the connection with the permit. At a limit, an idle connection of another runtime, or to
//! another host, is closed.
//!
//! hyper-util's pool (`hyper_util::client::legacy`) was measured and not chosen. With it, the median `get` of 1 KiB on loopback
//! took 3.5 to 8 % longer, in alternating runs. Sequential calls opened a second connection in 12 of 60 runs of the reuse test,
//! unless each new connection first waited 2 ms. It also lacks these features:
//!
//! - The caller that waits for a response polls its connection. hyper-util has a task for each connection.
//! - A failed request reports whether a byte of it was written. Only a request without a written byte is sent again.
//! - Connections in use count towards the limits, per host and in total. hyper-util limits only idle ones.
//! - A connection belongs to the runtime that opened it. No other runtime depends on it.
//! - A response that its plugin leaves unread is closed after a timeout.

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
/// DynamoDB was seen to close connections after 60 s without a request (<https://github.com/aws/aws-sdk-java/issues/1365>). It
/// does not document a time. This default is well below, so that no request is sent on a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The default of [`Limits::most_per_host`]. It is half of the usual limit of 1,024 open files per process (`RLIMIT_NOFILE`), and
/// enough for hundreds of concurrent calls.
const MAX_CONNECTIONS_PER_HOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// The default of [`Limits::most`]: as many as to one host, for the same reason.
const MAX_CONNECTIONS: NonZeroUsize = MAX_CONNECTIONS_PER_HOST;

/// The default of [`Limits::unread_timeout`]. A component that works reads within milliseconds.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The idle time after which a connection is checked before its next use, because the server may have closed it.
const CHECKED_AFTER: Duration = Duration::from_millis(50);

/// The limits of an egress: the number of its connections, and their timeouts.
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

/// The connections of an [`Egress`](super::Egress), by host, and the connector that opens more.
pub(super) struct Pool {
    connector: Connector,
    pub(super) limits: Limits,
    /// One permit for each open connection, to any host. A connection holds its permit also while it is idle.
    room: Arc<Semaphore>,
    /// The number of callers that wait for such a permit. While there are any, no connection stays idle.
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

    /// Returns the connections of an origin. All callers share one `HostPool` while anyone holds it or a connection is open.
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

    /// Opens a connection. It has no time limit of its own: the caller sets one.
    pub(super) async fn open(self: &Arc<Self>, host_pool: &HostPool) -> Result<Connection, Error> {
        let room = self.room().await;
        let opened = self
            .connector
            .connect(&host_pool.origin, host_pool.resolution);
        let connection = Connection::new(opened.await?, room).await?;
        self.reaper.start(self)?;
        Ok(connection)
    }

    /// Waits for room for another connection. Closes an idle one, to any host, to make room.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(room);
        }
        // Counted before the search for an idle connection. A caller that keeps a connection after the search then sees
        // that this one waits.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _no_more = scopeguard::guard(&self.waiting, |waiting| {
            waiting.fetch_sub(1, Ordering::SeqCst);
        });
        self.close_oldest_idle();
        // `acquire` fails only if the semaphore is closed. This one never is.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// Closes an idle connection if a caller waits for room. Call it after a connection was kept.
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
        // Another caller may take the connection between the search and the closing.
        while let Some((_, oldest)) = oldest() {
            if oldest.close_oldest_idle() {
                return;
            }
        }
    }

    /// Calls [`HostPool::look`] for all hosts. Returns the earliest time at which a connection expires.
    pub(super) fn look(&self, cx: &mut Context<'_>) -> Option<Instant> {
        let all = self.all();
        let looked = all.iter().map(|each| each.look(cx));
        looked.flatten().min()
    }

    /// Returns true if there are connections, idle or in use.
    pub(super) fn is_in_use(&self) -> bool {
        self.host_pools().values().any(|each| each.is_in_use())
    }

    /// Returns all hosts and releases the lock. Closing a connection writes to it, and must not make other callers wait.
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

    /// Returns the number of idle connections that the server has not closed.
    #[cfg(test)]
    pub(super) fn open_idle(&self) -> usize {
        let host_pools = self.host_pools();
        host_pools.values().map(|each| each.open_idle()).sum()
    }

    /// Returns the number of idle connections, without polling them.
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
    /// The free permits. Callers get them in the order in which they came (tokio's semaphore is FIFO).
    free: Semaphore,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    /// The number of connections in use or about to be: one for each permit that is taken.
    used: usize,
    /// The idle connections. The most recently used one is last.
    idle: Vec<Idle>,
    /// The responses that plugins are reading.
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

    /// Waits for a permit. It has no time limit of its own: the caller sets one.
    pub(super) async fn permit(self: Arc<Self>, pool: Arc<Pool>) -> Permit {
        // `acquire` fails only if the semaphore is closed. This one never is.
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

    /// Takes an idle connection of this runtime, for a holder of a permit. If there is none, makes room for a new connection.
    fn take(&self) -> Option<Idle> {
        let this = Handle::current().id();
        let mut connections = self.connections();
        let Connections { used, idle, .. } = &mut *connections;
        // The most recently used one: the server is least likely to close it soon.
        let own = idle
            .iter()
            .rposition(|each| each.connection.runtime() == this);
        let (taken, surplus) = match own {
            Some(last) => (Some(idle.remove(last)), None),
            None if *used + idle.len() > self.most => (None, idle.drain(..1).next()),
            None => (None, None),
        };
        drop(connections);
        // Closed after the lock is released, because closing writes to the connection.
        drop(surplus);
        taken.filter(|taken| taken.since.elapsed() < self.idle_timeout)
    }

    /// Closes idle connections that have expired or that the server has closed, and responses that are unread for too long.
    ///
    /// Registers `cx` to be woken when the server closes another idle connection. Returns the time when the next one expires.
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
        // After the lock is released, as above. Closing a response also returns its permit, which takes the lock.
        drop(unusable);
        let now = Instant::now();
        open.iter().for_each(|each| each.close_if_unread(now));
        next
    }

    /// Returns the time since which the oldest idle connection is idle.
    fn oldest_idle(&self) -> Option<Instant> {
        Some(self.connections().idle.first()?.since)
    }

    /// Closes the connection that has been idle for the longest. Returns false if none is idle.
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

    /// Returns the number of idle connections that the server has not closed.
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
    /// The connection that becomes idle when the permit is returned.
    kept: Option<Connection>,
    /// The index of the response in [`Connections::open`].
    open: Option<usize>,
}

impl Permit {
    /// Takes an idle connection, if there is one.
    pub(super) async fn take(&mut self) -> Option<Connection> {
        let idle = self.host_pool.take()?;
        if idle.since.elapsed() >= CHECKED_AFTER {
            // A busy runtime may not have polled its sockets in that time, and the server may have closed this one.
            // Yielding makes the runtime poll them.
            tokio::task::yield_now().await;
        }
        Some(idle.connection)
    }

    /// Registers a response with the reaper, which closes it if it is unread for too long, until the permit is returned.
    fn track(&mut self, open: &Arc<OpenResponse>) {
        let mut connections = self.host_pool.connections();
        self.open = Some(connections.open.insert(Arc::clone(open)));
    }

    /// Returns the permit and keeps the connection if another request may be sent on it.
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

/// The permits of a request in flight, of its instance and of its plugin. They are held until the response was read or dropped.
/// Clones share them.
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

/// A connection in use, with its permits.
pub(super) struct Lease {
    // Dropped before `permit`, because another connection may take the permit as soon as it is free.
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

    /// Returns the connection to the pool. The request stays in flight until the plugin has read the whole response.
    pub(super) fn give_back(self) -> InFlight {
        self.permit.keep(self.connection);
        self.in_flight
    }
}

/// The limits on how long a plugin may leave a response unread.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadTimeouts {
    /// The limit while the plugin waits for further bytes.
    pub(super) between_bytes: Duration,
    /// The limit while the plugin does not poll the response.
    pub(super) unread: Duration,
}

/// A response that a plugin has started to receive. It is closed if the plugin does not read for too long.
pub(super) struct OpenResponse(Mutex<ResponseState>);

struct ResponseState {
    /// The connection, until the end of the response or a failure. Then it is returned or closed.
    lease: Option<Lease>,
    /// True if the plugin has polled since the reaper's last round.
    was_looked_at: bool,
    /// True if the plugin's last poll found nothing, so the plugin may be waiting for further bytes.
    waits: bool,
    /// The time when the reaper saw that the plugin had polled. The reaper sets it, so that frequent polls do not read the
    /// clock.
    looked: Option<Instant>,
    timeouts: ReadTimeouts,
    was_closed: bool,
}

/// The next part of a response, its end or its failure.
type Arrival = Option<Result<Frame<Bytes>, hyper::Error>>;

impl OpenResponse {
    pub(super) fn new(mut lease: Lease, timeouts: ReadTimeouts) -> Arc<Self> {
        let open = Self::ended(timeouts);
        lease.permit.track(&open);
        open.state().lease = Some(lease);
        open
    }

    /// Returns a response that is complete and has no connection.
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

    /// Takes the connection from the response, if it still has one.
    pub(super) fn end(&self) -> Option<Lease> {
        self.state().lease.take()
    }

    /// Polls the response, and then its connection if nothing is ready. Returns `None` if the response was closed.
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

    /// Closes the response if it is unread for too long. The reaper calls it in each round.
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
        // Closed after the lock is released, because closing writes to the connection and the plugin may wait for the lock.
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
    /// Returns the time limit until the plugin's next poll.
    fn limit(&self) -> Duration {
        let ReadTimeouts {
            between_bytes,
            unread,
        } = self.timeouts;
        // A waiting plugin is woken by the next bytes and does not poll before.
        if self.waits {
            unread.max(between_bytes)
        } else {
            unread
        }
    }

    fn poll_arrival(&mut self, incoming: &mut Incoming, cx: &mut Context<'_>) -> Poll<Arrival> {
        // Only the connection can make it ready, and it is polled below, so no waker is needed.
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
        // This poll registers the waker, for a connection that runs in a task of its own.
        Pin::new(incoming).poll_frame(cx)
    }
}
