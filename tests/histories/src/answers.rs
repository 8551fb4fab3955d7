//! The component's answers, in the words of a history. What the contract does not allow as an
//! answer is wrong by itself, whatever else happened.

use super::history::{Call, Reply};
use super::model::{Change, Value};
use dapr_wasm_host::CallError;
use dapr_wasm_host::types::{Error, Item};
use std::collections::HashMap;

/// The answer to one operation of a call.
pub(super) type Told<T> = Result<T, CallError>;

/// The answer to a call.
pub(super) enum Answer {
    /// To `get` and `bulk-get`: for each key.
    Read(Vec<Told<Option<Item>>>),
    /// To all else: for each set its ETag, for each delete none. Of a transaction that failed, one
    /// error.
    Written(Vec<Told<Option<String>>>),
}

/// Makes the replies to a call, and notes what they tell of ETags.
pub(super) fn replies(call: &Call, answer: Answer, versions: &mut Versions) -> Vec<Reply> {
    let (answers, failed) = match &answer {
        Answer::Read(told) => (told.len(), told.iter().any(Result::is_err)),
        Answer::Written(told) => (told.len(), told.iter().any(Result::is_err)),
    };
    // An error may stand for the whole call.
    if answers != call.answers() && !(answers == 1 && failed) {
        let sentence = format!("{answers} answers, and not {}", call.answers());
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
            // All of them are done, or there is one error.
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
            vec![Reply::Wrong("a read was answered as a write".to_owned())]
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
        (Some(_), None) => Err("a set gave no ETag".to_owned()),
        (None, Some(_)) => Err("a delete gave an ETag".to_owned()),
    };
    learned.map_or_else(Reply::Wrong, |()| Reply::Done)
}

fn failed(error: &CallError) -> Reply {
    match error.component() {
        Some(Error::EtagMismatch(_)) => Reply::Mismatch,
        Some(error @ (Error::Throttled(_) | Error::Conflict(_))) => Reply::Refused(error.case()),
        Some(error @ (Error::Timeout(_) | Error::Unavailable(_))) => Reply::Unknown(error.case()),
        // Nothing that is called here is at fault, and a trap is never right.
        _ => Reply::Wrong(error.to_string()),
    }
}

/// The ETags that were told so far: an ETag is of one version and a version has one ETag, whoever tells of them.
#[derive(Default)]
pub(super) struct Versions {
    etags: HashMap<Value, String>,
    values: HashMap<String, Value>,
}

impl Versions {
    /// Notes that somebody was told that this version has this ETag. Refuses what contradicts what was
    /// told before.
    pub(super) fn learn(&mut self, value: Value, etag: &str) -> Result<(), String> {
        if etag.is_empty() {
            return Err(format!("{value} has an empty ETag"));
        }
        if let Some(other) = self.values.get(etag).filter(|other| **other != value) {
            return Err(format!("{value} has the ETag that {other} had"));
        }
        let known = self.etags.entry(value).or_insert_with(|| etag.to_owned());
        if known != etag {
            return Err(format!("{value} has another ETag than before"));
        }
        self.values.insert(etag.to_owned(), value);
        Ok(())
    }

    /// Returns the ETag of a version. `None` where nobody was told.
    pub(super) fn etag(&self, value: Value) -> Option<&str> {
        self.etags.get(&value).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_etag_for_two_versions_and_two_for_one_are_contradictions() {
        let mut versions = Versions::default();
        let mut learn = |value, etag| versions.learn(Value(value), etag);
        assert_eq!(
            (learn(1, "x"), learn(1, "x"), learn(2, "y")),
            (Ok(()), Ok(()), Ok(()))
        );
        assert!(learn(3, "x").unwrap_err().contains("that v1 had"));
        assert!(learn(2, "z").unwrap_err().contains("another"));
        assert!(learn(4, "").unwrap_err().contains("empty"));
        assert_eq!(versions.etag(Value(2)), Some("y"));
        assert_eq!(versions.etag(Value(3)), None);
    }
}
