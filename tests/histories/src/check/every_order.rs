//! What makes the search short does not make it wrong.

use super::{
    super::{
        model::{Change, Condition, Key, Value},
        operation::Said,
    },
    tests::{did, may_do},
    *,
};

/// Without any of the thoughts that make the search short.
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

/// A few operations on a store that gives a wrong answer now and then.
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
        // Around its moment, and not as any other.
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
fn the_search_agrees_with_one_that_tries_every_order() {
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
