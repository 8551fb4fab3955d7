//! What the component answered, in the words of a history. What the contract does not allow as an
//! answer is wrong by itself, whatever else happened.

use dapr_wasm_host::{
    CallError,
    types::{Error, Item},
};

use super::{
    history::{Call, Reply},
    model::{Change, Value},
    versions::Versions,
};

/// What was answered for one operation of a call.
pub(super) type Told<T> = Result<T, CallError>;

/// What the component answered.
pub(super) enum Answer {
    /// To `get` and `bulk-get`: for each key.
    Read(Vec<Told<Option<Item>>>),
    /// To all else: for each set its ETag, for each delete none. Of a transaction that failed, one
    /// error.
    Written(Vec<Told<Option<String>>>),
}

/// The replies to a call; what they tell of ETags is noted.
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
