//! Every request of every client stops here until somebody decides what becomes of it: the fault proxy
//! asks, and there is no DynamoDB behind it but what the answers come from.
//!
//! A client is known by its access key ID, which stands in the signature of each request.

use std::io;
use test_support::faults::{Action, Arrived, Decision, Director, FaultProxy};
use tokio::sync::{mpsc, oneshot};

/// The beginning of a client's access key ID; its number follows.
const CLIENT: &str = "CLIENT";
/// The endpoint behind the proxy: no request is passed on.
const NOWHERE: &str = "http://127.0.0.1:0";

/// The access key ID of a client.
pub(super) fn access_key(client: usize) -> String {
    format!("{CLIENT}{client}")
}

/// A request that has arrived whole and waits.
pub(super) struct Waiting {
    /// The client that sent it.
    pub(super) client: usize,
    /// The request.
    pub(super) arrived: Arrived,
    decide: oneshot::Sender<Action>,
}

impl Waiting {
    /// Lets it go on.
    pub(super) fn meets(self, action: Action) {
        // A client that has gone meanwhile needs no answer.
        let _ = self.decide.send(action);
    }
}

/// An open port. It closes on drop.
pub(super) struct Gate(FaultProxy);

impl Gate {
    /// Opens a free port of 127.0.0.1. Who arrives is told of as made by `arrived`.
    pub(super) fn open<E: Send + 'static>(
        events: mpsc::UnboundedSender<E>,
        made: fn(Waiting) -> E,
    ) -> io::Result<Self> {
        FaultProxy::start(NOWHERE, Keeper { events, made }).map(Self)
    }

    /// `http://127.0.0.1:PORT`
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
                // Nobody listens any more where the history has ended before its time.
                let _ = self.events.send((self.made)(waiting));
            }
            decided.await.unwrap_or_else(|_| Action::drop_request())
        })
    }
}

fn client(arrived: &Arrived) -> Option<usize> {
    arrived.access_key()?.strip_prefix(CLIENT)?.parse().ok()
}
