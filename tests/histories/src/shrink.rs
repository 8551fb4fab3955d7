//! Of a history that no order explains, what is left when all is taken away that is not to blame.
//!
//! Nothing is taken away that might have been the explanation: an answer is taken away by no longer
//! insisting on it, and a write stays possible at any time after its beginning, or never.

use std::collections::BTreeSet;

use super::{
    check::{Verdict, check_within},
    operation::{Operation, Said},
};

/// How many states it may take to see that something is not to blame. Otherwise it stays.
const MOST_STATES: usize = 10_000;

/// The calls whose answers cannot be explained together, whatever became of all others.
pub(super) fn to_blame(operations: &[Operation], keys: usize) -> BTreeSet<usize> {
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

/// Up to the first answer that no order explains; what is under way then has no answer yet.
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
    fn what_is_left_cannot_be_explained_whatever_became_of_the_rest() {
        // 1 is read, 2 is written, and 1 is there again.
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
