//! The clients of a history, and the one place at which it is heard of them: each move of a client is
//! either a request that has arrived at the gate, or the answer to its call.

use std::time::Duration;

use dapr_wasm_host::{Egress, HostError, InstanceOptions, Plugin};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::{
    answers::Answer,
    client::{Asked, perform},
    gate::{Gate, Waiting, access_key},
    play::Stopped,
    store::TABLE,
};

/// For one attempt, and for connecting: no client may give up on a request that waits for its turn. Four
/// attempts take ten minutes, which is all that the component allows.
const REQUEST_TIMEOUT: &str = "150s";

/// A move of a client.
pub(super) enum Moved {
    /// It has sent a request.
    Sent(Waiting),
    /// Its call is answered.
    Answered(usize, Answer),
}

/// Instances of the component behind one gate.
pub(super) struct Clients {
    plugin: Plugin,
    egress: Egress,
    gate: Gate,
    moves: mpsc::UnboundedReceiver<Moved>,
    tell: mpsc::UnboundedSender<Moved>,
    calls: Vec<mpsc::UnboundedSender<Asked>>,
    tasks: JoinSet<()>,
    /// The component's `unconfirmedWrites`.
    unconfirmed_writes: &'static str,
}

impl Clients {
    /// None yet. They will `repeat` writes of unknown outcome, or not.
    pub(super) fn new(plugin: &Plugin, repeat: bool) -> Result<Self, Stopped> {
        let (tell, moves) = mpsc::unbounded_channel();
        let gate = Gate::open(tell.clone(), Moved::Sent)?;
        let egress = Egress::builder().allow_url(gate.endpoint()).build()?;
        Ok(Self {
            plugin: plugin.clone(),
            egress,
            gate,
            moves,
            tell,
            calls: Vec::new(),
            tasks: JoinSet::new(),
            unconfirmed_writes: if repeat { "repeat" } else { "report" },
        })
    }

    /// Starts new instances in the place of those that were. They send nothing before their first call.
    pub(super) async fn start(&mut self, count: usize, attempts: u32) -> Result<(), HostError> {
        self.calls.clear();
        self.tasks.shutdown().await;
        for client in 0..count {
            let mut instance = self
                .plugin
                .instantiate(&self.options(client, attempts))
                .await?;
            let (call, mut calls) = mpsc::unbounded_channel();
            let tell = self.tell.clone();
            self.calls.push(call);
            self.tasks.spawn(async move {
                while let Some(asked) = calls.recv().await {
                    let answer = perform(&mut instance, asked).await;
                    // Nobody listens any more where the history has ended before its time.
                    let _ = tell.send(Moved::Answered(client, answer));
                }
            });
        }
        Ok(())
    }

    /// From the environment alone, so that no `init` has to send anything.
    fn options(&self, client: usize, attempts: u32) -> InstanceOptions {
        let attempts = attempts.to_string();
        let environment = [
            ("DYNAMODB_TABLE", TABLE),
            ("AWS_ENDPOINT_URL", self.gate.endpoint()),
            ("AWS_ACCESS_KEY_ID", &access_key(client)),
            ("AWS_SECRET_ACCESS_KEY", "histories"),
            ("AWS_MAX_ATTEMPTS", &attempts),
            ("DYNAMODB_CONNECT_TIMEOUT", REQUEST_TIMEOUT),
            ("DYNAMODB_REQUEST_TIMEOUT", REQUEST_TIMEOUT),
            ("DYNAMODB_UNCONFIRMED_WRITES", self.unconfirmed_writes),
        ];
        let options = InstanceOptions::new().egress(self.egress.clone());
        environment
            .into_iter()
            .fold(options, |options, (name, value)| options.env(name, value))
    }

    /// Has a client make a call.
    pub(super) fn call(&self, client: usize, asked: Asked) {
        if let Some(calls) = self.calls.get(client) {
            // A client that has panicked does not move, which is noticed.
            let _ = calls.send(asked);
        }
    }

    /// The next move of any of them; `None` where there is none for so long.
    pub(super) async fn moved(&mut self, within: Duration) -> Option<Moved> {
        timeout(within, self.moves.recv()).await.ok().flatten()
    }
}
