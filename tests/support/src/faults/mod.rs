//! A network and DynamoDB on a bad day: a proxy stands
//! before a DynamoDB endpoint, and a [`Director`] decides for each request what becomes of it.
//!
//! A request passes the files in this order: `server` takes its connection and reads it, the `director` decides on an
//! `action`, `exchange` counts it and carries it on to the upstream (a batch perhaps only in part: `batches`), and the delivery
//! of the answer, or of a `reply` of the proxy's own, is the client's to cope with.

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

/// The part that every connection shares.
struct Shared {
    director: Arc<dyn Director>,
    upstream: Upstream,
    traffic: Traffic,
    /// Changes when all open connections are to be cut.
    severing: watch::Sender<()>,
    connections: watch::Sender<Connections>,
    /// Requests of which a part has arrived, and not the whole.
    partial: watch::Sender<usize>,
    listener: Listener,
}

impl FaultProxy {
    /// Starts a proxy on a free port of 127.0.0.1 before `upstream`, which is an endpoint such as
    /// `http://127.0.0.1:8000` (plain HTTP only).
    pub fn start(upstream: &str, director: impl Director) -> io::Result<Self> {
        Self::start_on_port(upstream, 0, director)
    }

    /// As [`start`](Self::start), on this port; 0 is a free one.
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

    /// Starts a server with nothing behind it, which does this to every request.
    pub fn stub(action: Action) -> io::Result<Self> {
        Self::start("", move |_: &Arrived| action.clone())
    }

    /// `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How many requests of this operation (`PutItem`) arrived whole, and how many were passed on.
    pub fn count(&self, operation: &str) -> Count {
        self.shared.traffic.count(operation)
    }

    /// The same of every operation that was asked for.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.shared.traffic.counts()
    }

    /// How many requests arrived, and how many were passed on.
    pub fn count_all(&self) -> Count {
        self.shared.traffic.count_all()
    }

    /// Forgets what was counted, so that what a director hears is counted from 1 again.
    pub fn reset_counts(&self) {
        self.shared.traffic.reset();
    }

    /// Cuts all open connections with a reset. Requests that are on their way to the upstream still
    /// arrive there.
    pub fn sever_connections(&self) {
        self.shared.sever();
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.borrow().accepted
    }

    /// How many connections were open at one time.
    pub fn most_connections(&self) -> usize {
        self.shared.connections.borrow().most
    }

    /// Resolves when no connection is open.
    pub async fn closed_connections(&self) {
        self.at_most_open(0).await;
    }

    /// Resolves when no more connections are open than these.
    pub async fn at_most_open(&self, connections: usize) {
        let mut known = self.shared.connections.subscribe();
        // An error means that the sender is gone, which is `self`.
        let _ = known.wait_for(|now| now.open <= connections).await;
    }

    /// Resolves when a part of the body has arrived of so many requests that are not whole yet.
    pub async fn partial_requests(&self, requests: usize) {
        let mut known = self.shared.partial.subscribe();
        let _ = known.wait_for(|&now| now == requests).await;
    }

    /// Takes no new connections: from the return on they are refused. The port stays reserved, and
    /// open connections stay open.
    pub async fn refuse_connections(&self) {
        self.shared.listener.set_open(false).await;
    }

    /// Takes connections again, after [`refuse_connections`](Self::refuse_connections).
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

/// An open connection, counted.
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

/// A request of which a part has arrived, counted until it is whole or lost.
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
