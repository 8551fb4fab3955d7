//! A transaction applies all of its operations.

use super::*;

pub const GROUP: Group = Group {
    name: "transactions",
    interface: Interface::State,
    cases: cases!(
        [Transactional],
        [
            transaction_returns_etags_by_position,
            empty_transaction_is_ok,
            transaction_of_one_delete_of_an_absent_key_is_ok,
            transaction_applies_if_all_conditions_hold(Etag),
            expired_item_is_absent_for_transaction_conditions(Etag, Ttl),
            transaction_keeps_the_content_type_of_each_operation,
            transaction_accepts_the_promised_number_of_operations,
        ]
    ),
};

async fn transaction_returns_etags_by_position(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("old", b"1", None).await?;
    let operations = [
        set("a", b"A", None),
        delete("old", None),
        set("b", &[0xff], None),
        delete("never-set", None),
    ];
    let [a, none, b, never] = by_position(store.transact(&operations).await?)?;
    equal("the ETags of deletes", (none, never), (None, None))?;
    for (name, value, etag) in [("a", b"A".to_vec(), a), ("b", vec![0xff], b)] {
        let etag = there("the ETag of a set", etag)?;
        let item = store.item(name).await?;
        equal(name, item.value, value)?;
        equal("the ETag", item.etag.unwrap_or_default(), etag)?;
    }
    equal("a deleted item", store.value("old").await?, None)
}

async fn empty_transaction_is_ok(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    equal("the ETags", store.transact(&[]).await?, Vec::new())
}

async fn transaction_of_one_delete_of_an_absent_key_is_ok(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etags = store.transact(&[delete("never-set", None)]).await?;
    equal("the ETags", etags, [None])
}

async fn transaction_applies_if_all_conditions_hold(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let replaced = store.set("replaced", b"1", None).await?;
    let deleted = store.set("deleted", b"1", None).await?;
    let operations = [
        set("replaced", b"2", if_etag(&replaced)),
        delete("deleted", delete_if_etag(&deleted)),
        set("first", b"2", first_write()),
        set("empty-etag", b"2", if_etag("")),
    ];
    store.transact(&operations).await?;
    for name in ["replaced", "first", "empty-etag"] {
        equal(name, store.value(name).await?, Some(b"2".to_vec()))?;
    }
    equal("a deleted item", store.value("deleted").await?, None)
}

async fn expired_item_is_absent_for_transaction_conditions(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let set_etag = store.set("set", b"1", expiring(1)).await?;
    let delete_etag = store.set("deleted", b"1", expiring(1)).await?;
    store.set("first", b"1", expiring(1)).await?;
    super::time_to_live::outlived(&mut store).await?;
    for (name, operation) in [
        ("set", set("set", b"2", if_etag(&set_etag))),
        ("deleted", delete("deleted", delete_if_etag(&delete_etag))),
    ] {
        let answer = store.transact(&[operation]).await;
        mismatch(answer, &scene.key(name))?;
        equal(name, store.value(name).await?, None)?;
    }
    store.transact(&[set("first", b"2", first_write())]).await?;
    equal(
        "the value",
        store.value("first").await?,
        Some(b"2".to_vec()),
    )
}

async fn transaction_keeps_the_content_type_of_each_operation(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let operations = [
        set("a", b"{}", content_type("application/json")),
        set("b", b"v", None),
    ];
    store.transact(&operations).await?;
    let (a, b) = (store.item("a").await?, store.item("b").await?);
    let types = (a.content_type.as_deref(), b.content_type);
    equal("the content types", types, (Some("application/json"), None))
}

/// The largest number that is tried. Few stores promise more, and it would take
/// long.
const MANY: u32 = 1000;

async fn transaction_accepts_the_promised_number_of_operations(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let size = store.max_transaction_size().await?.min(MANY);
    let operations: Vec<_> = (0..size)
        .map(|i| set(&format!("k-{i}"), b"v", None))
        .collect();
    let etags = store.transact(&operations).await?;
    equal("the number of ETags", etags.len(), operations.len())?;
    holds(etags.iter().all(Option::is_some), "a set returned no ETag")?;
    let last = format!("k-{}", size.saturating_sub(1));
    equal("the last value", store.item(&last).await?.value, b"v")?;
    let on_one_key: Vec<_> = (0..size).map(|_| set("k", b"v", None)).collect();
    store.transact(&on_one_key).await?;
    equal("the value", store.item("k").await?.value, b"v")
}
