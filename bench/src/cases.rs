//! The cases of the benchmark. A case is the same work for every contender: each gets these plain values and converts
//! them to what its interface takes.

use clap::ValueEnum;
use serde::Serialize;

/// The size of the value of every item, in bytes.
pub(super) const VALUE_BYTES: usize = 1024;
/// The number of keys of one bulk call.
const BULK_KEYS: usize = 100;
/// The number of operations of one transaction.
const TRANSACTION_OPERATIONS: usize = 10;
/// The number of keys that `set` and `create` write in turn.
const KEYS_IN_TURN: usize = 100;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Case {
    /// Read an item of 1 KiB
    Get,
    /// Read a key that has no item
    GetMissing,
    /// Write an item of 1 KiB
    Set,
    /// Write an item of 1 KiB if its ETag matches
    SetEtag,
    /// Delete an item of 1 KiB
    Delete,
    /// Read 100 items of 1 KiB
    BulkGet,
    /// Write 100 items of 1 KiB
    BulkSet,
    /// Write 10 items of 1 KiB in one transaction
    Transact,
    /// Write an item of 1 KiB through the binding
    Create,
}

impl Case {
    /// Returns the name used on the command line, in JSON and in requests to the Dapr worker.
    pub(super) fn name(self) -> &'static str {
        self.facts().0
    }

    /// Returns the name shown in tables and pictures.
    pub(super) fn title(self) -> &'static str {
        self.facts().1
    }

    /// Returns roughly how many times longer the case takes than a get. The number of its calls is divided by this.
    pub(super) fn weight(self) -> usize {
        self.facts().2
    }

    fn facts(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::Get => ("get", "get 1 KiB", 1),
            Self::GetMissing => ("get-missing", "get missing", 1),
            Self::Set => ("set", "set 1 KiB", 1),
            Self::SetEtag => ("set-etag", "set with ETag", 1),
            Self::Delete => ("delete", "delete", 2),
            Self::BulkGet => ("bulk-get", "bulk-get 100", 6),
            Self::BulkSet => ("bulk-set", "bulk-set 100", 12),
            Self::Transact => ("transact", "transact 10", 4),
            Self::Create => ("create", "create", 1),
        }
    }
}

/// One call, as plain values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'a> {
    /// Read one item. `exists` says whether it is in the table.
    Get { key: &'a str, exists: bool },
    /// Write one item. With an `etag`, write only if the stored ETag is equal to it.
    Set {
        key: &'a str,
        value: &'a str,
        etag: Option<&'a str>,
    },
    /// Delete one item.
    Delete { key: &'a str },
    /// Read many items. All of them exist.
    BulkGet { keys: &'a [String] },
    /// Write many items.
    BulkSet { keys: &'a [String], value: &'a str },
    /// Write several items in one transaction.
    Transact { keys: &'a [String], value: &'a str },
    /// Write one item, a JSON object, through the binding.
    Create { item: &'a str },
}

/// The keys and values of all cases, made once so that making them is not timed.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) value: String,
    set: Vec<String>,
    pub(super) bulk: Vec<String>,
    transact: Vec<String>,
    create: Vec<String>,
}

/// The key of the item that `get` reads.
pub(super) const GET_KEY: &str = "get-0";
const MISSING_KEY: &str = "missing-0";

impl Values {
    /// Makes the values of letters and digits, so that no JSON writer has to escape anything.
    pub(super) fn new() -> Self {
        let value: String = ('a'..='z')
            .chain('0'..='9')
            .cycle()
            .take(VALUE_BYTES)
            .collect();
        let keys = |name: &str, count: usize| -> Vec<String> {
            (0..count).map(|index| format!("{name}-{index}")).collect()
        };
        let create = keys("create", KEYS_IN_TURN)
            .iter()
            .map(|key| serde_json::json!({ "key": key, "field": value }).to_string())
            .collect();
        Self {
            set: keys("set", KEYS_IN_TURN),
            bulk: keys("bulk", BULK_KEYS),
            transact: keys("transact", TRANSACTION_OPERATIONS),
            create,
            value,
        }
    }

    /// Returns call number `turn` of a case. `own` is a key that only this caller writes, and its current ETag.
    pub(super) fn task<'a>(&'a self, case: Case, turn: usize, own: (&'a str, &'a str)) -> Task<'a> {
        let in_turn = |values: &'a [String]| values[turn % values.len()].as_str();
        let value = self.value.as_str();
        match case {
            Case::Get => Task::Get {
                key: GET_KEY,
                exists: true,
            },
            Case::GetMissing => Task::Get {
                key: MISSING_KEY,
                exists: false,
            },
            Case::Set => Task::Set {
                key: in_turn(&self.set),
                value,
                etag: None,
            },
            Case::SetEtag => Task::Set {
                key: own.0,
                value,
                etag: Some(own.1),
            },
            Case::Delete => Task::Delete { key: own.0 },
            Case::BulkGet => Task::BulkGet { keys: &self.bulk },
            Case::BulkSet => Task::BulkSet {
                keys: &self.bulk,
                value,
            },
            Case::Transact => Task::Transact {
                keys: &self.transact,
                value,
            },
            Case::Create => Task::Create {
                item: in_turn(&self.create),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_names_are_the_same_on_command_line_and_in_json() {
        for case in Case::value_variants() {
            let value = case.to_possible_value().unwrap();
            assert_eq!(value.get_name(), case.name());
            assert_eq!(serde_json::to_value(case).unwrap(), case.name());
        }
    }

    #[test]
    fn value_has_1_kib_and_needs_no_escapes() {
        let values = Values::new();
        assert_eq!(values.value.len(), 1024);
        assert_eq!(serde_json::to_string(&values.value).unwrap().len(), 1026);
    }
}
