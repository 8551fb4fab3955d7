//! Searches for an order of operations. The algorithm is Wing and Gong's (<https://doi.org/10.1006/jpdc.1993.1015>), with
//! Lowe's memory of the states already tried (<https://doi.org/10.1002/cpe.3928>).
//!
//! Three rules make the search short:
//!
//! - Few values are written twice, so a version that is replaced usually does not come back.
//! - A result that fits the contents and changes nothing is placed at once.
//! - An operation without an end is placed directly before an operation that needs it.
//!
//! Crates for this search (`todc-utils`, `stateright`) do not know these rules of the store. They also require that every
//! operation has an end.

use super::check::{Operation, Said, Verdict};
use super::model::{Change, Condition, Contents, Key, Value};
use std::collections::{HashMap, HashSet};

/// Replaces every version that no operation reads or names in a condition. No set writes this value.
const UNSPOKEN: Value = Value(0);

/// One search.
pub(super) struct Search {
    /// First the operations with an end, in the order of their ends. Then the operations without an end, in the order of
    /// their starts.
    operations: Vec<Operation>,
    /// For each operation without an end, the previous one that does the same.
    twins: Vec<Option<usize>>,
    /// For each version, the operations with an end that need it in the store. A version that more than one operation
    /// writes is left out, because it may come back.
    needed_by: HashMap<Value, Vec<usize>>,
    /// The places from which no order was found, with the operations without an end that were placed by then.
    in_vain: HashMap<Place, Vec<BitSet>>,
    states_left: usize,
}

/// The state after the operations that are already placed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    /// The operations with an end that are placed.
    ended: BitSet,
    contents: Contents,
    /// The keys that an operation without an end changed, and that no later operation depended on yet. Such an operation is
    /// placed directly before one that needs it, so that one has to come next.
    unseen: Vec<Key>,
}

impl Search {
    pub(super) fn new(part: &[&Operation], states_left: usize) -> Self {
        let operations = in_order(part);
        let mut writers: HashMap<Value, usize> = HashMap::new();
        for value in operations.iter().flat_map(|one| one.said.writes()) {
            *writers.entry(value).or_default() += 1;
        }
        let comes_back = |value: &Value| writers.get(value).is_some_and(|count| *count > 1);
        let mut needed_by: HashMap<Value, Vec<usize>> = HashMap::new();
        let mut twins = vec![None; operations.len()];
        for (index, operation) in operations.iter().enumerate() {
            let same = |other: &Operation| other.ended.is_none() && other.said == operation.said;
            if operation.ended.is_none() {
                twins[index] = operations[..index].iter().rposition(same);
                continue;
            }
            for value in operation
                .said
                .needs()
                .into_iter()
                .filter(|value| !comes_back(value))
            {
                needed_by.entry(value).or_default().push(index);
            }
        }
        Self {
            operations,
            twins,
            needed_by,
            in_vain: HashMap::new(),
            states_left,
        }
    }

    pub(super) fn run(&mut self, contents: Contents) -> Verdict {
        let none = BitSet::none(self.operations.len());
        let place = Place {
            ended: none.clone(),
            contents,
            unseen: Vec::new(),
        };
        self.go_on(place, none)
    }

    /// Places the next operation: one that started before any of the others ended. `open` contains the placed operations
    /// without an end.
    fn go_on(&mut self, mut place: Place, open: BitSet) -> Verdict {
        let sees_all = |search: &Self, index: usize| {
            let keys: Vec<Key> = search.operations[index].said.keys().collect();
            place.unseen.iter().all(|key| keys.contains(key))
        };
        let before = place.ended.clone();
        let first_end = self.take_what_is_seen(&mut place.ended, &place.contents);
        let mut seen = (0..self.operations.len())
            .filter(|index| place.ended.has(*index) && !before.has(*index))
            .peekable();
        if !place.unseen.is_empty() && seen.peek().is_some() {
            if !seen.any(|index| sees_all(self, index)) {
                return Verdict::Violation;
            }
            place.unseen.clear();
        }
        let Some(first_end) = first_end else {
            return Verdict::Linearizable;
        };
        // The search from this place failed before, when only some of these operations without an end were placed. Now
        // fewer of them are left, so it would fail again.
        let in_vain = self.in_vain.get(&place);
        if in_vain.is_some_and(|open_ones| open_ones.iter().any(|less| less.is_part_of(&open))) {
            return Verdict::Violation;
        }
        let Some(states_left) = self.states_left.checked_sub(1) else {
            return Verdict::Undecided;
        };
        self.states_left = states_left;
        for index in 0..self.operations.len() {
            let operation = &self.operations[index];
            if operation.began > first_end || place.ended.has(index) || open.has(index) {
                continue;
            }
            let Some(next) = self.after(index, &place, &open) else {
                continue;
            };
            let mut open = open.clone();
            if operation.ended.is_none() {
                open.take(index);
            }
            let verdict = self.go_on(next, open);
            if verdict != Verdict::Violation {
                return verdict;
            }
        }
        self.in_vain.entry(place).or_default().push(open);
        Verdict::Violation
    }

