//! A case is the same work for everyone: each contender gets these plain values and makes of them what its interface takes.

use clap::ValueEnum;
use serde::Serialize;

/// Bytes of the value of every item.
pub(super) const VALUE_BYTES: usize = 1024;
/// Keys of one bulk call.
const BULK_KEYS: usize = 100;
/// Operations of one transaction.
const TRANSACTION_OPERATIONS: usize = 10;
/// Keys that are written in turn.
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
    /// Write an item of 1 KiB where its ETag is the one given
    SetEtag,
    /// Delete an item of 1 KiB
    Delete,
    /// Read 100 items of 1 KiB
    BulkGet,
    /// Write 100 items of 1 KiB
    BulkSet,
    /// Write 10 items of 1 KiB, all or none
    Transact,
    /// Write an item of 1 KiB through the binding
    Create,
}

impl Case {
    /// Returns the name on the command line, in JSON and to the Dapr worker.
    pub(super) fn name(self) -> &'static str {
        self.facts().0
    }

    /// Returns the name for people.
    pub(super) fn title(self) -> &'static str {
        self.facts().1
    }

    /// Returns how much longer it takes than a get, roughly: the long ones are called as many times less often.
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

/// One call, in plain values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'a> {
    /// Read one item, which is there or not.
    Get { key: &'a str, exists: bool },
    /// Write one item, where `etag` is given only if it is still the stored one.
    Set {
        key: &'a str,
        value: &'a str,
        etag: Option<&'a str>,
    },
    /// Delete one item.
    Delete { key: &'a str },
    /// Read many items, all of which are there.
    BulkGet { keys: &'a [String] },
    /// Write many items.
    BulkSet { keys: &'a [String], value: &'a str },
    /// Write several items, all or none.
    Transact { keys: &'a [String], value: &'a str },
    /// Write one item through the binding: a JSON object.
    Create { item: &'a str },
}

/// The values of all cases, made once so that making them is not timed.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) value: String,
    set: Vec<String>,
    pub(super) bulk: Vec<String>,
    transact: Vec<String>,
    create: Vec<String>,
}

/// The item that is read.
pub(super) const GET_KEY: &str = "get-0";
const MISSING_KEY: &str = "missing-0";

impl Values {
    /// Letters and digits, so that no JSON writer has to escape anything.
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

    /// Call number `turn` of a case. `own` is a key that this caller alone writes, with its ETag now.
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
    fn a_case_is_named_on_the_command_line_as_it_is_in_json() {
        for case in Case::value_variants() {
            let value = case.to_possible_value().unwrap();
            assert_eq!(value.get_name(), case.name());
            assert_eq!(serde_json::to_value(case).unwrap(), case.name());
        }
    }

    #[test]
    fn the_value_has_1_kib_and_needs_no_escapes() {
        let values = Values::new();
        assert_eq!(values.value.len(), 1024);
        assert_eq!(serde_json::to_string(&values.value).unwrap().len(), 1026);
    }
}
