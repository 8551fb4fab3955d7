//! The connections to one host at one port, in use and idle, never more than allowed.
//!
//! There is a permit for each connection that may be in use. Its holder takes an idle connection of its own runtime or opens
//! a new one, and returns the connection with the permit. An idle connection of another runtime is closed where all of them
//! together would otherwise be more than the permits.

use super::body::Reading;
use super::connection::Connection;
use super::dns_cache::Resolution;
use super::origin::Origin;
use super::pool::Pool;
use slab::Slab;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long a connection may have been idle to be used without another look whether it is still open.
const CHECKED_AFTER: Duration = Duration::from_millis(50);

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
    /// The answers that are being read.
    reading: Slab<Arc<Reading>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl HostPool {
    pub(super) fn new(
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
            reading: None,
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
    pub(super) fn look(&self, cx: &mut Context<'_>) -> Option<Instant> {
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
        let reading: Vec<_> = connections
            .reading
            .iter()
            .map(|(_, each)| Arc::clone(each))
            .collect();
        drop(connections);
        // As above. Closing an answer gives back its permit, which takes the lock.
        drop(unusable);
        let now = Instant::now();
        reading.iter().for_each(|each| each.close_if_unread(now));
        next
    }

    /// Since when the connection is idle that has been so for the longest.
    pub(super) fn oldest_idle(&self) -> Option<Instant> {
        Some(self.connections().idle.first()?.since)
    }

    /// Closes the connection that has been idle for the longest. False if none is idle any more.
    pub(super) fn close_oldest_idle(&self) -> bool {
        let mut connections = self.connections();
        if connections.idle.is_empty() {
            return false;
        }
        let oldest = connections.idle.remove(0);
        drop(connections);
        drop(oldest);
        true
    }

    /// Whether there are connections, idle or in use.
    pub(super) fn is_in_use(&self) -> bool {
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
    pub(super) fn open_idle(&self) -> usize {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let mut connections = self.connections();
        let idle = connections.idle.iter_mut();
        let polled = idle.map(|each| each.connection.poll(cx));
        polled.filter(|closed| closed.is_pending()).count()
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.connections().idle.len()
    }
}

/// The right to have one connection in use.
pub(super) struct Permit {
    host_pool: Arc<HostPool>,
    pool: Arc<Pool>,
    /// The connection that becomes idle when the permit is free again.
    kept: Option<Connection>,
    /// The index of the answer among those that are being read.
    reading: Option<usize>,
}

impl Permit {
    pub(super) fn host_pool(&self) -> &HostPool {
        &self.host_pool
    }

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
    pub(super) fn track(&mut self, reading: &Arc<Reading>) {
        let mut connections = self.host_pool.connections();
        self.reading = Some(connections.reading.insert(Arc::clone(reading)));
    }

    /// Keeps a connection, if another request may be sent on it.
    pub(super) fn keep(mut self, connection: Connection) {
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
            .reading
            .and_then(|index| connections.reading.try_remove(index));
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