    /// Returns the place after a change. Returns `None` if the change cannot come here, or need not.
    fn after(&self, index: usize, place: &Place, open: &BitSet) -> Option<Place> {
        let operation = &self.operations[index];
        let Said::Changed(changes) = &operation.said else {
            return None;
        };
        let contents = place.contents.after(changes)?;
        // A version that is still needed must not be replaced, because it does not come back.
        let is_needed = |value: Value| {
            let needed_by = self.needed_by.get(&value).map_or(&[][..], Vec::as_slice);
            needed_by
                .iter()
                .any(|by| *by != index && !place.ended.has(*by))
        };
        let mut replaced = changes
            .iter()
            .filter_map(|change| place.contents.at(change.key));
        if replaced.any(is_needed) {
            return None;
        }
        let mut next = Place {
            contents,
            ..place.clone()
        };
        let alone = operation.said.only_key();
        if place.unseen.iter().all(|key| depends_on(changes, *key)) {
            next.unseen.clear();
        } else if operation.ended.is_some() || alone.is_none_or(|key| place.unseen.contains(&key)) {
            return None;
        }
        match operation.ended {
            Some(_) => next.ended.take(index),
            None => {
                let twin_is_left = self.twins[index].is_some_and(|twin| !open.has(twin));
                if twin_is_left || next.contents == place.contents {
                    return None;
                }
                next.unseen.extend(alone);
            }
        }
        Some(next)
    }

    /// Places all operations that these contents explain and that change nothing. Returns the moment at which the first of
    /// the others ended, or `None` if all operations with an end are placed.
    fn take_what_is_seen(&self, ended: &mut BitSet, contents: &Contents) -> Option<u32> {
        loop {
            let mut left = self.operations.iter().enumerate();
            let (first, _) = left.find(|(index, _)| !ended.has(*index))?;
            let first_end = self.operations[first].ended?;
            let mut took = false;
            for (index, operation) in self.operations.iter().enumerate().skip(first) {
                if !ended.has(index)
                    && operation.began < first_end
                    && operation.said.is_seen_in(contents)
                {
                    ended.take(index);
                    took = true;
                }
            }
            if !took {
                return Some(first_end);
            }
        }
    }
}

/// Returns true if the value of this key decides whether these changes are made.
fn depends_on(changes: &[Change], key: Key) -> bool {
    let first = changes.iter().find(|change| change.key == key);
    first.is_some_and(|change| change.condition != Condition::Always)
}

/// Sorts operations as a search needs them. Drops operations without an end that change nothing, because they say nothing.
/// Replaces versions that no operation reads or names in a condition with [`UNSPOKEN`], because they need not be told apart.
fn in_order(part: &[&Operation]) -> Vec<Operation> {
    let spoken_of: HashSet<Value> = part.iter().flat_map(|one| one.said.speaks_of()).collect();
    let says = |one: &&&Operation| one.ended.is_some() || matches!(one.said, Said::Changed(_));
    let says = part.iter().filter(says).map(|one| Operation::clone(one));
    let mut operations: Vec<Operation> = says.collect();
    operations.sort_by_key(|one| (one.ended.unwrap_or(u32::MAX), one.began));
    for one in &mut operations {
        if let Said::Changed(changes) = &mut one.said {
            for change in changes {
                let nobodys = |value: Value| match spoken_of.contains(&value) {
                    true => value,
                    false => UNSPOKEN,
                };
                change.to = change.to.map(nobodys);
            }
        }
    }
    operations
}

/// A set of operations, by their numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct BitSet(Vec<u64>);

impl BitSet {
    fn none(of: usize) -> Self {
        Self(vec![0; of.div_ceil(64)])
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn take(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn is_part_of(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .all(|(one, other)| one & !other == 0)
    }
}
