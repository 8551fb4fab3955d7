//! Reports a history that is not linearizable: its seed, which replays it, and a small set of calls that shows the violation.
//!
//! Removing a call must not remove a possible explanation. So a write is not removed: its result is ignored, and it may take
//! effect at any time after its start, or never.

use super::check::{Operation, Said, Verdict, check, check_within};
use super::history::{Event, Reply, calls, operations, with_repetitions};
use super::model::Condition;
use super::run::Played;
use super::timeline::Timeline;
use std::collections::BTreeSet;
use std::fmt;

/// A history that no order explains, or that has a result that is wrong by itself.
#[derive(Debug)]
pub struct Violation {
    /// The seed that replays the history.
    pub seed: u64,
    /// The reason.
    reason: &'static str,
    events: Vec<Event>,
    /// The calls that show the violation.
    shown: BTreeSet<usize>,
}

/// Returns true if a history is not linearizable unless some writes took effect more than once.
pub(super) fn needs_repetitions(played: &Played) -> bool {
    let operations = operations(&played.events);
    check(&operations, played.keys) == Verdict::Violation
}

/// Looks for a violation in a history. If `repeated`, each write may take effect once for each time that it was sent.
pub(super) fn violation(seed: u64, played: &Played, repeated: bool) -> Option<Violation> {
    let operations = match repeated {
        true => with_repetitions(&played.events),
        false => operations(&played.events),
    };
    let wrong = wrong_answers(&played.events);
    let (reason, shown) = if wrong.is_empty() {
        match check(&operations, played.keys) {
            Verdict::Linearizable => return None,
            Verdict::Violation => (
                "no order of these calls explains their results",
                to_blame(&operations, played.keys),
            ),
            Verdict::Undecided => (
                "undecided: the search needs too many states",
                (0..calls(&played.events).len()).collect(),
            ),
        }
    } else {
        ("a result that the contract does not allow", wrong)
    };
    Some(Violation {
        seed,
        reason,
        shown: with_writers(&played.events, shown),
        events: played.events.clone(),
    })
}

/// Adds the calls that write the versions that the shown calls read or name in conditions.
fn with_writers(events: &[Event], mut shown: BTreeSet<usize>) -> BTreeSet<usize> {
    let calls = calls(events);
    let mut spoken_of = BTreeSet::new();
    for call in shown.iter().filter_map(|number| calls.get(*number)) {
        let replies = call.answer.map_or(&[][..], |(_, replies)| replies);
        spoken_of.extend(replies.iter().filter_map(|reply| match reply {
            Reply::Read(value) => *value,
            _ => None,
        }));
        let conditions = call.call.changes().iter().map(|change| change.condition);
        spoken_of.extend(conditions.filter_map(|condition| match condition {
            Condition::Version(value) => Some(value),
            Condition::Always | Condition::Absent => None,
        }));
    }
    for (number, call) in calls.iter().enumerate() {
        let mut written = call.call.changes().iter().filter_map(|change| change.to);
        if written.any(|value| spoken_of.contains(&value)) {
            shown.insert(number);
        }
    }
    shown
}

/// Returns the calls with results that are wrong by themselves.
fn wrong_answers(events: &[Event]) -> BTreeSet<usize> {
    let is_wrong = |reply: &Reply| matches!(reply, Reply::Wrong(_));
    let calls = calls(events).into_iter().enumerate();
    let wrong = calls.filter(|(_, call)| {
        let replies = call.answer.map_or(&[][..], |(_, replies)| replies);
        replies.iter().any(is_wrong)
    });
    wrong.map(|(number, _)| number).collect()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.reason)?;
        let timeline = Timeline {
            events: &self.events,
            shown: &self.shown,
        };
        timeline.fmt(f)
    }
}

/// The maximum number of states for checking that a call can be removed. If the search needs more, the call stays.
const MOST_STATES: usize = 10_000;

/// Returns calls whose results cannot be explained together, whatever the results of all others.
fn to_blame(operations: &[Operation], keys: usize) -> BTreeSet<usize> {
    let is_violation = |operations: &[Operation]| {
        check_within(MOST_STATES, operations, keys) == Verdict::Violation
    };
    let mut left = first_unexplained(operations, is_violation);
    let mut index = left.len();
    while index > 0 {
        index -= 1;
        if left[index].ended.is_none() {
            continue;
        }
        let mut without = left.clone();
        match without[index].said {
            Said::Changed(_) => without[index].ended = None,
            Said::Read(..) | Said::Mismatch(_) => {
                without.remove(index);
            }
        }
        if is_violation(&without) {
            left = without;
        }
    }
    let insisted = left.iter().filter(|one| one.ended.is_some());
    insisted.map(|one| one.call).collect()
}

/// Returns the history up to the first result that no order explains. Calls in progress at that moment have no result.
fn first_unexplained(
    operations: &[Operation],
    is_violation: impl Fn(&[Operation]) -> bool,
) -> Vec<Operation> {
    let until = |moment: u32| {
        let begun = operations.iter().filter(|one| one.began <= moment);
        let mut begun: Vec<Operation> = begun.cloned().collect();
        for one in &mut begun {
            one.ended = one.ended.filter(|ended| *ended <= moment);
        }
        begun
    };
    let mut ends: Vec<u32> = operations.iter().filter_map(|one| one.ended).collect();
    ends.sort_unstable();
    let first = ends.partition_point(|end| !is_violation(&until(*end)));
    ends.get(first)
        .map_or_else(|| operations.to_vec(), |end| until(*end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Condition, Key, Value};

    const A: Key = Key(0);

    fn call(call: usize, began: u32, ended: Option<u32>, said: Said) -> Operation {
        Operation {
            call,
            began,
            ended,
            said,
        }
    }

    fn set(key: Key, value: u32) -> Said {
        Said::Changed(vec![Change {
            key,
            condition: Condition::Always,
            to: Some(Value(value)),
        }])
    }

    fn read(value: u32) -> Said {
        Said::Read(A, Some(Value(value)))
    }

    #[test]
    fn to_blame_returns_the_calls_that_contradict_each_other() {
        // Value 1 is read, 2 is written, and 1 is read again.
        let history = [
            call(0, 0, Some(1), set(Key(1), 9)),
            call(1, 2, None, set(A, 7)),
            call(2, 3, Some(20), set(A, 1)),
            call(3, 4, Some(5), read(1)),
            call(4, 6, Some(9), set(A, 2)),
            call(5, 10, Some(11), read(2)),
            call(6, 12, Some(13), read(2)),
            call(7, 14, Some(15), read(1)),
            call(8, 16, Some(17), set(A, 3)),
            call(9, 18, Some(19), read(7)),
        ];
        assert_eq!(to_blame(&history, 2), BTreeSet::from([3, 4, 7]));
    }
}
