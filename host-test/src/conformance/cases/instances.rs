//! Instances share nothing but the data, and the data decides who wins.

use futures_util::future::join_all;

use crate::conformance::caller::{Answer, Caller};
use crate::conformance::case::{Group, Interface, case};
use crate::conformance::expectation::{equal, holds, mismatch, there};
use crate::conformance::outcome::{Checked, Unmet};
use crate::conformance::requests::{first_write, if_etag, set};
use crate::conformance::scene::Scene;

pub const GROUP: Group = Group {
    name: "instances",
    interface: Interface::State,
    cases: &[
        case!(
            another_instance_sees_what_was_set_and_what_was_deleted,
            SharedStore
        ),
        case!(instances_do_not_repeat_each_others_etags, SharedStore, Etag),
        case!(
            of_instances_that_race_on_one_etag_exactly_one_wins,
            SharedStore,
            Etag
        ),
        case!(
            of_instances_that_race_for_the_first_write_exactly_one_wins,
            SharedStore,
            Etag
        ),
        case!(
            of_transactions_that_race_for_the_first_write_exactly_one_applies_as_a_whole,
            SharedStore,
            Etag,
            Transactional
        ),
        case!(
            a_counter_that_instances_raise_by_etag_loses_no_step,
            SharedStore,
            Etag
        ),
    ],
};

const RACERS: usize = 6;

/// One call of each instance, all at the same time: who won with what, and what the others were refused with.
async fn race<T>(
    stores: Vec<Caller>,
    call: impl AsyncFn(usize, &mut Caller) -> Answer<T>,
) -> (Vec<(usize, T)>, Vec<Answer<()>>) {
    let calls = stores.into_iter().enumerate().map(|(i, mut store)| {
        let call = &call;
        async move { (i, call(i, &mut store).await) }
    });
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (i, answer) in join_all(calls).await {
        match answer {
            Ok(value) => won.push((i, value)),
            Err(refusal) => lost.push(Err(refusal)),
        }
    }
    (won, lost)
}

/// One won, and all others were told that their condition did not hold.
fn only<T>(won: Vec<(usize, T)>, lost: Vec<Answer<()>>, key: &str) -> Checked<(usize, T)> {
    for answer in lost {
        mismatch(answer, key)?;
    }
    let winners = won.len();
    match (winners, won.into_iter().next()) {
        (1, Some(winner)) => Ok(winner),
        _ => Err(Unmet::failed(format_args!(
            "of {RACERS} writes of which one can succeed, {winners} did"
        ))),
    }
}

async fn another_instance_sees_what_was_set_and_what_was_deleted(scene: &Scene) -> Checked {
    let (mut one, mut other) = (scene.store().await?, scene.store().await?);
    let etag = one.set("k", b"v", None).await?;
    let item = other.item("k").await?;
    equal("the value", item.value, b"v")?;
    equal("the ETag", item.etag.unwrap_or_default(), etag)?;
    one.delete("k", None).await?;
    equal("a deleted item", other.get("k").await?, None)
}

async fn instances_do_not_repeat_each_others_etags(scene: &Scene) -> Checked {
    let first = scene.store().await?.set("k", b"v", None).await?;
    let second = scene.store().await?.set("k", b"v", None).await?;
    holds(
        first != second,
        format_args!("two writes by two instances have the ETag {first:?}"),
    )
}

async fn of_instances_that_race_on_one_etag_exactly_one_wins(scene: &Scene) -> Checked {
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

async fn of_instances_that_race_for_the_first_write_exactly_one_wins(scene: &Scene) -> Checked {
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

async fn of_transactions_that_race_for_the_first_write_exactly_one_applies_as_a_whole(
    scene: &Scene,
) -> Checked {
    let stores = scene.stores(RACERS).await?;
    let (won, lost) = race(stores, async |i, store| {
        let mine = set(&format!("mine-{i}"), b"v", None);
        let operations = [set("k", b"v", first_write()), mine];
        store.transact(&operations).await
    })
    .await;
    // Another transaction that is under way may be told as such.
    let lost = lost.into_iter();
    let lost =
        lost.filter(|answer| !matches!(answer, Err(refusal) if refusal.case() == Some("conflict")));
    let (winner, _) = only(won, lost.collect(), &scene.key("k"))?;
    let mut store = scene.store().await?;
    for i in 0..RACERS {
        let name = format!("mine-{i}");
        let applied = store.get(&name).await?.is_some();
        equal(
            format_args!("whether {name} is there"),
            applied,
            i == winner,
        )?;
    }
    Ok(())
}

/// Instances, and how often each of them raises the counter.
const STEPS: [usize; 2] = [3, 10];

async fn a_counter_that_instances_raise_by_etag_loses_no_step(scene: &Scene) -> Checked {
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

/// Every round that is lost is a step of another instance, and there are only so many of those.
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
    Err(Unmet::failed("more rounds are lost than others have steps"))
}
