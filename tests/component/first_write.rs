//! First write wins: without an ETag it happens only where the item is absent.

use dapr_wasm_host::types::{Concurrency, DeleteOptions, SetOptions};
use serde_json::json;

use crate::fixture::{EXPIRES_AT, Table, assert_refused, delete_first_write, first_write, now};

#[tokio::test]
async fn the_first_of_two_first_writes_stands() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("order-1", b"1", first_write()).await;
    let answer = store.state().set("order-1", b"2", first_write()).await;
    assert_refused(answer, "etag-mismatch", &["order-1"]);
    let item = store.state().get("order-1", None).await.unwrap().unwrap();
    assert_eq!((item.value, item.etag), (b"1".to_vec(), etag.ok()));
}

#[tokio::test]
async fn a_first_write_with_an_empty_etag_is_a_first_write() {
    let mut store = Table::new().await.store().await;
    let options = Some(SetOptions {
        etag: Some(String::new()),
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    });
    store.state().set("k", b"1", options.clone()).await.unwrap();
    let answer = store.state().set("k", b"2", options).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
}

#[tokio::test]
async fn an_item_without_an_etag_stands_in_the_way_of_a_first_write() {
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
async fn an_expired_item_counts_as_absent_for_first_write() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for age in [0, 1, 1_000_000] {
        let expired = json!({
            "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "abc" },
            EXPIRES_AT: { "N": (now() - age).to_string() },
        });
        table.put(expired).await;
        store.state().set("k", b"new", first_write()).await.unwrap();
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!((item.value, item.expires_at), (b"new".to_vec(), None));
    }
}

#[tokio::test]
async fn an_item_that_has_not_expired_yet_stands_in_the_way_of_a_first_write() {
    let table = Table::new().await;
    let item = json!({
        "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "abc" },
        EXPIRES_AT: { "N": (now() + 3600).to_string() },
    });
    table.put(item.clone()).await;
    let mut store = table.store_with_ttl().await;
    let answer = store.state().set("k", b"new", first_write()).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    assert_eq!(table.raw("k").await, Some(item));
}

#[tokio::test]
async fn a_number_in_the_past_is_no_expiry_without_the_ttl_attribute_configured() {
    let table = Table::new().await;
    let item = json!({
        "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "abc" }, EXPIRES_AT: { "N": "1" },
    });
    table.put(item).await;
    let mut store = table.store().await;
    let answer = store.state().set("k", b"new", first_write()).await;
    assert_refused(answer, "etag-mismatch", &["k"]);
}

#[tokio::test]
async fn after_a_delete_the_next_first_write_succeeds() {
    let mut store = Table::new().await.store().await;
    for value in [b"1", b"2"] {
        store.state().set("k", value, first_write()).await.unwrap();
        store.state().delete("k", None).await.unwrap();
    }
}

/// As in Dapr's Go component: concurrency is about sets.
#[tokio::test]
async fn first_write_said_of_a_delete_changes_nothing() {
    let table = Table::new().await;
    let item = json!({ "key": { "S": "no-etag" }, "value": { "S": "theirs" } });
    table.put(item).await;
    let mut store = table.store().await;
    store.state().set("k", b"1", None).await.unwrap();
    for key in ["k", "no-etag", "absent"] {
        let answer = store.state().delete(key, delete_first_write()).await;
        answer.unwrap();
        assert_eq!(table.raw(key).await, None);
    }
    let first_write = dapr_wasm_host::types::DeleteRequest {
        key: "absent".to_owned(),
        options: delete_first_write(),
    };
    let answer = store
        .state()
        .bulk_delete(std::slice::from_ref(&first_write))
        .await;
    assert_eq!(answer.unwrap(), [Ok(())]);
    let operation = dapr_wasm_host::types::Operation::Delete(first_write);
    assert_eq!(store.state().transact(&[operation]).await.unwrap(), [None]);
}

#[tokio::test]
async fn last_write_said_aloud_overwrites_and_deletes() {
    let mut store = Table::new().await.store().await;
    let last = Some(SetOptions {
        concurrency: Some(Concurrency::LastWrite),
        ..SetOptions::default()
    });
    store.state().set("k", b"1", last.clone()).await.unwrap();
    store.state().set("k", b"2", last).await.unwrap();
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"2");
    let last = Some(DeleteOptions {
        concurrency: Some(Concurrency::LastWrite),
        ..DeleteOptions::default()
    });
    store.state().delete("k", last).await.unwrap();
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
}
