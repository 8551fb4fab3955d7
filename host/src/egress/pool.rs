//! Kept connections: whoever has read an answer to its end gives its connection back, and the next one takes it.
//!
//! It is not the pool of `hyper_util::client::legacy`: with that one the median `get` of 1 KiB, on loopback, took 3 to 8 %
//! longer, and calls in turn sometimes opened a second connection, for it takes a connection back only some time after
//! the end of the answer, unless every new one first waited for that.

use super::connection::Connection;
use super::connector::Connector;
use super::destination::Destination;
use super::origin::Origin;
use super::watch::Watched;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;
use tokio::runtime::Id;
use tokio::time::Instant;
use wasmtime_wasi_http::Error;

/// The destinations of an [`Egress`](super::Egress), and the means to open connections to them.
pub(super) struct Pool {
    connector: Connector,
    idle_timeout: Duration,
    most_per_host: NonZeroUsize,
    destinations: Mutex<HashMap<Origin, Arc<Destination>>>,
    pub(super) watched: Watched,
}

impl Pool {
    pub(super) fn new(
        connector: Connector,
        idle_timeout: Duration,
        most_per_host: NonZeroUsize,
    ) -> Arc<Self> {
        Arc::new(Self {
            connector,
            idle_timeout,
            most_per_host,
            destinations: Mutex::default(),
            watched: Watched::default(),
        })
    }

    /// The destination of an origin. All who ask get the same one, for as long as anybody has it or a connection is open.
    pub(super) fn destination(&self, origin: Origin) -> Arc<Destination> {
        let mut destinations = self.destinations();
        if let Some(known) = destinations.get(&origin) {
            return Arc::clone(known);
        }
        // A plugin may name as many hosts as a wildcard allows.
        destinations.retain(|_, known| Arc::strong_count(known) > 1 || known.is_in_use());
        let new = Destination::new(origin.clone(), self.idle_timeout, self.most_per_host);
        let new = Arc::new(new);
        destinations.insert(origin, Arc::clone(&new));
        new
    }

    pub(super) async fn open(self: &Arc<Self>, origin: &Origin) -> Result<Connection, Error> {
        let connection = Connection::new(self.connector.connect(origin).await?).await?;
        self.watched.start(self);
        Ok(connection)
    }

    /// As [`Destination::look`], for all.
    pub(super) fn look(&self, cx: &mut Context<'_>, runtime: Id) -> Option<Instant> {
        // Looking closes connections, and closing writes: not while others wait for their destination.
        let destinations: Vec<_> = self.destinations().values().cloned().collect();
        let looked = destinations.iter().map(|each| each.look(cx, runtime));
        looked.flatten().min()
    }

    /// Whether there are connections, idle or in use.
    pub(super) fn is_in_use(&self) -> bool {
        self.destinations().values().any(|each| each.is_in_use())
    }

    fn destinations(&self) -> MutexGuard<'_, HashMap<Origin, Arc<Destination>>> {
        self.destinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many idle connections the server has not closed.
    #[cfg(test)]
    pub(super) fn open_idle(&self) -> usize {
        let destinations = self.destinations();
        destinations.values().map(|each| each.open_idle()).sum()
    }

    /// How many idle connections there are, without a look at them.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let destinations = self.destinations();
        destinations.values().map(|each| each.kept()).sum()
    }
}
