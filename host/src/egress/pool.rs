//! Kept connections: whoever has read an answer to its end gives its connection back, and the next one takes it.
//!
//! It is not the pool of `hyper_util::client::legacy`: with that one the median `get` of 1 KiB, on loopback, took 3 to 8 %
//! longer, and calls in turn sometimes opened a second connection, for it takes a connection back only some time after
//! the end of the answer, unless every new one first waited for that.

use super::connection::Connection;
use super::connector::Connector;
use super::dns_cache::Resolution;
use super::host_pool::HostPool;
use super::idle_reaper::IdleReaper;
use super::origin::Origin;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;
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
    pub(super) fn make_room_for_waiting(&self) {
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

    /// Whether there are connections, idle or in use.
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
