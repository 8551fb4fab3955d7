//! The calls of the contract, each on its own items: the items before a call, and their state after
//! it.

use crate::fixture::{Store, Table, delete_if_etag, delete_of, first_write, if_etag, set_of};
use dapr_wasm_host::CallError;
use dapr_wasm_host::types::{
    Consistency, DeleteRequest, Error, GetOptions, Item, Operation, SetRequest,
};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Get,
    GetStrong,
    BulkGet,
    Set,
    SetFirstWrite,
    SetWithEtag,
    BulkSet,
    BulkSetWithEtags,
    Delete,
    DeleteWithEtag,
    BulkDelete,
    Transact,
    Create,
}

/// All calls, in the order of the document.
pub const CALLS: [(Call, &str); 13] = [
    (Call::Get, "get"),
    (Call::GetStrong, "get, strong"),
    (Call::BulkGet, "bulk-get of 3"),
    (Call::Set, "set"),
    (Call::SetFirstWrite, "set, first-write"),
    (Call::SetWithEtag, "set with an ETag"),
    (Call::BulkSet, "bulk-set of 3"),
    (Call::BulkSetWithEtags, "bulk-set of 2, each with an ETag"),
    (Call::Delete, "delete"),
    (Call::DeleteWithEtag, "delete with an ETag"),
    (Call::BulkDelete, "bulk-delete of 3"),
    (
        Call::Transact,
        "transact: a set with an ETag, a first-write and a delete",
    ),
    (Call::Create, "create"),
];

/// The result of a call for one key, as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The requested item.
    Item {
        value: Vec<u8>,
        etag: Option<String>,
    },
    Absent,
    /// A successful write, with its ETag if there is one.
    Written(Option<String>),
    Error(String),
}

impl Call {
    pub fn reads(self) -> bool {
        matches!(self, Self::Get | Self::GetStrong | Self::BulkGet)
    }

    /// Returns true if a second request of the same call could take effect a second time.
    pub fn is_sent_once(self) -> bool {
        matches!(
            self,
            Self::Set
                | Self::SetFirstWrite
                | Self::BulkSet
                | Self::Delete
                | Self::BulkDelete
                | Self::Create
        )
    }

    /// Returns the keys of a call, which begin with `prefix`.
    pub fn keys(self, prefix: &str) -> Vec<String> {
        let count = match self {
            Self::BulkGet | Self::BulkSet | Self::BulkDelete | Self::Transact => 3,
            Self::BulkSetWithEtags => 2,
            _ => 1,
        };
        (1..=count).map(|n| format!("{prefix}-{n}")).collect()
    }

    /// Makes the call and returns its results by key.
    pub async fn make(self, store: &mut Store, keys: &[String]) -> Vec<Told> {
        let key = keys[0].as_str();
        let new = NEW.as_bytes();
        let set = |key: &String, options| set_of(key, new, options);
        match self {
            Self::Get | Self::GetStrong => {
                let strong = (self == Self::GetStrong).then_some(Consistency::Strong);
                let options = strong.map(|strong| GetOptions {
                    consistency: Some(strong),
                });
                vec![of_read(&store.state().get(key, options).await)]
            }
            Self::BulkGet => each(store.state().bulk_get(keys, None).await, keys, |found| {
                found.map(|item| of_item(item.as_ref()))
            }),
            Self::Set => vec![of_write(store.state().set(key, new, None).await.map(Some))],
            Self::SetFirstWrite => {
                let written = store.state().set(key, new, first_write()).await;
                vec![of_write(written.map(Some))]
            }
            Self::SetWithEtag => {
                let written = store.state().set(key, new, if_etag(OLD.1)).await;
                vec![of_write(written.map(Some))]
            }
            Self::BulkSet | Self::BulkSetWithEtags => {
                let etag = (self == Self::BulkSetWithEtags).then_some(OLD.1);
                let sets: Vec<SetRequest> = keys
                    .iter()
                    .map(|key| set(key, etag.and_then(if_etag)))
                    .collect();
                each(store.state().bulk_set(&sets).await, keys, |written| {
                    written.map(|etag| Told::Written(Some(etag)))
                })
            }
            Self::Delete => vec![of_write(
                store.state().delete(key, None).await.map(|()| None),
            )],
            Self::DeleteWithEtag => {
                let deleted = store.state().delete(key, delete_if_etag(OLD.1)).await;
                vec![of_write(deleted.map(|()| None))]
            }
            Self::BulkDelete => {
                let deletes: Vec<DeleteRequest> =
                    keys.iter().map(|key| delete_of(key, None)).collect();
                each(store.state().bulk_delete(&deletes).await, keys, |deleted| {
                    deleted.map(|()| Told::Written(None))
                })
            }
            Self::Transact => {
                let operations = [
                    Operation::Set(set(&keys[0], if_etag(OLD.1))),
                    Operation::Set(set(&keys[1], first_write())),
                    Operation::Delete(delete_of(&keys[2], None)),
                ];
                match store.state().transact(&operations).await {
                    Ok(etags) => etags.into_iter().map(Told::Written).collect(),
                    Err(error) => vec![Told::Error(case(&error)); keys.len()],
                }
            }
            Self::Create => {
                let data = created(key).to_string();
                let mut binding = store.binding();
                let answer = binding.invoke("create", data.as_bytes(), None).await;
                vec![of_write(answer.map(|_| None))]
            }
        }
    }
}

