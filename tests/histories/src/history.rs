//! The events of a history in one order: the calls, the fate of their requests, and the results.
//!
//! Two runs of one seed give equal histories, because all random choices come from the seed.

use super::check::{Operation, Said};
use super::model::{Change, Key, Value};
use std::fmt;

/// A call of the state store. All reads are strongly consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `get`
    Get(Key),
    /// `set` or `delete`
    Change(Change),
    /// `bulk-get`
    BulkGet(Vec<Key>),
    /// `bulk-set` if all changes are sets, `bulk-delete` if all are deletes
    BulkChange(Vec<Change>),
    /// `transact`
    Transact(Vec<Change>),
}

/// The result of one operation of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The value that was read.
    Read(Option<Value>),
    /// The change was made.
    Done,
    /// `etag-mismatch`: nothing was written, because a condition did not hold.
    Mismatch,
    /// The case of another error after which nothing was written.
    Refused(&'static str),
    /// `timeout` or `unavailable`: the change may be made, now or later.
    Unknown(&'static str),
    /// A result that no store may give.
    Wrong(String),
}

/// One event of a history. Its index in the list is its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The client.
    pub client: usize,
    /// The action of the client.
    pub what: What,
}

/// The action of an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The client starts a call. It makes one call at a time.
    Calls(Call),
    /// The fate of a request of the call, or of its response.
    Wire {
        /// True if the request reached the store and its response reached the client, without a fault.
        straight: bool,
        /// The description that is printed.
        words: String,
    },
    /// The fate of a request that was still in transit after the client saw a failure.
    Late {
        /// The number of its call, counted from 0 in the order of their starts.
        call: usize,
        /// The description that is printed.
        words: String,
    },
    /// The call of the client returns.
    Hears(Vec<Reply>),
}

/// A call with its replies, collected from the events.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub client: usize,
    pub call: &'a Call,
    pub began: usize,
    /// The replies and their moment. `None` if the call did not return.
    pub answer: Option<(usize, &'a [Reply])>,
}

/// Returns the calls of a history in the order of their starts.
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

/// Returns the operations of a history. An operation without a result has an unknown outcome.
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
                // The operation neither read nor wrote anything.
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

/// Returns the operations of a history in which writes of one item may take effect more than once. Each time that such a
/// write was sent again, it may take effect once more, at any time after its start.
///
/// This does not apply to transactions, which have a token, nor to writes with an ETag, because an ETag never comes back.
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

/// Counts the failed requests of a call. Each of them may have been sent again, so the count is limited to the number of
/// retries of a client.
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

/// A part of a call that takes effect by itself.
enum Part {
    Read(Key),
    Change(Vec<Change>),
}

impl Call {
    /// Returns the changes of the call.
    pub(super) fn changes(&self) -> &[Change] {
        match self {
            Self::Get(_) | Self::BulkGet(_) => &[],
            Self::Change(change) => std::slice::from_ref(change),
            Self::BulkChange(changes) | Self::Transact(changes) => changes,
        }
    }

    /// Returns the number of results that the component has to return.
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

/// Joins the parts with a separator.
pub(super) fn listed<T: fmt::Display>(parts: &[T], separator: &str) -> String {
    let parts: Vec<String> = parts.iter().map(T::to_string).collect();
    parts.join(separator)
}
