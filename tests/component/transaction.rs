//! Transactions at the limits of DynamoDB, and on items that other tools wrote.

use crate::fixture::{
    EXPIRES_AT, Table, assert_refused, delete, delete_if_etag, expiring, first_write, if_etag, set,
};
use serde_json::json;

#[tokio::test]
async fn failed_condition_refuses_transaction_and_names_its_key() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    store.set("guard", b"1").await;
    store.set("kept", b"1").await;
    let expired = json!({
        "key": { "S": "guard-expired" }, "value": { "S": "v" }, "etag": { "S": "abc" },
        EXPIRES_AT: { "N": "1" },
    });
    table.put(expired).await;
    let failing = [
        ("guard", set("guard", b"2", if_etag("bad-etag"))),
        ("guard", set("guard", b"2", first_write())),
        ("guard", delete("guard", delete_if_etag("bad-etag"))),
        ("guard-absent", set("guard-absent", b"2", if_etag("1"))),
        ("guard-absent", delete("guard-absent", delete_if_etag("1"))),
        ("guard-expired", set("guard-expired", b"2", if_etag("abc"))),
        (
            "guard-expired",
            delete("guard-expired", delete_if_etag("abc")),
        ),
    ];
    for (key, operation) in failing {
        let operations = [set("new", b"2", None), operation, delete("kept", None)];
        let answer = store.state().transact(&operations).await;
        assert_refused(answer, "etag-mismatch", &[&format!("\"{key}\"")]);
        assert_eq!(store.value("new").await, None);
        assert_eq!(store.value("guard").await, Some(b"1".to_vec()));
        assert_eq!(store.value("guard-absent").await, None);
        assert_eq!(store.value("kept").await, Some(b"1".to_vec()));
    }
}

#[tokio::test]
async fn transaction_succeeds_when_all_conditions_hold() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let replaced = store.set("replaced", b"1").await;
    let deleted = store.set("deleted", b"1").await;
    let expired = json!({
        "key": { "S": "expired" }, "value": { "S": "v" }, "etag": { "S": "abc" },
        EXPIRES_AT: { "N": "1" },
    });
    table.put(expired).await;
    let operations = [
        set("replaced", b"2", if_etag(&replaced)),
        delete("deleted", delete_if_etag(&deleted)),
        set("first", b"2", first_write()),
        set("expired", b"2", first_write()),
        set("no-etag", b"2", if_etag("")),
    ];
    store.state().transact(&operations).await.unwrap();
    for key in ["replaced", "first", "expired", "no-etag"] {
        assert_eq!(store.value(key).await, Some(b"2".to_vec()), "{key}");
    }
    assert_eq!(store.value("deleted").await, None);
}

#[tokio::test]
async fn item_without_etag_blocks_transactional_first_write() {
    let table = Table::new().await;
    let item = json!({ "key": { "S": "k" }, "value": { "S": "theirs" } });
    table.put(item.clone()).await;
    let mut store = table.store().await;
    let answer = store
        .state()
        .transact(&[set("k", b"ours", first_write())])
        .await;
    assert_refused(answer, "etag-mismatch", &["k"]);
    assert_eq!(table.raw("k").await, Some(item));
}

#[tokio::test]
async fn hundred_operations_are_accepted_and_one_more_refused() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let many: Vec<_> = (0..101)
        .map(|i| set(&format!("k-{i}"), b"v", None))
        .collect();
    let answer = store.state().transact(&many).await;
    let names = ["101", "the limit is 100"];
    assert_refused(answer, "invalid-argument", &names);
    assert_eq!(table.raw("k-0").await, None);
    let etags = store.state().transact(&many[..100]).await.unwrap();
    assert_eq!(etags.len(), 100);
    assert!(table.raw("k-99").await.is_some());
    let on_one_key = vec![set("k", b"v", None); 101];
    let answer = store.state().transact(&on_one_key).await;
    let names = ["101", "the limit is 100"];
    assert_refused(answer, "invalid-argument", &names);
    store.state().transact(&on_one_key[..100]).await.unwrap();
}

#[tokio::test]
async fn one_invalid_operation_refuses_the_whole_transaction() {
    let mut store = Table::new().await.store().await;
    let big = vec![b'x'; 500_000];
    let wrong = [
        (set("", b"v", None), "invalid-argument", "key"),
        (delete("", None), "invalid-argument", "key"),
        (
            set(&"x".repeat(3000), b"v", None),
            "invalid-argument",
            "2048",
        ),
        (set("big", &big, None), "too-large", "big"),
        (set("late", b"v", expiring(60)), "invalid-argument", "ttl"),
    ];
    for (operation, case, named) in wrong {
        let operations = [set("a", b"v", None), operation];
        let answer = store.state().transact(&operations).await;
        assert_refused(answer, case, &[named]);
        assert_eq!(store.value("a").await, None);
    }
}

/// DynamoDB accepts 4 MB per transaction. These are 4.6 MB in items that are each within the limit.
#[tokio::test]
async fn a_transaction_of_more_than_four_megabytes_is_too_large() {
    let mut store = Table::new().await.store().await;
    let big = vec![b'x'; 390_000];
    let many: Vec<_> = (0..12)
        .map(|i| set(&format!("k-{i}"), &big, None))
        .collect();
    assert_refused(store.state().transact(&many).await, "too-large", &[]);
    assert_eq!(store.value("k-0").await, None);
    store.state().transact(&many[..8]).await.unwrap();
}

#[tokio::test]
async fn invalid_operation_is_refused_despite_a_later_valid_one() {
    let mut store = Table::new().await.store().await;
    let big = vec![b'x'; 500_000];
    let operations = [set("k", &big, None), set("k", b"small", None)];
    let answer = store.state().transact(&operations).await;
    assert_refused(answer, "too-large", &["k"]);
    assert_eq!(store.value("k").await, None);
}
