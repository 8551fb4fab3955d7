//! A conditional write happens only where the stored ETag is the given one; nothing changes after a mismatch.

use dapr_wasm_host::types::{Concurrency, DeleteOptions, SetOptions};
use serde_json::json;

use crate::fixture::{EXPIRES_AT, Store, Table, assert_refused, delete_if_etag, if_etag, now};

async fn value_and_etag(store: &mut Store, key: &str) -> (Vec<u8>, Option<String>) {
    let item = store.state().get(key, None).await.unwrap();
    let item = item.expect("the item is there");
    (item.value, item.etag)
}

#[tokio::test]
async fn set_returns_the_etag_that_get_and_bulk_get_give() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"v", None).await.unwrap();
    assert_eq!(value_and_etag(&mut store, "k").await.1, Some(etag.clone()));
    let many = store.state().bulk_get(&["k".to_owned()], None).await;
    let item = many.unwrap().remove(0).unwrap().unwrap();
    assert_eq!(item.etag, Some(etag));
}

#[tokio::test]
async fn an_etag_is_sixteen_hex_digits_and_changes_at_every_write() {
    let mut store = Table::new().await.store().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let etag = store.state().set("k", b"same", None).await.unwrap();
        assert_eq!(etag.len(), 16, "{etag}");
        assert!(
            etag.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
            "{etag}"
        );
        assert!(seen.insert(etag), "an ETag was given twice");
    }
}

#[tokio::test]
async fn instances_do_not_repeat_each_others_etags() {
    let table = Table::new().await;
    let first = table.store().await.state().set("k", b"v", None).await;
    let second = table.store().await.state().set("k", b"v", None).await;
    assert_ne!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn a_set_with_the_stored_etag_writes_and_gives_a_new_one() {
    let mut store = Table::new().await.store().await;
    let first = store.state().set("k", b"1", None).await.unwrap();
    let second = store.state().set("k", b"2", if_etag(&first)).await;
    let second = second.unwrap();
    assert_ne!(first, second);
    let stored = value_and_etag(&mut store, "k").await;
    assert_eq!(stored, (b"2".to_vec(), Some(second)));
}

#[tokio::test]
async fn a_set_with_another_etag_is_a_mismatch_and_changes_nothing() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("order-1", b"1", None).await.unwrap();
    let strange = ["bad-etag", "\"quoted\"", "W/\"x\"", "*", " ", "0", "⏱️"];
    for wrong in strange.map(str::to_owned).into_iter().chain([
        etag.to_uppercase() + "0",
        format!(" {etag}"),
        "e".repeat(5000),
    ]) {
        let answer = store.state().set("order-1", b"2", if_etag(&wrong)).await;
        assert_refused(answer, "etag-mismatch", &["order-1"]);
    }
    let stored = value_and_etag(&mut store, "order-1").await;
    assert_eq!(stored, (b"1".to_vec(), Some(etag)));
}

#[tokio::test]
async fn an_etag_that_was_used_is_stale() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"1", None).await.unwrap();
    store.state().set("k", b"2", if_etag(&etag)).await.unwrap();
    let answer = store.state().set("k", b"3", if_etag(&etag)).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    let answer = store.state().delete("k", delete_if_etag(&etag)).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    assert_eq!(value_and_etag(&mut store, "k").await.0, b"2");
}

#[tokio::test]
async fn a_set_with_an_etag_on_an_absent_item_is_a_mismatch_and_writes_nothing() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let answer = store.state().set("gone-1", b"v", if_etag("1")).await;
    assert_refused(answer, "etag-mismatch", &["gone-1"]);
    assert_eq!(table.raw("gone-1").await, None);
}

#[tokio::test]
async fn a_delete_with_the_stored_etag_deletes() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let etag = store.state().set("k", b"1", None).await.unwrap();
    store
        .state()
        .delete("k", delete_if_etag(&etag))
        .await
        .unwrap();
    assert_eq!(table.raw("k").await, None);
}

#[tokio::test]
async fn a_delete_with_another_etag_is_a_mismatch_and_deletes_nothing() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("order-1", b"1", None).await.unwrap();
    let answer = store
        .state()
        .delete("order-1", delete_if_etag("bad-etag"))
        .await;
    assert_refused(answer, "etag-mismatch", &["order-1"]);
    let stored = value_and_etag(&mut store, "order-1").await;
    assert_eq!(stored, (b"1".to_vec(), Some(etag)));
}

#[tokio::test]
async fn a_delete_with_an_etag_of_an_absent_item_is_a_mismatch() {
    let mut store = Table::new().await.store().await;
    let answer = store.state().delete("gone-1", delete_if_etag("1")).await;
    assert_refused(answer, "etag-mismatch", &["gone-1"]);
}

#[tokio::test]
async fn an_empty_etag_counts_as_none() {
    let mut store = Table::new().await.store().await;
    store.state().set("k", b"1", if_etag("")).await.unwrap();
    store.state().set("k", b"2", if_etag("")).await.unwrap();
    assert_eq!(value_and_etag(&mut store, "k").await.0, b"2");
    store.state().delete("k", delete_if_etag("")).await.unwrap();
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
}

#[tokio::test]
async fn the_etag_alone_decides_whatever_the_concurrency() {
    let mut store = Table::new().await.store().await;
    let mut stored = store.state().set("k", b"0", None).await.unwrap();
    for concurrency in [Concurrency::FirstWrite, Concurrency::LastWrite] {
        let options = |etag: &str| SetOptions {
            etag: Some(etag.to_owned()),
            concurrency: Some(concurrency),
            ..SetOptions::default()
        };
        let stale = stored.clone();
        let answer = store.state().set("k", b"1", Some(options(&stored))).await;
        stored = answer.unwrap();
        let answer = store.state().set("k", b"2", Some(options(&stale))).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        let delete = DeleteOptions {
            etag: Some(stale),
            concurrency: Some(concurrency),
        };
        let answer = store.state().delete("k", Some(delete)).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
    }
    let delete = DeleteOptions {
        etag: Some(stored),
        concurrency: Some(Concurrency::FirstWrite),
    };
    store.state().delete("k", Some(delete)).await.unwrap();
}

#[tokio::test]
async fn an_item_without_an_etag_has_none_matches_none_and_is_replaced_by_last_write() {
    let table = Table::new().await;
    let item = json!({ "key": { "S": "k" }, "value": { "S": "theirs" } });
    table.put(item.clone()).await;
    let mut store = table.store().await;
    assert_eq!(
        value_and_etag(&mut store, "k").await,
        (b"theirs".to_vec(), None)
    );
    let answer = store.state().set("k", b"ours", if_etag("1")).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    let answer = store.state().delete("k", delete_if_etag("1")).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    assert_eq!(table.raw("k").await, Some(item));
    let etag = store.state().set("k", b"ours", None).await.unwrap();
    let stored = value_and_etag(&mut store, "k").await;
    assert_eq!(stored, (b"ours".to_vec(), Some(etag)));
}

#[tokio::test]
async fn an_expired_item_has_no_etag_to_match() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let expired = json!({
        "key": { "S": "k" }, "value": { "S": "v" }, "etag": { "S": "abc" },
        EXPIRES_AT: { "N": (now() - 10).to_string() },
    });
    table.put(expired).await;
    let answer = store.state().set("k", b"2", if_etag("abc")).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    let answer = store.state().delete("k", delete_if_etag("abc")).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
}
