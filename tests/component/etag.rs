//! What an ETag looks like, and what holds for items that have none since another tool wrote them or their time has passed.

use serde_json::json;

use crate::fixture::{EXPIRES_AT, Store, Table, assert_refused, delete_if_etag, if_etag, now};

async fn value_and_etag(store: &mut Store, key: &str) -> (Vec<u8>, Option<String>) {
    let item = store.state().get(key, None).await.unwrap();
    let item = item.expect("the item is there");
    (item.value, item.etag)
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
