//! The events of a history, in one order: the calls, what became of their requests on the way, and the answers.
//!
//! Two runs of one seed give equal histories: nothing in here is random but by the seed.

use super::check::{Operation, Said};
use super::model::{Change, Key, Value};
use std::fmt;

/// A call of the state store. Reads are strong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `get`
    Get(Key),
    /// `set` or `delete`
    Change(Change),
    /// `bulk-get`
    BulkGet(Vec<Key>),
    /// `bulk-set` where all are sets, `bulk-delete` where all are deletes
    BulkChange(Vec<Change>),
    /// `transact`
    Transact(Vec<Change>),
}

/// An answer: one for each operation of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This stands there.
    Read(Option<Value>),
    /// It is written.
    Done,
    /// `etag-mismatch`: nothing is written, for a condition did not hold.
    Mismatch,
    /// Another error after which nothing is written; its case.
    Refused(&'static str),
    /// `timeout` or `unavailable`: it may be written, now or later.
    Unknown(&'static str),
    /// An answer that no store may give.
    Wrong(String),
}

/// One line of a history. Its place in the list is its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The client.
    pub client: usize,
    /// Its action.
    pub what: What,
}

/// See [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The client begins a call. It makes one at a time.
    Calls(Call),
    /// A request of the call, or an answer to it, goes its way.
    Wire {
        /// True if it went straight to the store and back.
        straight: bool,
        /// The way that it went.
        words: String,
    },
    /// A request of a call that had failed was still under way.
    Late {
        /// The call, counted from 0 in the order of their beginnings.
        call: usize,
        /// Its outcome.
        words: String,
    },
    /// The client has its answer.
    Hears(Vec<Reply>),
}

/// A call with its answer, by the events that tell of them.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub client: usize,
    pub call: &'a Call,
    pub began: usize,
    /// The replies, and where they stand. `None` where there is no answer.
    pub answer: Option<(usize, &'a [Reply])>,
}

/// The calls of a history in the order of their beginnings.
pub(super) fn calls(events: &[Event]) -> Vec<Answered<'_>> {
    let mut calls: Vec<Answered<'_>> = Vec::new();
    for (moment, event) in events.iter().enumerate() {
        let client = event.client;
        match &event.what {
            What::Calls(call) => calls.push(Answered {
                client,
                call,
                began: moment,
                answer: None,
            }),
            What::Wire { .. } | What::Late { .. } => {}
            What::Hears(replies) => {
                let of_client = calls.iter_mut().rev().find(|call| call.client == client);
                if let Some(call) = of_client {
                    call.answer = Some((moment, replies));
                }
            }
        }
    }
    calls
}

/// Collects what a history says about the store. An operation without an answer is one of unknown outcome.
pub fn operations(events: &[Event]) -> Vec<Operation> {
    let calls = calls(events);
    let operations = calls.iter().enumerate().flat_map(|(number, one)| {
        let replies = one.answer.map_or(&[][..], |(_, replies)| replies);
        let said = one.call.parts().into_iter().enumerate();
        said.filter_map(move |(part, what)| {
            let ended = one.answer.map(|(moment, _)| moment);
            let (said, ended) = match (what, replies.get(part)) {
                (Part::Read(key), Some(Reply::Read(value))) => (Said::Read(key, *value), ended),
                (Part::Change(changes), Some(Reply::Done)) => (Said::Changed(changes), ended),
                (Part::Change(changes), Some(Reply::Mismatch)) => (Said::Mismatch(changes), ended),
                (Part::Change(changes), Some(Reply::Unknown(_)) | None) => {
                    (Said::Changed(changes), None)
                }
                // Nothing was read, or nothing was written.
                _ => return None,
            };
            Some(Operation {
                call: number,
                began: moment(one.began),
                ended: ended.map(moment),
                said,
            })
        })
    });
    operations.collect()
}

/// The operations of the same history where each write of one item may take effect again for each time that it
/// was sent again: once more at any time after its beginning, or not.
///
/// A transaction is no such write, for it has a token, nor is one with an ETag, which never comes back.
pub fn with_repetitions(events: &[Event]) -> Vec<Operation> {
    let mut operations = operations(events);
    let repeated: Vec<Operation> = operations
        .iter()
        .filter(|one| one.said.can_repeat())
        .flat_map(|one| {
            let again = Operation {
                ended: None,
                ..one.clone()
            };
            std::iter::repeat_n(again, lost_requests(events, one.call))
        })
        .collect();
    operations.extend(repeated);
    operations
}

/// Counts the requests of a call that failed, so that each may have been sent again: at most as many as a
/// client has attempts besides its last.
fn lost_requests(events: &[Event], call: usize) -> usize {
    const MOST: usize = 3;
    let calls = calls(events);
    let Some(call) = calls.get(call) else {
        return 0;
    };
    let end = call.answer.map_or(events.len(), |(moment, _)| moment);
    let of_call = events.get(call.began..end).unwrap_or_default().iter();
    let failed = of_call.filter(|event| {
        let astray = matches!(
            event.what,
            What::Wire {
                straight: false,
                ..
            }
        );
        astray && event.client == call.client
    });
    failed.count().min(MOST)
}

fn moment(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The part of a call that takes effect by itself.
enum Part {
    Read(Key),
    Change(Vec<Change>),
}

impl Call {
    /// Returns what it is to change.
    pub(super) fn changes(&self) -> &[Change] {
        match self {
            Self::Get(_) | Self::BulkGet(_) => &[],
            Self::Change(change) => std::slice::from_ref(change),
            Self::BulkChange(changes) | Self::Transact(changes) => changes,
        }
    }

    /// Counts the answers that the component has to give.
    pub(super) fn answers(&self) -> usize {
        match self {
            Self::Get(_) => 1,
            Self::BulkGet(keys) => keys.len(),
            changes => changes.changes().len(),
        }
    }

    fn parts(&self) -> Vec<Part> {
        let read = |key: &Key| Part::Read(*key);
        let alone = |change: &Change| Part::Change(vec![*change]);
        match self {
            Self::Get(key) => vec![Part::Read(*key)],
            Self::Change(change) => vec![alone(change)],
            Self::BulkGet(keys) => keys.iter().map(read).collect(),
            Self::BulkChange(changes) => changes.iter().map(alone).collect(),
            Self::Transact(changes) => vec![Part::Change(changes.clone())],
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(key) => write!(f, "get {key}"),
            Self::Change(change) => write!(f, "{change}"),
            Self::BulkGet(keys) => write!(f, "bulk-get {}", listed(keys, " ")),
            Self::BulkChange(changes) => write!(f, "bulk: {}", listed(changes, "; ")),
            Self::Transact(changes) => write!(f, "transact: {}", listed(changes, "; ")),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(None) => f.write_str("absent"),
            Self::Read(Some(value)) => write!(f, "{value}"),
            Self::Done => f.write_str("ok"),
            Self::Mismatch => f.write_str("etag-mismatch"),
            Self::Refused(case) | Self::Unknown(case) => f.write_str(case),
            Self::Wrong(sentence) => write!(f, "wrong: {sentence}"),
        }
    }
}

/// One after the other.
pub(super) fn listed<T: fmt::Display>(parts: &[T], separator: &str) -> String {
    let parts: Vec<String> = parts.iter().map(T::to_string).collect();
    parts.join(separator)
}
