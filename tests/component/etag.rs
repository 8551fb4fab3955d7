//! ETags and the conditions of writes. Covers the format of an ETag, and conditions on items
//! without an ETag, which another tool wrote, or on items that have expired. A first write fails if
//! any unexpired item exists.

use crate::fixture::{
    EXPIRES_AT, Store, Table, assert_refused, delete_if_etag, delete_of, delete_with, first_write,
    if_etag, now,
};
use dapr_wasm_host::types::{Concurrency, Operation};
use serde_json::json;

async fn value_and_etag(store: &mut Store, key: &str) -> (Vec<u8>, Option<String>) {
    let item = store.get(key).await;
    let item = item.expect("the item is there");
    (item.value, item.etag)
}

#[tokio::test]
async fn etag_is_sixteen_hex_digits_and_new_for_every_write() {
    let mut store = Table::new().await.store().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let etag = store.set("k", b"same").await;
        assert_eq!(etag.len(), 16, "{etag}");
        assert!(
            etag.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
            "{etag}"
        );
        assert!(seen.insert(etag), "an ETag was given twice");
    }
}

#[tokio::test]
async fn item_without_etag_matches_no_etag_and_is_replaced() {
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
    let etag = store.set("k", b"ours").await;
    let stored = value_and_etag(&mut store, "k").await;
    assert_eq!(stored, (b"ours".to_vec(), Some(etag)));
}

#[tokio::test]
async fn expired_item_matches_no_etag() {
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
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn item_without_etag_blocks_first_write() {
    let table = Table::new().await;
    for key in ["no-etag", "no-value"] {
        let mut item = json!({ "key": { "S": key }, "value": { "S": "theirs" } });
        if key == "no-value" {
            item = json!({ "key": { "S": key } });
        }
        table.put(item.clone()).await;
        let mut store = table.store().await;
        let answer = store.state().set(key, b"ours", first_write()).await;
        assert_refused(answer, "etag-mismatch", &[key]);
        assert_eq!(table.raw(key).await, Some(item));
    }
}

#[tokio::test]
async fn expired_item_is_absent_for_first_write() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for age in [0, 1, 1_000_000] {
        let expired = json!({
            "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "abc" },
            EXPIRES_AT: { "N": (now() - age).to_string() },
        });
        table.put(expired).await;
        store.state().set("k", b"new", first_write()).await.unwrap();
        let item = store.get("k").await.unwrap();
        assert_eq!((item.value, item.expires_at), (b"new".to_vec(), None));
    }
}

#[tokio::test]
async fn past_expiry_is_ignored_without_ttl_attribute() {
    let table = Table::new().await;
    let item = json!({
        "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "abc" }, EXPIRES_AT: { "N": "1" },
    });
    table.put(item).await;
    let mut store = table.store().await;
    let answer = store.state().set("k", b"new", first_write()).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
}

/// Dapr's Go component does the same: concurrency applies to sets only.
#[tokio::test]
async fn first_write_is_ignored_for_deletes() {
    let table = Table::new().await;
    let item = json!({ "key": { "S": "no-etag" }, "value": { "S": "theirs" } });
    table.put(item).await;
    let mut store = table.store().await;
    store.set("k", b"1").await;
    let first_write = || delete_with(Concurrency::FirstWrite);
    for key in ["k", "no-etag", "absent"] {
        store.state().delete(key, first_write()).await.unwrap();
        assert_eq!(table.raw(key).await, None);
    }
    let deletes = [delete_of("absent", first_write())];
    let answer = store.state().bulk_delete(&deletes).await;
    assert_eq!(answer.unwrap(), [Ok(())]);
    let operations = deletes.map(Operation::Delete);
    assert_eq!(store.state().transact(&operations).await.unwrap(), [None]);
}
