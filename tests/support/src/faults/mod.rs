//! What a network and DynamoDB do to a request on a bad day is done here on purpose: a proxy stands
//! before a DynamoDB endpoint, and a [`Director`] decides for each request what becomes of it.
//!
//! A request passes the files in this order: `listener` takes its connection, `connection` reads it,
//! `traffic` counts it, the `director` decides on an `action`, `upstream` carries it on (a
//! batch perhaps only in part: `unprocessed`, or by the rule of one `partition`), and the `delivery` of the answer, or of one of the
//! proxy's own (`reply`, `aws_error` with `known_errors`), is the client's to cope with.

mod action;
mod aws_error;
mod connection;
mod delivery;
mod director;
mod exchange;
mod known_errors;
mod listener;
mod partition;
mod reply;
pub mod scenario;
mod traffic;
mod unprocessed;
mod upstream;

use std::{collections::BTreeMap, io, sync::Arc};

use tokio::sync::watch;

pub use self::action::{Action, Answer, Forward};
pub use self::aws_error::AwsError;
pub use self::delivery::Delivery;
pub use self::director::{Arrived, Decision, Director, PassOn};
pub use self::known_errors::{ERRORS, KnownError};
pub use self::reply::Reply;
pub use self::traffic::Count;
use self::{listener::Listener, traffic::Traffic, upstream::Upstream};
use host_test::server_thread::ServerThread;

/// A running proxy. Stops on drop.
pub struct FaultProxy {
    endpoint: String,
    shared: Arc<Shared>,
    _server: ServerThread,
}

/// What every connection shares.
struct Shared {
    director: Arc<dyn Director>,
    upstream: Upstream,
    traffic: Traffic,
    /// Changes when all open connections are to be cut.
    severing: watch::Sender<()>,
    /// How many connections are open.
    open: watch::Sender<usize>,
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
            open: watch::Sender::default(),
            listener: Listener::reserve(port)?,
        });
        let (listening, serving) = (shared.clone(), shared.clone());
        let server = ServerThread::start_on(
            "fault-proxy",
            move || listening.listener.listen(),
            move |listener, stopped| listener::accept(listener, serving, stopped),
        )?;
        Ok(Self {
            endpoint: server.endpoint(),
            shared,
            _server: server,
        })
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

    /// Resolves when no connection is open.
    pub async fn closed_connections(&self) {
        // An error means that the sender is gone, which is `self`.
        let _ = self
            .shared
            .open
            .subscribe()
            .wait_for(|&open| open == 0)
            .await;
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

/// An open connection, counted.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Self(shared.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

impl Shared {
    fn sever(&self) {
        self.severing.send_replace(());
    }
}

#[cfg(test)]
mod tests;
