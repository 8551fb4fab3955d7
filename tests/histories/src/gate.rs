//! The gate: a fault proxy at which every request of every client waits until the history decides what happens to it.
//! There is no DynamoDB behind the proxy. The decision contains the response.
//!
//! A client is identified by its access key ID, which is part of the signature of each request.

use std::io;
use test_support::faults::{Action, Arrived, Decision, Director, FaultProxy};
use tokio::sync::{mpsc, oneshot};

/// The prefix of a client's access key ID. The client's number follows.
const CLIENT: &str = "CLIENT";
/// The endpoint behind the proxy. No request is forwarded, so nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:0";

/// Returns the access key ID of a client.
pub(super) fn access_key(client: usize) -> String {
    format!("{CLIENT}{client}")
}

/// A request that has arrived completely and waits for a decision.
pub(super) struct Waiting {
    /// The client that sent it.
    pub(super) client: usize,
    /// The request.
    pub(super) arrived: Arrived,
    decide: oneshot::Sender<Action>,
}

impl Waiting {
    /// Lets the request continue with this action.
    pub(super) fn meets(self, action: Action) {
        // Sending fails only if the client is gone, which then needs no response.
        let _ = self.decide.send(action);
    }
}

/// An open port. It is closed on drop.
pub(super) struct Gate(FaultProxy);

impl Gate {
    /// Opens a free port of 127.0.0.1. Sends each request that arrives to `events`, converted by `made`.
    pub(super) fn open<E: Send + 'static>(
        events: mpsc::UnboundedSender<E>,
        made: fn(Waiting) -> E,
    ) -> io::Result<Self> {
        FaultProxy::start(NOWHERE, Keeper { events, made }).map(Self)
    }

    /// Returns the endpoint, `http://127.0.0.1:PORT`.
    pub(super) fn endpoint(&self) -> &str {
        self.0.endpoint()
    }
}

struct Keeper<E> {
    events: mpsc::UnboundedSender<E>,
    made: fn(Waiting) -> E,
}

impl<E: Send + 'static> Director for Keeper<E> {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async {
            let (decide, decided) = oneshot::channel();
            if let Some(client) = client(arrived) {
                let arrived = arrived.clone();
                let waiting = Waiting {
                    client,
                    arrived,
                    decide,
                };
                // Sending fails only if the history ended early.
                let _ = self.events.send((self.made)(waiting));
            }
            decided.await.unwrap_or_else(|_| Action::drop_request())
        })
    }
}

fn client(arrived: &Arrived) -> Option<usize> {
    arrived.access_key()?.strip_prefix(CLIENT)?.parse().ok()
}
