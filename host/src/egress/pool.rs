//! Kept connections: whoever has read an answer to its end gives its connection back, and the next one takes it.
//!
//! It is not the pool of `hyper_util::client::legacy`: with that one the median `get` of 1 KiB, on loopback, took 3 to 8 %
//! longer, and calls in turn sometimes opened a second connection, for it takes a connection back only some time after
//! the end of the answer, unless every new one first waited for that.

use super::body::RequestBody;
use super::connector::Connector;
use super::failure;
use super::origin::Origin;
use hyper::client::conn::http1;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use wasmtime_wasi_http::Error;

/// How long a connection may have been idle to be used without another look whether it is still open.
const CHECKED_AFTER: Duration = Duration::from_millis(50);

/// The sending end of a connection. Dropping it closes the connection.
pub(super) type Sender = http1::SendRequest<RequestBody>;

/// The idle connections of an [`Egress`](super::Egress), and the means to open more.
///
/// There are at most as many idle ones as were in use at one time within the idle timeout.
pub(super) struct Pool {
    connector: Connector,
    idle_timeout: Duration,
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    pub(super) fn new(connector: Connector, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            connector,
            idle_timeout,
            idle: Mutex::default(),
        })
    }

    /// Takes an idle connection that the server has not closed, the last used first: it is the least likely to be closed
    /// any moment.
    pub(super) async fn take(&self, origin: &Origin) -> Option<Sender> {
        loop {
            let mut idle = self.pop(origin)?;
            if idle.since.elapsed() >= CHECKED_AFTER {
                // A busy runtime may not have looked at its sockets for as long, and the server have closed this one
                // meanwhile. Yielding makes it look.
                tokio::task::yield_now().await;
            }
            // Its task may not have been scheduled since the end of the last answer.
            if idle.sender.ready().await.is_ok() {
                return Some(idle.sender);
            }
        }
    }

    fn pop(&self, origin: &Origin) -> Option<Idle> {
        let mut idle = self.idle();
        let kept = idle.get_mut(origin)?;
        let last = kept.pop();
        if kept.is_empty() {
            idle.remove(origin);
        }
        last.filter(|last| last.since.elapsed() < self.idle_timeout)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn keep(&self, origin: Origin, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let since = Instant::now();
        self.idle()
            .entry(origin)
            .or_default()
            .push(Idle { sender, since });
    }

    /// Opens a connection. Its task drives it until it is closed.
    pub(super) async fn open(self: &Arc<Self>, origin: &Origin) -> Result<Sender, Error> {
        let stream = self.connector.connect(origin).await?;
        let (sender, connection) = http1::handshake(stream)
            .await
            .map_err(|cause| failure::of_exchange(&cause))?;
        let pool = Arc::downgrade(self);
        tokio::spawn(drive(connection, pool, self.idle_timeout));
        Ok(sender)
    }

    fn close_expired(&self) {
        self.idle().retain(|_, kept| {
            kept.retain(|idle| {
                !idle.sender.is_closed() && idle.since.elapsed() < self.idle_timeout
            });
            !kept.is_empty()
        });
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many idle connections the server has not closed.
    #[cfg(test)]
    pub(super) fn open_idle(&self) -> usize {
        let idle = self.idle();
        let senders = idle.values().flatten();
        senders.filter(|idle| !idle.sender.is_closed()).count()
    }
}

/// Reads and writes for one connection, and has the pool close what has expired: as long as any connection is open,
/// somebody looks.
async fn drive(
    connection: impl Future<Output = hyper::Result<()>>,
    pool: Weak<Pool>,
    idle_timeout: Duration,
) {
    let mut connection = pin!(connection);
    let period = idle_timeout.max(Duration::from_millis(1));
    let mut look = interval_at(Instant::now() + period, period);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // Whoever waits for an answer was told of the failure already.
            _ = &mut connection => return,
            _ = look.tick() => {
                if let Some(pool) = pool.upgrade() {
                    pool.close_expired();
                }
            }
        }
    }
}
