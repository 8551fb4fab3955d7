//! A conditional write happens only if the stored ETag equals the given one. A mismatch changes
//! nothing.

use super::*;
use dapr_wasm_host::types::{Concurrency, DeleteOptions, SetOptions};
use std::collections::HashSet;

pub const GROUP: Group = Group {
    name: "ETags",
    interface: Interface::State,
    cases: cases!(
        [Etag],
        [
            set_returns_the_same_etag_as_get_and_bulk_get,
            etag_changes_at_every_write,
            set_with_the_stored_etag_writes_and_returns_a_new_one,
            set_with_another_etag_is_a_mismatch_and_changes_nothing,
            used_etag_is_stale,
            set_with_an_etag_of_an_absent_item_is_a_mismatch,
            delete_with_the_stored_etag_deletes,
            delete_with_another_etag_is_a_mismatch,
            delete_with_an_etag_of_an_absent_item_is_a_mismatch,
            empty_etag_counts_as_absent,
            etag_overrides_concurrency,
        ]
    ),
};

async fn set_returns_the_same_etag_as_get_and_bulk_get(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"v", None).await?;
    holds(!etag.is_empty(), "the ETag is empty")?;
    let of_get = store.item("k").await?.etag;
    equal("the ETag of get", of_get.as_ref(), Some(&etag))?;
    let [item] = by_position(store.bulk_get(&["k"]).await?)?;
    let item = there("the item", succeeds("a bulk-get", item)?)?;
    equal("the ETag of bulk-get", item.etag, Some(etag))
}

async fn etag_changes_at_every_write(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let mut seen = HashSet::new();
    for round in 0..20 {
        let etag = store.set("k", b"same", None).await?;
        holds(
            seen.insert(etag.clone()),
            format_args!("{etag:?} was given twice"),
        )?;
        if round % 5 == 0 {
            store.delete("k", None).await?;
        }
    }
    Ok(())
}

async fn set_with_the_stored_etag_writes_and_returns_a_new_one(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let first = store.set("k", b"1", None).await?;
    let second = store.set("k", b"2", if_etag(&first)).await?;
    holds(first != second, "the ETag is the old one")?;
    let stored = store.value_and_etag("k").await?;
    equal("the item", stored, (b"2".to_vec(), Some(second)))
}

async fn set_with_another_etag_is_a_mismatch_and_changes_nothing(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("order-1", b"1", None).await?;
    let strange = ["bad-etag", "\"quoted\"", "W/\"x\"", "*", " ", "⏱️"];
    for wrong in strange.map(str::to_owned).into_iter().chain([
        etag.to_uppercase() + "0",
        format!(" {etag}"),
        format!("{etag} "),
        "e".repeat(5000),
    ]) {
        let answer = store.set("order-1", b"2", if_etag(&wrong)).await;
        mismatch(answer, &scene.key("order-1"))?;
    }
    let stored = store.value_and_etag("order-1").await?;
    equal("the item", stored, (b"1".to_vec(), Some(etag)))
}

async fn used_etag_is_stale(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"1", None).await?;
    store.set("k", b"2", if_etag(&etag)).await?;
    let answer = store.set("k", b"3", if_etag(&etag)).await;
    mismatch(answer, &scene.key("k"))?;
    let answer = store.delete("k", delete_if_etag(&etag)).await;
    mismatch(answer, &scene.key("k"))?;
    equal("the value", store.value("k").await?, Some(b"2".to_vec()))
}

async fn set_with_an_etag_of_an_absent_item_is_a_mismatch(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let answer = store.set("gone-1", b"v", if_etag("1")).await;
    mismatch(answer, &scene.key("gone-1"))?;
    let stale = store.set("gone-2", b"v", None).await?;
    store.delete("gone-2", None).await?;
    let answer = store.set("gone-2", b"v", if_etag(&stale)).await;
    mismatch(answer, &scene.key("gone-2"))?;
    for name in ["gone-1", "gone-2"] {
        equal(name, store.get(name).await?, None)?;
    }
    Ok(())
}

async fn delete_with_the_stored_etag_deletes(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"1", None).await?;
    store.delete("k", delete_if_etag(&etag)).await?;
    equal("a deleted item", store.get("k").await?, None)
}

async fn delete_with_another_etag_is_a_mismatch(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("order-1", b"1", None).await?;
    let answer = store.delete("order-1", delete_if_etag("bad-etag")).await;
    mismatch(answer, &scene.key("order-1"))?;
    let stored = store.value_and_etag("order-1").await?;
    equal("the item", stored, (b"1".to_vec(), Some(etag)))
}

async fn delete_with_an_etag_of_an_absent_item_is_a_mismatch(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let answer = store.delete("gone-1", delete_if_etag("1")).await;
    mismatch(answer, &scene.key("gone-1"))
}

async fn empty_etag_counts_as_absent(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"1", if_etag("")).await?;
    store.set("k", b"2", if_etag("")).await?;
    equal("the value", store.value("k").await?, Some(b"2".to_vec()))?;
    store.delete("k", delete_if_etag("")).await?;
    equal("a deleted item", store.get("k").await?, None)
}

async fn etag_overrides_concurrency(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let key = scene.key("k");
    let mut stored = store.set("k", b"0", None).await?;
    for concurrency in [Concurrency::FirstWrite, Concurrency::LastWrite] {
        let options = |etag: &str| SetOptions {
            etag: Some(etag.to_owned()),
            concurrency: Some(concurrency),
            ..SetOptions::default()
        };
        let stale = stored.clone();
        stored = store.set("k", b"1", Some(options(&stored))).await?;
        mismatch(store.set("k", b"2", Some(options(&stale))).await, &key)?;
        let delete = DeleteOptions {
            etag: Some(stale),
            concurrency: Some(concurrency),
        };
        mismatch(store.delete("k", Some(delete)).await, &key)?;
    }
    let delete = DeleteOptions {
        etag: Some(stored),
        concurrency: Some(Concurrency::FirstWrite),
    };
    store.delete("k", Some(delete)).await?;
    equal("a deleted item", store.get("k").await?, None)
}
