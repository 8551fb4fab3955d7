//! Checks small histories with known verdicts, and compares random ones with a search that has no optimisations.

use super::*;

const A: Key = Key(0);
const B: Key = Key(1);

/// Makes an operation with a start and an end.
fn did(said: Said, began: u32, ended: u32) -> Operation {
    Operation {
        call: 0,
        began,
        ended: Some(ended),
        said,
    }
}

/// Makes an operation of unknown outcome.
fn may_do(said: Said, began: u32) -> Operation {
    let ended = None;
    Operation {
        ended,
        ..did(said, began, began)
    }
}

fn change(key: Key, condition: Condition, to: Option<u32>) -> Change {
    let to = to.map(Value);
    Change { key, condition, to }
}

fn set(key: Key, value: u32) -> Said {
    Said::Changed(vec![change(key, Condition::Always, Some(value))])
}

fn delete(key: Key) -> Said {
    Said::Changed(vec![change(key, Condition::Always, None)])
}

fn first(key: Key, value: u32) -> Change {
    change(key, Condition::Absent, Some(value))
}

fn swap(key: Key, old: u32, new: u32) -> Change {
    change(key, Condition::Version(Value(old)), Some(new))
}

fn read(key: Key, value: Option<u32>) -> Said {
    Said::Read(key, value.map(Value))
}

fn assert_linearizable(operations: &[Operation]) {
    assert_eq!(check(operations, 2), Verdict::Linearizable);
}

fn assert_violation(operations: &[Operation]) {
    assert_eq!(check(operations, 2), Verdict::Violation);
}

#[test]
fn read_sees_the_last_ended_write_or_one_in_progress() {
    let two_writes = [did(set(A, 1), 0, 1), did(set(A, 2), 2, 5)];
    for (seen, began, ended, right) in [
        (Some(1), 3, 4, true),
        (Some(2), 3, 4, true),
        (None, 3, 4, false),
        (Some(1), 6, 7, false),
        (Some(2), 6, 7, true),
        (Some(1), 4, 7, true),
        (Some(3), 6, 7, false),
    ] {
        let mut history = two_writes.to_vec();
        history.push(did(read(A, seen), began, ended));
        let verdict = check(&history, 2);
        assert_eq!(
            verdict == Verdict::Linearizable,
            right,
            "{seen:?} {began}-{ended}"
        );
    }
}

#[test]
fn later_read_cannot_miss_a_value_already_seen() {
    let write = did(set(A, 1), 0, 9);
    let (seen, missed) = (read(A, Some(1)), read(A, None));
    assert_violation(&[
        write.clone(),
        did(seen.clone(), 1, 2),
        did(missed.clone(), 3, 4),
    ]);
    assert_linearizable(&[write, did(missed, 1, 2), did(seen, 3, 4)]);
}

#[test]
fn only_one_write_can_replace_a_version() {
    let start = did(set(A, 1), 0, 1);
    let won = |to| Said::Changed(vec![swap(A, 1, to)]);
    let lost = |to| Said::Mismatch(vec![swap(A, 1, to)]);
    assert_violation(&[start.clone(), did(won(2), 2, 6), did(won(3), 3, 5)]);
    assert_linearizable(&[start, did(won(2), 2, 6), did(lost(3), 3, 5)]);
}

#[test]
fn write_that_takes_effect_twice_is_a_violation() {
    // Value 1 is written, read by another client, replaced by 2, and then read again.
    let history = |last| {
        [
            did(set(A, 1), 0, 9),
            did(read(A, Some(1)), 1, 2),
            did(set(A, 2), 3, 4),
            did(read(A, Some(last)), 5, 6),
        ]
    };
    assert_violation(&history(1));
    assert_linearizable(&history(2));
}

#[test]
fn repetition_explains_a_write_that_takes_effect_twice() {
    // Value 1 is read, replaced, and read again. A second effect explains this.
    let history = [
        did(set(A, 1), 0, 9),
        may_do(set(A, 1), 0),
        did(read(A, Some(1)), 1, 2),
        did(set(A, 2), 3, 4),
        did(read(A, Some(1)), 5, 6),
        did(read(A, Some(1)), 10, 11),
    ];
    assert_linearizable(&history);
    let mut again = history.to_vec();
    again.push(did(set(A, 3), 12, 13));
    again.push(did(read(A, Some(1)), 14, 15));
    assert_violation(&again);
}

