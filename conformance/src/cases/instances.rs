//! Instances share only the data in the store, and the data decides a race.

use super::*;
use futures_util::future::join_all;
use std::collections::BTreeSet;

pub const GROUP: Group = Group {
    name: "instances",
    interface: Interface::State,
    cases: cases!(
        [SharedStore],
        [
            other_instance_sees_sets_and_deletes,
            instances_never_repeat_an_etag(Etag),
            one_instance_wins_a_race_on_an_etag(Etag),
            one_instance_wins_a_race_for_a_first_write(Etag),
            one_transaction_wins_a_race_for_a_first_write(Etag, Transactional),
            counter_raised_by_etag_loses_no_step(Etag),
        ]
    ),
};

const RACERS: usize = 6;

/// Makes one call on each instance, all at the same time. Returns the winners with their results
/// and the losers with their errors.
async fn race<T>(
    stores: Vec<Caller>,
    call: impl AsyncFn(usize, &mut Caller) -> Answer<T>,
) -> (Vec<(usize, T)>, Vec<(usize, Refusal)>) {
    let calls = stores.into_iter().enumerate().map(|(i, mut store)| {
        let call = &call;
        async move { (i, call(i, &mut store).await) }
    });
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (i, answer) in join_all(calls).await {
        match answer {
            Ok(value) => won.push((i, value)),
            Err(refusal) => lost.push((i, refusal)),
        }
    }
    (won, lost)
}

/// Checks that exactly one call won, and that all others failed with a mismatch. Returns the
/// winner.
fn only<T>(won: Vec<(usize, T)>, lost: Vec<(usize, Refusal)>, key: &str) -> Checked<(usize, T)> {
    for (_, refusal) in lost {
        mismatch(Err::<(), _>(refusal), key)?;
    }
    let winners = won.len();
    match (winners, won.into_iter().next()) {
        (1, Some(winner)) => Ok(winner),
        _ => Err(Unmet::failed(format_args!(
            "{winners} of {RACERS} writes succeeded, but exactly one can"
        ))),
    }
}

async fn other_instance_sees_sets_and_deletes(scene: &Scene) -> Checked {
    let (mut one, mut other) = (scene.store().await?, scene.store().await?);
    let etag = one.set("k", b"v", None).await?;
    let item = other.item("k").await?;
    equal("the value", item.value, b"v")?;
    equal("the ETag", item.etag.unwrap_or_default(), etag)?;
    one.delete("k", None).await?;
    equal("a deleted item", other.get("k").await?, None)
}

async fn instances_never_repeat_an_etag(scene: &Scene) -> Checked {
    let first = scene.store().await?.set("k", b"v", None).await?;
    let second = scene.store().await?.set("k", b"v", None).await?;
    holds(
        first != second,
        format_args!("two writes by two instances have the ETag {first:?}"),
    )
}

async fn one_instance_wins_a_race_on_an_etag(scene: &Scene) -> Checked {
    let etag = scene.store().await?.set("k", b"0", None).await?;
    let stores = scene.stores(RACERS).await?;
    let (won, lost) = race(stores, async |i, store| {
        let value = i.to_string();
        store.set("k", value.as_bytes(), if_etag(&etag)).await
    })
    .await;
    let (winner, etag) = only(won, lost, &scene.key("k"))?;
    let item = scene.store().await?.item("k").await?;
    equal("the value", item.value, winner.to_string().into_bytes())?;
    equal("the ETag", item.etag, Some(etag))
}

async fn one_instance_wins_a_race_for_a_first_write(scene: &Scene) -> Checked {
    let stores = scene.stores(RACERS).await?;
    let (won, lost) = race(stores, async |i, store| {
        let value = i.to_string();
        store.set("k", value.as_bytes(), first_write()).await
    })
    .await;
    let (winner, etag) = only(won, lost, &scene.key("k"))?;
    let item = scene.store().await?.item("k").await?;
    equal("the value", item.value, winner.to_string().into_bytes())?;
    equal("the ETag", item.etag, Some(etag))
}

async fn one_transaction_wins_a_race_for_a_first_write(scene: &Scene) -> Checked {
    let stores = scene.stores(RACERS).await?;
    let (won, lost) = race(stores, async |i, store| {
        let mine = set(&format!("mine-{i}"), b"v", None);
        let value = i.to_string();
        let operations = [set("k", value.as_bytes(), first_write()), mine];
        store.transact(&operations).await
    })
    .await;
    let mut unknown = BTreeSet::new();
    for (i, refusal) in lost {
        match refusal.case() {
            // A transaction may report that another one is in progress.
            Some("conflict") => {}
            // A transaction that was sent again may find an item in its way, which may be its own.
            Some("unavailable") => {
                unknown.insert(i);
            }
            _ => mismatch(Err::<(), _>(refusal), &scene.key("k"))?,
        }
    }
    let won: BTreeSet<usize> = won.into_iter().map(|(i, _)| i).collect();
    let mut store = scene.store().await?;
    let stands = store.value("k").await?;
    let applied = (0..RACERS).find(|i| stands == Some(i.to_string().into_bytes()));
    // Nobody deletes the stored item, so no second transaction can apply.
    let may_stand = match (won.len(), applied) {
        (0, Some(applied)) => unknown.contains(&applied),
        (0, None) => stands.is_none() && !unknown.is_empty(),
        (1, Some(applied)) => won.contains(&applied),
        _ => false,
    };
    holds(
        may_stand,
        format_args!(
            "only one of {RACERS} transactions can apply: {won:?} succeeded, {unknown:?} have an \
             unknown outcome, and {applied:?} is stored"
        ),
    )?;
    for i in 0..RACERS {
        // While no item is stored, a transaction with an unknown outcome may still apply.
        if applied.is_none() && unknown.contains(&i) {
            continue;
        }
        let name = format!("mine-{i}");
        let there = store.get(&name).await?.is_some();
        equal(
            format_args!("the presence of {name}"),
            there,
            applied == Some(i),
        )?;
    }
    Ok(())
}

/// The number of instances, and the number of steps of each.
const STEPS: [usize; 2] = [3, 10];

async fn counter_raised_by_etag_loses_no_step(scene: &Scene) -> Checked {
    let [racers, steps] = STEPS;
    scene.store().await?.set("counter", b"0", None).await?;
    let stores = scene.stores(racers).await?;
    let raised = join_all(stores.into_iter().map(|mut store| async move {
        for _ in 0..steps {
            raise(&mut store, racers * steps).await?;
        }
        Ok(())
    }));
    for raised in raised.await {
        Checked::from(raised)?;
    }
    let counter = scene.store().await?.item("counter").await?.value;
    equal(
        "the counter",
        counter,
        (racers * steps).to_string().into_bytes(),
    )
}

/// Raises the counter by one. Each lost round is a step of another instance, so the number of
/// rounds is bounded.
async fn raise(store: &mut Caller, all_steps: usize) -> Checked {
    for _ in 0..=all_steps {
        let item = store.item("counter").await?;
        let count = String::from_utf8(item.value).ok();
        let count = there("the count", count.and_then(|text| text.parse::<u32>().ok()))?;
        let etag = there("the ETag", item.etag)?;
        let next = (count + 1).to_string();
        match store.set("counter", next.as_bytes(), if_etag(&etag)).await {
            Ok(_) => return Ok(()),
            refused => mismatch(refused, &store.key("counter"))?,
        }
    }
    Err(Unmet::failed(
        "more rounds were lost than other instances have steps",
    ))
}
