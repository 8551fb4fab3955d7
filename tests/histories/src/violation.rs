//! A history that cannot be, as it is told: the seed that plays it again, and what shows it.

use std::{collections::BTreeSet, fmt};

use super::{
    check::{Verdict, check},
    history::{Event, Reply, calls, operations, with_repetitions},
    model::Condition,
    play::Played,
    shrink::to_blame,
    timeline::Timeline,
};

/// A history that no order explains, or with an answer that is wrong by itself.
#[derive(Debug)]
pub struct Violation {
    /// The seed that plays it again.
    pub seed: u64,
    /// What is wrong.
    reason: &'static str,
    events: Vec<Event>,
    /// The calls that show it.
    shown: BTreeSet<usize>,
}

/// Returns true if a history is not that of a store that does one thing at a time, but of one to which some
/// writes came twice.
pub(super) fn needs_repetitions(played: &Played) -> bool {
    let operations = operations(&played.events);
    check(&operations, played.keys) == Verdict::Violation
}

/// Looks for a violation in a history. Where writes are `repeated`, each of them may have
/// taken effect for each time that it was sent.
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
                "no order of these calls explains their answers",
                to_blame(&operations, played.keys),
            ),
            Verdict::Undecided => (
                "undecided: it takes too many states to look through all orders",
                (0..calls(&played.events).len()).collect(),
            ),
        }
    } else {
        ("an answer that nothing explains", wrong)
    };
    Some(Violation {
        seed,
        reason,
        shown: with_writers(&played.events, shown),
        events: played.events.clone(),
    })
}

/// These calls, and those that wrote what they speak of, or were to write it.
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

/// The calls with such answers.
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
