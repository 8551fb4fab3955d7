//! Turns the component's results into the replies of a history. A result that the contract does not allow is wrong by
//! itself, whatever else happened.

use super::history::{Call, Reply};
use super::model::{Change, Value};
use dapr_wasm_host::CallError;
use dapr_wasm_host::types::{Error, Item};
use std::collections::HashMap;

/// The result of one operation of a call.
pub(super) type Told<T> = Result<T, CallError>;

/// The results of a call.
pub(super) enum Answer {
    /// The results of `get` and `bulk-get`: one for each key.
    Read(Vec<Told<Option<Item>>>),
    /// The results of all other calls: an ETag for each set, `None` for each delete. A transaction that failed has one
    /// error.
    Written(Vec<Told<Option<String>>>),
}

/// Makes the replies to a call, and records their ETags in `versions`.
pub(super) fn replies(call: &Call, answer: Answer, versions: &mut Versions) -> Vec<Reply> {
    let (answers, failed) = match &answer {
        Answer::Read(told) => (told.len(), told.iter().any(Result::is_err)),
        Answer::Written(told) => (told.len(), told.iter().any(Result::is_err)),
    };
    // An error may stand for the whole call.
    if answers != call.answers() && !(answers == 1 && failed) {
        let sentence = format!("{answers} results instead of {}", call.answers());
        return vec![Reply::Wrong(sentence)];
    }
    match (call, answer) {
        (_, Answer::Read(items)) => {
            let items = items.into_iter();
            items.map(|item| read(item, versions)).collect()
        }
        (Call::Transact(changes), Answer::Written(told)) => {
            let mut replies = Vec::new();
            for (index, told) in told.into_iter().enumerate() {
                replies.push(written(changes.get(index), told, versions));
            }
            // Either all of them are done, or there is one error.
            let first_other = replies.into_iter().find(|reply| *reply != Reply::Done);
            vec![first_other.unwrap_or(Reply::Done)]
        }
        (Call::Change(change), Answer::Written(told)) => {
            let told = told.into_iter();
            told.map(|told| written(Some(change), told, versions))
                .collect()
        }
        (Call::BulkChange(changes), Answer::Written(told)) => {
            let told = told.into_iter().enumerate();
            told.map(|(index, told)| written(changes.get(index), told, versions))
                .collect()
        }
        (Call::Get(_) | Call::BulkGet(_), Answer::Written(_)) => {
            vec![Reply::Wrong(
                "a read returned the result of a write".to_owned(),
            )]
        }
    }
}

fn read(told: Told<Option<Item>>, versions: &mut Versions) -> Reply {
    let item = match told {
        Ok(Some(item)) => item,
        Ok(None) => return Reply::Read(None),
        Err(error) => return failed(&error),
    };
    let Some(value) = Value::of(&item.value) else {
        let value = String::from_utf8_lossy(&item.value);
        return Reply::Wrong(format!("{value:?} was never written"));
    };
    match versions.learn(value, item.etag.as_deref().unwrap_or_default()) {
        Ok(()) => Reply::Read(Some(value)),
        Err(sentence) => Reply::Wrong(sentence),
    }
}

fn written(change: Option<&Change>, told: Told<Option<String>>, versions: &mut Versions) -> Reply {
    let etag = match told {
        Ok(etag) => etag,
        Err(error) => return failed(&error),
    };
    let learned = match (change.and_then(|change| change.to), etag) {
        (Some(value), Some(etag)) => versions.learn(value, &etag),
        (None, None) => Ok(()),
        (Some(_), None) => Err("a set returned no ETag".to_owned()),
        (None, Some(_)) => Err("a delete returned an ETag".to_owned()),
    };
    learned.map_or_else(Reply::Wrong, |()| Reply::Done)
}

fn failed(error: &CallError) -> Reply {
    match error.component() {
        Some(Error::EtagMismatch(_)) => Reply::Mismatch,
        Some(error @ (Error::Throttled(_) | Error::Conflict(_))) => Reply::Refused(error.case()),
        Some(error @ (Error::Timeout(_) | Error::Unavailable(_))) => Reply::Unknown(error.case()),
        // The calls are valid, so no other error is right. A trap is never right.
        _ => Reply::Wrong(error.to_string()),
    }
}

/// The ETags that clients have seen so far. Each ETag belongs to one version, and each version has one ETag.
#[derive(Default)]
pub(super) struct Versions {
    etags: HashMap<Value, String>,
    values: HashMap<String, Value>,
}

impl Versions {
    /// Records that a client saw this version with this ETag. Fails if this contradicts an earlier result.
    pub(super) fn learn(&mut self, value: Value, etag: &str) -> Result<(), String> {
        if etag.is_empty() {
            return Err(format!("{value} has an empty ETag"));
        }
        if let Some(other) = self.values.get(etag).filter(|other| **other != value) {
            return Err(format!("{value} has the same ETag as {other}"));
        }
        let known = self.etags.entry(value).or_insert_with(|| etag.to_owned());
        if known != etag {
            return Err(format!("{value} has a different ETag than before"));
        }
        self.values.insert(etag.to_owned(), value);
        Ok(())
    }

    /// Returns the ETag of a version, or `None` if no client has seen it.
    pub(super) fn etag(&self, value: Value) -> Option<&str> {
        self.etags.get(&value).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_etags_correspond_one_to_one() {
        let mut versions = Versions::default();
        let mut learn = |value, etag| versions.learn(Value(value), etag);
        assert_eq!(
            (learn(1, "x"), learn(1, "x"), learn(2, "y")),
            (Ok(()), Ok(()), Ok(()))
        );
        assert!(learn(3, "x").unwrap_err().contains("same ETag as v1"));
        assert!(learn(2, "z").unwrap_err().contains("different"));
        assert!(learn(4, "").unwrap_err().contains("empty"));
        assert_eq!(versions.etag(Value(2)), Some("y"));
        assert_eq!(versions.etag(Value(3)), None);
    }
}
