//! The clients of a history. Each client is its own instance of the component and makes its calls one after the other.
//!
//! All moves of clients are reported here. A move is a request that arrived at the gate, or the result of a call.

use super::answers::{Answer, Told, Versions};
use super::gate::{Gate, Waiting, access_key};
use super::history::Call;
use super::model::{Change, Condition};
use super::run::Stopped;
use super::store::TABLE;
use dapr_wasm_host::types::{
    Concurrency, Consistency, DeleteOptions, DeleteRequest, Error, GetOptions, Operation,
    SetOptions, SetRequest,
};
use dapr_wasm_host::{Egress, HostError, Instance, InstanceOptions, Plugin, State};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The timeout of one attempt, and of connecting. It is so long because no client may give up on a request that waits for
/// its turn. Four attempts take ten minutes, which is the maximum that the component allows.
const REQUEST_TIMEOUT: &str = "150s";

/// A move of a client.
pub(super) enum Moved {
    /// It sent a request.
    Sent(Waiting),
    /// Its call returned.
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
    /// Opens the gate. It starts no client yet. With `repeat`, clients will repeat writes of unknown outcome.
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

    /// Replaces the instances with new ones. They send nothing before their first call.
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
                    // Sending fails only if the history ended early.
                    let _ = tell.send(Moved::Answered(client, answer));
                }
            });
        }
        Ok(())
    }

    /// Returns the options of a client. It is configured only through the environment, so that no `init` sends a request.
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

    /// Makes a client start a call.
    pub(super) fn call(&self, client: usize, asked: Asked) {
        if let Some(calls) = self.calls.get(client) {
            // If the client has panicked, it does not move, and the history stops with an error.
            let _ = calls.send(asked);
        }
    }

    /// Waits for the next move of any client. Returns `None` if there is none within this time.
    pub(super) async fn moved(&mut self, within: Duration) -> Option<Moved> {
        timeout(within, self.moves.recv()).await.ok().flatten()
    }
}

/// A call as the component takes it.
pub(super) enum Asked {
    Get(String),
    Set(SetRequest),
    Delete(DeleteRequest),
    BulkGet(Vec<String>),
    BulkSet(Vec<SetRequest>),
    BulkDelete(Vec<DeleteRequest>),
    Transact(Vec<Operation>),
}

impl Asked {
    /// Converts a call of the history, with the ETags that the clients have seen.
    pub(super) fn new(call: &Call, versions: &Versions) -> Self {
        let operation = |change: &Change| operation(change, versions);
        match call {
            Call::Get(key) => Self::Get(key.name()),
            Call::Change(change) => match operation(change) {
                Operation::Set(set) => Self::Set(set),
                Operation::Delete(delete) => Self::Delete(delete),
            },
            Call::BulkGet(keys) => Self::BulkGet(keys.iter().map(|key| key.name()).collect()),
            Call::BulkChange(changes) => {
                let (mut sets, mut deletes) = (Vec::new(), Vec::new());
                for change in changes {
                    match operation(change) {
                        Operation::Set(set) => sets.push(set),
                        Operation::Delete(delete) => deletes.push(delete),
                    }
                }
                match deletes.is_empty() {
                    true => Self::BulkSet(sets),
                    false => Self::BulkDelete(deletes),
                }
            }
            Call::Transact(changes) => Self::Transact(changes.iter().map(operation).collect()),
        }
    }
}

fn operation(change: &Change, versions: &Versions) -> Operation {
    let key = change.key.name();
    let (etag, concurrency) = match change.condition {
        Condition::Always => (None, None),
        Condition::Absent => (None, Some(Concurrency::FirstWrite)),
        Condition::Version(value) => (versions.etag(value).map(str::to_owned), None),
    };
    match change.to {
        Some(value) => Operation::Set(SetRequest {
            key,
            value: value.bytes(),
            options: Some(SetOptions {
                etag,
                concurrency,
                ..SetOptions::default()
            }),
        }),
        None => Operation::Delete(DeleteRequest {
            key,
            options: Some(DeleteOptions { etag, concurrency }),
        }),
    }
}

/// Makes one call.
async fn perform(instance: &mut Instance, asked: Asked) -> Answer {
    match instance.state() {
        Ok(mut state) => ask(&mut state, asked).await,
        Err(error) => Answer::Written(vec![Err(error)]),
    }
}

async fn ask(state: &mut State<'_>, asked: Asked) -> Answer {
    let strong = Some(GetOptions {
        consistency: Some(Consistency::Strong),
    });
    match asked {
        Asked::Get(key) => Answer::Read(vec![state.get(&key, strong).await]),
        Asked::BulkGet(keys) => Answer::Read(each(state.bulk_get(&keys, strong).await)),
        Asked::Set(set) => {
            let etag = state.set(&set.key, &set.value, set.options).await;
            Answer::Written(vec![etag.map(Some)])
        }
        Asked::Delete(delete) => {
            let deleted = state.delete(&delete.key, delete.options).await;
            Answer::Written(vec![deleted.map(|()| None)])
        }
        Asked::BulkSet(sets) => {
            let etags = each(state.bulk_set(&sets).await).into_iter();
            Answer::Written(etags.map(|etag| etag.map(Some)).collect())
        }
        Asked::BulkDelete(deletes) => {
            let deleted = each(state.bulk_delete(&deletes).await).into_iter();
            Answer::Written(deleted.map(|deleted| deleted.map(|()| None)).collect())
        }
        Asked::Transact(operations) => match state.transact(&operations).await {
            Ok(etags) => Answer::Written(etags.into_iter().map(Ok).collect()),
            Err(error) => Answer::Written(vec![Err(error)]),
        },
    }
}

/// Returns the results of a bulk call. If the call as a whole failed, returns only that error.
fn each<T>(results: Told<Vec<Result<T, Error>>>) -> Vec<Told<T>> {
    match results {
        Ok(results) => results
            .into_iter()
            .map(|result| result.map_err(Into::into))
            .collect(),
        Err(error) => vec![Err(error)],
    }
}
