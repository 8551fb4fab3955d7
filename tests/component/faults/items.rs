//! The items of a call: what is stored before it, and what became of that.

use serde_json::{Value, json};

use super::calls::Call;
use crate::fixture::Table;

/// What is stored before a call, where there is an item.
pub const OLD: (&str, &str) = ("old", "old-etag");
pub const NEW: &str = "new";

/// What the table holds under one key, beside what it held before.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    Unchanged,
    /// As the call was to leave it; with its ETag where there is one.
    Changed(Option<String>),
    /// Neither.
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

    /// Puts the items there that the call is about.
    pub async fn prepare(self, table: &Table, keys: &[String]) {
        for (position, key) in keys.iter().enumerate() {
            if !self.starts_absent(position) {
                table.put(old(key)).await;
            }
        }
    }

    /// What became of the items.
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

/// The item that is there before.
fn old(key: &str) -> Value {
    json!({ "key": { "S": key }, "value": { "S": OLD.0 }, "etag": { "S": OLD.1 } })
}

pub fn created(key: &str) -> Value {
    json!({ "key": key, "amount": 12.5 })
}
