//! In a bulk call, each request has its own condition and fails alone.

use super::*;

pub const GROUP: Group = Group {
    name: "bulk conditions",
    interface: Interface::State,
    cases: cases!(
        [Etag],
        [
            a_bulk_set_with_one_wrong_etag_writes_the_others,
            a_bulk_delete_with_one_wrong_etag_deletes_the_others,
            each_conditional_request_gets_its_own_result,
            first_of_two_first_writes_of_one_key_wins,
            condition_sees_earlier_requests_for_its_key,
            unconditional_set_applies_before_a_later_conditional_one,
            deletes_of_one_key_take_effect_in_order,
        ]
    ),
};

async fn a_bulk_set_with_one_wrong_etag_writes_the_others(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let kept = store.set("a", b"1", None).await?;
    let etag = store.set("b", b"1", None).await?;
    store.set("c", b"1", None).await?;
    let sets = [
        set_of("a", b"2", if_etag("bad-etag")),
        set_of("b", b"2", if_etag(&etag)),
        set_of("c", b"2", None),
    ];
    let [a, b, c] = by_position(store.bulk_set(&sets).await?)?;
    fails(a, |error| is_mismatch(error, &scene.key("a")))?;
    let stored = store.value_and_etag("a").await?;
    equal("a", stored, (b"1".to_vec(), Some(kept)))?;
    for (name, set) in [("b", b), ("c", c)] {
        let etag = succeeds(name, set)?;
        let stored = store.value_and_etag(name).await?;
        equal(name, stored, (b"2".to_vec(), Some(etag)))?;
    }
    Ok(())
}

async fn a_bulk_delete_with_one_wrong_etag_deletes_the_others(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("a", b"1", None).await?;
    for name in ["b", "c"] {
        store.set(name, b"1", None).await?;
    }
    let deletes = [
        delete_of("a", delete_if_etag(&etag)),
        delete_of("b", delete_if_etag("bad-etag")),
        delete_of("c", None),
        delete_of("absent", delete_if_etag("1")),
    ];
    let [a, b, c, absent] = by_position(store.bulk_delete(&deletes).await?)?;
    succeeds("a", a)?;
    fails(b, |error| is_mismatch(error, &scene.key("b")))?;
    succeeds("c", c)?;
    fails(absent, |error| is_mismatch(error, &scene.key("absent")))?;
    equal("a", store.value("a").await?, None)?;
    equal("b", store.value("b").await?, Some(b"1".to_vec()))?;
    equal("c", store.value("c").await?, None)
}

async fn each_conditional_request_gets_its_own_result(scene: &Scene) -> Checked {
    const MANY: usize = 60;
    let mut store = scene.store().await?;
    let names: Vec<String> = (0..MANY).map(|i| format!("k-{i}")).collect();
    for name in names.iter().step_by(3) {
        store.set(name, b"old", None).await?;
    }
    let sets: Vec<_> = names
        .iter()
        .map(|name| set_of(name, b"new", first_write()))
        .collect();
    let written = store.bulk_set(&sets).await?;
    equal("the number of results", written.len(), MANY)?;
    for (i, (name, set)) in names.iter().zip(written).enumerate() {
        if i % 3 == 0 {
            fails(set, |error| is_mismatch(error, &scene.key(name)))?;
            equal(name, store.value(name).await?, Some(b"old".to_vec()))?;
        } else {
            let etag = succeeds(name, set)?;
            let stored = store.value_and_etag(name).await?;
            equal(name, stored, (b"new".to_vec(), Some(etag)))?;
        }
    }
    Ok(())
}

async fn first_of_two_first_writes_of_one_key_wins(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let sets = [
        set_of("k", b"1", first_write()),
        set_of("k", b"2", first_write()),
    ];
    let [one, two] = by_position(store.bulk_set(&sets).await?)?;
    succeeds("the first", one)?;
    fails(two, |error| is_mismatch(error, &scene.key("k")))?;
    equal("the value", store.value("k").await?, Some(b"1".to_vec()))
}

async fn condition_sees_earlier_requests_for_its_key(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"0", None).await?;
    let sets = [
        set_of("k", b"1", if_etag(&etag)),
        set_of("k", b"2", if_etag(&etag)),
        set_of("k", b"3", first_write()),
        set_of("k", b"4", None),
    ];
    let [one, two, three, four] = by_position(store.bulk_set(&sets).await?)?;
    succeeds("the first", one)?;
    fails(two, |error| is_mismatch(error, &scene.key("k")))?;
    fails(three, |error| is_mismatch(error, &scene.key("k")))?;
    let etag = succeeds("the last", four)?;
    let stored = store.value_and_etag("k").await?;
    equal("the item", stored, (b"4".to_vec(), Some(etag)))
}

async fn unconditional_set_applies_before_a_later_conditional_one(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let sets = [set_of("k", b"1", None), set_of("k", b"2", first_write())];
    let [one, two] = by_position(store.bulk_set(&sets).await?)?;
    succeeds("the first", one)?;
    fails(two, |error| is_mismatch(error, &scene.key("k")))?;
    equal("the value", store.value("k").await?, Some(b"1".to_vec()))
}

async fn deletes_of_one_key_take_effect_in_order(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"1", None).await?;
    let deletes = [
        delete_of("k", delete_if_etag("bad-etag")),
        delete_of("k", delete_if_etag(&etag)),
        delete_of("k", delete_if_etag(&etag)),
        delete_of("k", None),
    ];
    let [wrong, right, stale, plain] = by_position(store.bulk_delete(&deletes).await?)?;
    fails(wrong, |error| is_mismatch(error, &scene.key("k")))?;
    succeeds("the delete with the stored ETag", right)?;
    fails(stale, |error| is_mismatch(error, &scene.key("k")))?;
    succeeds("the delete without a condition", plain)?;
    equal("a deleted item", store.get("k").await?, None)
}
