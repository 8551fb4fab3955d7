//! A proxy that injects faults of networks and of DynamoDB. It runs in front of a DynamoDB
//! endpoint, and a [`Director`] decides for each request how it is handled.
//!
//! A request passes the modules in this order:
//!
//! - `server` accepts its connection and reads it.
//! - The `director` decides on an `action`.
//! - `exchange` counts the request and passes it on to the upstream. `batches` may reduce a batch
//!   to a part.
//! - The response of the upstream, or a `reply` of the proxy, is delivered as the action says.

mod action;
mod batches;
mod director;
mod exchange;
mod reply;
pub mod scenario;
mod server;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

pub use self::action::{Action, Answer, Delivery, Forward};
pub use self::director::{Arrived, Decision, Director, Opening, Orders, PassOn};
pub use self::exchange::Count;
use self::exchange::{Traffic, Upstream};
pub use self::reply::{AwsError, ERRORS, KnownError, Reply};
use self::server::Listener;
use host_test::server_thread::ServerThread;

/// A running proxy. Stops on drop.
pub struct FaultProxy {
    endpoint: String,
    shared: Arc<Shared>,
    _server: ServerThread,
}

/// The state that all connections share.
struct Shared {
    director: Arc<dyn Director>,
    upstream: Upstream,
    traffic: Traffic,
    /// Changes when all open connections must be cut.
    severing: watch::Sender<()>,
    connections: watch::Sender<Connections>,
    /// The number of requests that have arrived only in part.
    partial: watch::Sender<usize>,
    listener: Listener,
}

impl FaultProxy {
    /// Starts a proxy on a free port of 127.0.0.1 in front of `upstream`, which is an endpoint such
    /// as `http://127.0.0.1:8000` (plain HTTP only).
    pub fn start(upstream: &str, director: impl Director) -> io::Result<Self> {
        Self::start_on_port(upstream, 0, director)
    }

    /// Does the same as [`start`](Self::start), on this port. Port 0 stands for a free one.
    pub fn start_on_port(upstream: &str, port: u16, director: impl Director) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            director: Arc::new(director),
            upstream: Upstream::new(upstream),
            traffic: Traffic::default(),
            severing: watch::Sender::default(),
            connections: watch::Sender::default(),
            partial: watch::Sender::default(),
            listener: Listener::reserve(port)?,
        });
        let (listening, serving) = (shared.clone(), shared.clone());
        let server = ServerThread::start_on(
            "fault-proxy",
            move || listening.listener.listen(),
            move |listener, stopped| server::accept(listener, serving, stopped),
        )?;
        Ok(Self {
            endpoint: server.endpoint(),
            shared,
            _server: server,
        })
    }

    /// Starts a server without an upstream that does this action to every request.
    pub fn stub(action: Action) -> io::Result<Self> {
        Self::start("", move |_: &Arrived| action.clone())
    }

    /// Returns `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the numbers of requests of this operation, such as `PutItem`.
    pub fn count(&self, operation: &str) -> Count {
        self.shared.traffic.count(operation)
    }

    /// Returns the numbers of requests of every operation that occurred.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.shared.traffic.counts()
    }

    /// Returns the numbers of all requests.
    pub fn count_all(&self) -> Count {
        self.shared.traffic.count_all()
    }

    /// Resets the counts, so the numbers that a director gets start at 1 again.
    pub fn reset_counts(&self) {
        self.shared.traffic.reset();
    }

    /// Cuts all open connections with a reset. Requests that are on their way to the upstream still
    /// arrive there.
    pub fn sever_connections(&self) {
        self.shared.sever();
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.borrow().accepted
    }

    /// Returns the maximum number of connections that were open at one time.
    pub fn most_connections(&self) -> usize {
        self.shared.connections.borrow().most
    }

    /// Waits until no connection is open.
    pub async fn closed_connections(&self) {
        self.at_most_open(0).await;
    }

    /// Waits until at most this many connections are open.
    pub async fn at_most_open(&self, connections: usize) {
        let mut known = self.shared.connections.subscribe();
        // An error would mean that the sender is dropped, but `self` owns it.
        let _ = known.wait_for(|now| now.open <= connections).await;
    }

    /// Waits until this many requests have arrived in part but not completely.
    pub async fn partial_requests(&self, requests: usize) {
        let mut known = self.shared.partial.subscribe();
        let _ = known.wait_for(|&now| now == requests).await;
    }

    /// Refuses new connections from the moment of the return. The port stays reserved, and open
    /// connections stay open.
    pub async fn refuse_connections(&self) {
        self.shared.listener.set_open(false).await;
    }

    /// Accepts connections again, after [`refuse_connections`](Self::refuse_connections).
    pub async fn accept_connections(&self) {
        self.shared.listener.set_open(true).await;
    }
}

#[derive(Default)]
struct Connections {
    accepted: usize,
    open: usize,
    most: usize,
}

/// A counter for an open connection.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.send_modify(|known| {
            known.accepted += 1;
            known.open += 1;
            known.most = known.most.max(known.open);
        });
        Self(shared.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.send_modify(|known| known.open -= 1);
    }
}

/// A counter for a request that has arrived in part, until it is complete or lost.
struct Partial(Arc<Shared>);

impl Partial {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.partial.send_modify(|partial| *partial += 1);
        Self(shared.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.0.partial.send_modify(|partial| *partial -= 1);
    }
}

impl Shared {
    fn sever(&self) {
        self.severing.send_replace(());
    }
}

#[cfg(test)]
mod tests;
