//! Which writes of a bulk call go together.

use crate::state::change::Change;
use crate::state::condition::Condition;
use std::collections::HashMap;

/// A change and where its result goes.
pub(super) type Placed = (usize, Change);

/// Writes that are sent together or after one another.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What batches take.
    pub(super) batchable: Vec<Placed>,
    /// The rest, by key, each in its order.
    pub(super) in_order: Vec<Vec<Placed>>,
}

/// A batch takes no conditions and each key once; all else goes by key, in
/// order.
pub(super) fn plan(changes: Vec<Placed>) -> Plan {
    let mut times: HashMap<String, usize> = HashMap::new();
    for (_, change) in &changes {
        *times.entry(change.key.clone()).or_default() += 1;
    }
    let mut plan = Plan::default();
    let mut sequences: HashMap<String, usize> = HashMap::new();
    for (position, change) in changes {
        let once = times.get(&change.key) == Some(&1);
        if once && change.condition == Condition::Always {
            plan.batchable.push((position, change));
            continue;
        }
        let next = plan.in_order.len();
        let index = *sequences.entry(change.key.clone()).or_insert(next);
        match plan.in_order.get_mut(index) {
            Some(sequence) => sequence.push((position, change)),
            None => plan.in_order.push(vec![(position, change)]),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::change::Effect;

    fn change(key: &str, condition: Condition) -> Change {
        Change {
            key: key.to_owned(),
            condition,
            effect: Effect::Delete,
        }
    }

    #[test]
    fn conditions_and_repeated_keys_keep_a_write_out_of_the_batches() {
        let changes = vec![
            change("alone", Condition::Always),
            change("twice", Condition::Always),
            change("guarded", Condition::Absent),
            change("twice", Condition::Etag("e".to_owned())),
        ];
        let plan = plan(changes.into_iter().enumerate().collect());
        let positions = |changes: &[Placed]| changes.iter().map(|(p, _)| *p).collect::<Vec<_>>();
        assert_eq!(positions(&plan.batchable), [0]);
        let sequences: Vec<_> = plan.in_order.iter().map(|s| positions(s)).collect();
        assert_eq!(sequences, [vec![1, 3], vec![2]]);
    }
}