#[test]
fn mismatch_is_a_violation_if_its_condition_always_held() {
    let mismatch = did(Said::Mismatch(vec![swap(A, 1, 3)]), 2, 5);
    let start = did(set(A, 1), 0, 1);
    assert_violation(&[start.clone(), mismatch.clone()]);
    assert_linearizable(&[start.clone(), mismatch.clone(), did(set(A, 2), 3, 4)]);
    assert_violation(&[start, mismatch, did(set(A, 2), 6, 7)]);
}

#[test]
fn refused_write_has_no_effect() {
    let refused = did(Said::Mismatch(vec![first(A, 2)]), 2, 3);
    let history = |seen| {
        [
            did(set(A, 1), 0, 1),
            refused.clone(),
            did(read(A, Some(seen)), 4, 5),
        ]
    };
    assert_violation(&history(2));
    assert_linearizable(&history(1));
}

#[test]
fn transaction_takes_effect_as_a_whole() {
    let both = Said::Changed(vec![first(A, 1), first(B, 2)]);
    let reads = |a, b| [did(read(A, a), 1, 2), did(read(B, b), 3, 4)];
    let history = |[a, b]: [Operation; 2]| [did(both.clone(), 0, 9), a, b];
    assert_violation(&history(reads(Some(1), None)));
    assert_linearizable(&history(reads(None, Some(2))));
    let refused = Said::Mismatch(vec![first(A, 1), first(B, 2)]);
    let other = did(set(B, 3), 0, 1);
    assert_linearizable(&[
        other.clone(),
        did(refused.clone(), 2, 3),
        did(read(A, None), 4, 5),
    ]);
    assert_violation(&[other, did(refused, 2, 3), did(read(A, Some(1)), 4, 5)]);
}

#[test]
fn keys_of_a_transaction_are_checked_together() {
    // Each key alone has an order. In the order of A, 1 comes before 3. In the order of B, 4 comes before 2.
    let joins = |a, b| {
        Said::Changed(vec![
            change(A, Condition::Always, Some(a)),
            change(B, Condition::Always, Some(b)),
        ])
    };
    let writes = [did(joins(1, 2), 0, 8), did(joins(3, 4), 1, 9)];
    let reads = [did(read(A, Some(3)), 10, 11), did(read(B, Some(2)), 12, 13)];
    assert_violation(&[writes, reads].concat());
}

#[test]
fn write_of_unknown_outcome_takes_effect_at_most_once() {
    let unknown = may_do(set(A, 1), 0);
    let later = did(set(A, 2), 2, 3);
    assert_linearizable(&[unknown.clone(), later.clone(), did(read(A, Some(2)), 4, 5)]);
    assert_linearizable(&[unknown.clone(), later.clone(), did(read(A, Some(1)), 4, 5)]);
    assert_violation(&[
        unknown.clone(),
        did(read(A, Some(1)), 1, 2),
        did(set(A, 2), 3, 4),
        did(read(A, Some(1)), 5, 6),
    ]);
    // It cannot take effect before its start.
    assert_violation(&[may_do(set(A, 1), 3), did(read(A, Some(1)), 1, 2)]);
}

#[test]
fn write_of_unknown_outcome_can_explain_a_mismatch() {
    let start = did(set(A, 1), 0, 1);
    let mismatch = did(Said::Mismatch(vec![swap(A, 1, 3)]), 4, 5);
    let absent = did(read(A, None), 6, 7);
    assert_linearizable(&[
        start.clone(),
        may_do(delete(A), 2),
        mismatch.clone(),
        absent.clone(),
    ]);
    // But then it took effect, and the version that it replaced does not come back.
    let there = did(read(A, Some(1)), 6, 7);
    assert_violation(&[start.clone(), may_do(delete(A), 2), mismatch.clone(), there]);
    // It cannot take effect if its own condition does not hold.
    let other = may_do(Said::Changed(vec![first(A, 2)]), 2);
    assert_violation(&[start, other, mismatch]);
}

#[test]
fn two_writes_of_unknown_outcome_explain_one_read() {
    let start = did(set(A, 1), 0, 1);
    let (gone, back) = (
        may_do(delete(A), 2),
        may_do(Said::Changed(vec![first(A, 2)]), 3),
    );
    let seen = did(read(A, Some(2)), 8, 9);
    assert_linearizable(&[start.clone(), gone.clone(), back.clone(), seen.clone()]);
    assert_violation(&[start.clone(), back, seen.clone()]);
    assert_violation(&[start, gone, seen]);
}

