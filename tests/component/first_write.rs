//! First write wins also over what other tools wrote, and over what DynamoDB still holds past its time.

use serde_json::json;

use crate::fixture::{EXPIRES_AT, Table, assert_refused, delete_first_write, first_write, now};

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
