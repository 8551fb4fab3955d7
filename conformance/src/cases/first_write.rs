//! First write wins: without an ETag, the write happens only if the item is
//! absent.

use super::*;
use dapr_wasm_host::types::{Concurrency, SetOptions};

pub const GROUP: Group = Group {
    name: "first write",
    interface: Interface::State,
    cases: cases!(
        [Etag],
        [
            first_of_two_first_writes_wins,
            empty_etag_does_not_change_a_first_write,
            first_write_fails_after_a_last_write,
            first_write_succeeds_after_a_delete,
            first_write_has_no_effect_on_a_delete,
            first_write_has_no_effect_on_a_delete_in_a_transaction(Transactional),
            explicit_last_write_overwrites_and_deletes,
        ]
    ),
};

async fn first_of_two_first_writes_wins(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("order-1", b"1", first_write()).await?;
    let answer = store.set("order-1", b"2", first_write()).await;
    mismatch(answer, &scene.key("order-1"))?;
    let stored = store.value_and_etag("order-1").await?;
    equal("the item", stored, (b"1".to_vec(), Some(etag)))
}

async fn empty_etag_does_not_change_a_first_write(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let options = Some(SetOptions {
        etag: Some(String::new()),
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    });
    store.set("k", b"1", options.clone()).await?;
    let answer = store.set("k", b"2", options).await;
    mismatch(answer, &scene.key("k"))
}

async fn first_write_fails_after_a_last_write(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"", None).await?;
    let answer = store.set("k", b"2", first_write()).await;
    mismatch(answer, &scene.key("k"))?;
    equal("the value", store.value("k").await?, Some(Vec::new()))
}

async fn first_write_succeeds_after_a_delete(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for value in [b"1", b"2"] {
        store.set("k", value, first_write()).await?;
        equal("the value", store.item("k").await?.value, value)?;
        store.delete("k", None).await?;
    }
    Ok(())
}

/// Concurrency applies to sets only, as in Dapr's Go components.
async fn first_write_has_no_effect_on_a_delete(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let options = || delete_with(Concurrency::FirstWrite);
    store.set("k", b"1", None).await?;
    for name in ["k", "absent"] {
        store.delete(name, options()).await?;
        equal(name, store.get(name).await?, None)?;
    }
    store.set("k", b"1", None).await?;
    let deletes = ["k", "absent"].map(|name| delete_of(name, options()));
    for deleted in by_position::<_, 2>(store.bulk_delete(&deletes).await?)? {
        succeeds("a bulk-delete with first-write", deleted)?;
    }
    equal("a deleted item", store.get("k").await?, None)
}

async fn first_write_has_no_effect_on_a_delete_in_a_transaction(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"1", None).await?;
    let deletes = ["k", "absent"].map(|name| delete(name, delete_with(Concurrency::FirstWrite)));
    equal("the ETags", store.transact(&deletes).await?, [None, None])?;
    equal("a deleted item", store.get("k").await?, None)
}

async fn explicit_last_write_overwrites_and_deletes(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"1", last_write()).await?;
    store.set("k", b"2", last_write()).await?;
    equal("the value", store.value("k").await?, Some(b"2".to_vec()))?;
    store
        .delete("k", delete_with(Concurrency::LastWrite))
        .await?;
    equal("a deleted item", store.get("k").await?, None)
}