#[test]
fn many_concurrent_operations_are_decided() {
    // 12 sets at once, and a read of each value afterwards. Only the last read makes their order impossible.
    let sets = (0..12).map(|value| did(set(A, value), value, 100 + value));
    let mut history: Vec<_> = sets.collect();
    let reads = (0..12).map(|value| did(read(A, Some(11 - value)), 20 + 2 * value, 21 + 2 * value));
    history.extend(reads);
    assert_linearizable(&history);
    history.push(did(read(A, Some(5)), 60, 61));
    assert_violation(&history);
}

/// Searches without any optimisation.
fn tries_every_order(left: &[Operation], contents: &Contents) -> bool {
    let Some(first_end) = left.iter().filter_map(|one| one.ended).min() else {
        return true;
    };
    let can_be_next = left
        .iter()
        .enumerate()
        .filter(|(_, one)| one.began < first_end);
    can_be_next.into_iter().any(|(index, operation)| {
        let next = match &operation.said {
            Said::Changed(changes) => contents.after(changes),
            said => said.is_seen_in(contents).then(|| contents.clone()),
        };
        let mut others = left.to_vec();
        others.remove(index);
        next.is_some_and(|next| tries_every_order(&others, &next))
    })
}

/// Makes a few operations on a store that gives a wrong result now and then.
fn at_random(rng: &mut fastrand::Rng) -> Vec<Operation> {
    const COUNT: u32 = 7;
    let mut contents = Contents::empty(2);
    let mut written = (1..).map(Value);
    let mut operations = Vec::new();
    for moment in 0..COUNT {
        let mut change = |rng: &mut fastrand::Rng| Change {
            key: Key(rng.u8(..2)),
            condition: match rng.u32(..4) {
                0 => Condition::Absent,
                1 => Condition::Version(Value(rng.u32(1..2 * COUNT))),
                _ => Condition::Always,
            },
            to: written.next().filter(|_| rng.bool()),
        };
        let mut changes = vec![change(rng)];
        if rng.u32(..3) == 0 {
            changes.push(change(rng));
        }
        let key = Key(rng.u8(..2));
        let (reads, lies, unknown) = (rng.bool(), rng.u32(..10) == 0, rng.u32(..3) == 0);
        let after = contents.after(&changes);
        let said = match after.is_some() {
            _ if reads && lies => Said::Read(key, Some(Value(rng.u32(1..2 * COUNT)))),
            _ if reads => Said::Read(key, contents.at(key)),
            done if done == lies => Said::Mismatch(changes),
            _ => Said::Changed(changes),
        };
        let happens = !reads && (!unknown || rng.bool());
        if happens {
            contents = after.unwrap_or(contents);
        }
        // Start before the moment and end after it. All starts and ends are different.
        let (before, afterwards) = (rng.u32(..COUNT), rng.u32(..COUNT));
        let began = (COUNT + moment - before) * 2 * COUNT + 2 * moment;
        let ended = (COUNT + moment + afterwards) * 2 * COUNT + 2 * moment + 1;
        operations.push(match said {
            Said::Changed(_) if unknown => may_do(said, began),
            said => did(said, began, ended),
        });
    }
    operations
}

#[test]
fn search_agrees_with_one_that_tries_every_order() {
    let mut rng = fastrand::Rng::with_seed(5);
    let mut linearizable = 0;
    for _ in 0..5_000 {
        let operations = at_random(&mut rng);
        let expected = tries_every_order(&operations, &Contents::empty(2));
        let found = check(&operations, 2) == Verdict::Linearizable;
        assert_eq!(found, expected, "{operations:#?}");
        linearizable += u32::from(expected);
    }
    assert!((1_000..4_000).contains(&linearizable), "{linearizable}");
}

fn about(keys: &[u8]) -> Operation {
    let delete = |key: &u8| Change {
        key: Key(*key),
        condition: Condition::Always,
        to: None,
    };
    Operation {
        call: 0,
        began: 0,
        ended: None,
        said: Said::Changed(keys.iter().map(delete).collect()),
    }
}

#[test]
fn transaction_merges_the_groups_of_its_keys() {
    let operations = [&[0][..], &[1], &[2], &[3], &[2, 3], &[1, 3]].map(about);
    let sizes = |operations| {
        let parts = parts(operations, 4);
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&operations[..4]), [1, 1, 1, 1]);
    assert_eq!(sizes(&operations[..5]), [1, 1, 3]);
    assert_eq!(sizes(&operations), [1, 5]);
}
