//! A client is an instance of the component of its own, which makes the calls that it is given, one
//! after the other.

use dapr_wasm_host::{
    Instance, State,
    types::{
        Concurrency, Consistency, DeleteOptions, DeleteRequest, GetOptions, Operation, SetOptions,
        SetRequest,
    },
};

use super::{
    answers::{Answer, Told},
    history::Call,
    model::{Change, Condition},
    versions::Versions,
};

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
    /// With the ETags that the clients were told.
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
pub(super) async fn perform(instance: &mut Instance, asked: Asked) -> Answer {
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

/// The results of a bulk call. An error of the call as a whole stands for none of them in particular.
fn each<T>(results: Told<Vec<Result<T, dapr_wasm_host::types::Error>>>) -> Vec<Told<T>> {
    match results {
        Ok(results) => results
            .into_iter()
            .map(|result| result.map_err(Into::into))
            .collect(),
        Err(error) => vec![Err(error)],
    }
}