pub fn of_read(found: &Result<Option<Item>, CallError>) -> Told {
    match found {
        Ok(item) => of_item(item.as_ref()),
        Err(error) => Told::Error(case(error)),
    }
}

fn of_item(item: Option<&Item>) -> Told {
    match item {
        Some(item) => Told::Item {
            value: item.value.clone(),
            etag: item.etag.clone(),
        },
        None => Told::Absent,
    }
}

fn of_write(written: Result<Option<String>, CallError>) -> Told {
    match written {
        Ok(etag) => Told::Written(etag),
        Err(error) => Told::Error(case(&error)),
    }
}

/// Returns the results of a bulk call by key.
fn each<T>(
    answers: Result<Vec<Result<T, Error>>, CallError>,
    keys: &[String],
    told: impl Fn(Result<T, Error>) -> Result<Told, Error>,
) -> Vec<Told> {
    match answers {
        Ok(answers) => answers
            .into_iter()
            .map(|answer| told(answer).unwrap_or_else(|error| Told::Error(error.case().to_owned())))
            .collect(),
        Err(error) => vec![Told::Error(case(&error)); keys.len()],
    }
}

/// Returns the case of the contract. Panics for any other failure, such as a trap.
fn case(error: &CallError) -> String {
    match error {
        CallError::Component(error) => error.case().to_owned(),
        other => panic!("the component itself failed: {other}"),
    }
}

/// The value and the ETag of an item before a call.
pub const OLD: (&str, &str) = ("old", "old-etag");
pub const NEW: &str = "new";

/// The state of one key after a call, compared with its state before.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    Unchanged,
    /// The state that the call should produce, with its ETag if there is one.
    Changed(Option<String>),
    /// Any other state.
    Other(Value),
}

impl Call {
    fn starts_absent(self, position: usize) -> bool {
        match self {
            Self::SetFirstWrite | Self::Create => true,
            Self::Transact => position == 1,
            _ => false,
        }
    }

    fn deletes(self, position: usize) -> bool {
        match self {
            Self::Delete | Self::DeleteWithEtag | Self::BulkDelete => true,
            Self::Transact => position == 2,
            _ => false,
        }
    }

    /// Stores the items that the call needs.
    pub async fn prepare(self, table: &Table, keys: &[String]) {
        for (position, key) in keys.iter().enumerate() {
            if !self.starts_absent(position) {
                table.put(old(key)).await;
            }
        }
    }

    /// Returns the state of the items after the call.
    pub async fn stored(self, table: &Table, keys: &[String]) -> Vec<Stored> {
        let mut stored = Vec::new();
        for (position, key) in keys.iter().enumerate() {
            let now = table.raw(key).await;
            let before = (!self.starts_absent(position)).then(|| old(key));
            stored.push(match now {
                now if now == before => Stored::Unchanged,
                None if self.deletes(position) => Stored::Changed(None),
                Some(item) if self == Self::Create && item["amount"]["N"] == "12.5" => {
                    Stored::Changed(None)
                }
                Some(item) if item["value"]["S"] == NEW && !self.deletes(position) => {
                    Stored::Changed(item["etag"]["S"].as_str().map(str::to_owned))
                }
                other => Stored::Other(other.unwrap_or_default()),
            });
        }
        stored
    }
}

/// Returns the item that exists before the call.
fn old(key: &str) -> Value {
    json!({ "key": { "S": key }, "value": { "S": OLD.0 }, "etag": { "S": OLD.1 } })
}

pub fn created(key: &str) -> Value {
    json!({ "key": key, "amount": 12.5 })
}
