//! Time to live. An item's expiry is stored in the TTL attribute of the table. An expired item is
//! absent, even if the engine still stores it.

use crate::fixture::{
    EXPIRES_AT, Table, assert_error, assert_refused, expiring, first_write, now, set_of,
};
use dapr_wasm_host::types::{Consistency, GetOptions, Operation, SetOptions};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn expiring_at(key: &str, seconds: u64) -> Value {
    json!({
        "key": { "S": key }, "value": { "S": "v" }, "etag": { "S": "abc" },
        EXPIRES_AT: { "N": seconds.to_string() },
    })
}

#[tokio::test]
async fn ttl_is_stored_as_unix_seconds_and_returned() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for seconds in [1, 300, 3600, 86_400 * 365 * 20] {
        let before = now();
        store
            .state()
            .set("k", b"v", expiring(seconds))
            .await
            .unwrap();
        let raw = table.raw("k").await.unwrap();
        let stored: u64 = raw[EXPIRES_AT]["N"].as_str().unwrap().parse().unwrap();
        let due = seconds.unsigned_abs();
        assert!(
            (before + due..=now() + due).contains(&stored),
            "{stored} for {seconds}"
        );
        if seconds > 1 {
            let item = store.get("k").await.unwrap();
            assert_eq!(item.expires_at, Some(stored));
            let item = store.get_in_bulk("k").await.unwrap().unwrap();
            assert_eq!(item.expires_at, Some(stored));
        }
    }
}

#[tokio::test]
async fn ttl_of_zero_or_minus_one_or_none_never_expires() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for never in [expiring(0), expiring(-1), None, Some(SetOptions::default())] {
        store.state().set("k", b"v", expiring(2)).await.unwrap();
        store.state().set("k", b"v", never).await.unwrap();
        assert_eq!(table.raw("k").await.unwrap().get(EXPIRES_AT), None);
        let item = store.get("k").await.unwrap();
        assert_eq!(item.expires_at, None);
    }
}

#[tokio::test]
async fn a_ttl_below_minus_one_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for seconds in [-2, -3600, i64::MIN] {
        let answer = store.state().set("order-1", b"v", expiring(seconds)).await;
        assert_refused(answer, "invalid-argument", &["`ttl`", "order-1"]);
        let answer = store
            .state()
            .bulk_set(&[set_of("order-1", b"v", expiring(seconds))])
            .await;
        let error = answer.unwrap().remove(0).unwrap_err();
        assert_error(&error, "invalid-argument", &["`ttl`", "order-1"]);
        let set = Operation::Set(set_of("order-1", b"v", expiring(seconds)));
        let answer = store.state().transact(&[set]).await;
        assert_refused(answer, "invalid-argument", &["`ttl`", "order-1"]);
    }
    assert_eq!(table.raw("order-1").await, None);
}

#[tokio::test]
async fn a_ttl_without_a_ttl_attribute_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for seconds in [1, 3600] {
        let answer = store.state().set("order-1", b"v", expiring(seconds)).await;
        assert_refused(answer, "invalid-argument", &["order-1", "ttlAttributeName"]);
        assert_eq!(table.raw("order-1").await, None);
    }
    for never in [0, -1] {
        store
            .state()
            .set("order-1", b"v", expiring(never))
            .await
            .unwrap();
        let item = store.get("order-1").await.unwrap();
        assert_eq!(item.expires_at, None);
    }
}

#[tokio::test]
async fn expired_item_is_absent_for_eventual_and_strong_reads() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for (key, expiry) in [("past", now() - 10), ("epoch", 0), ("just-now", now())] {
        table.put(expiring_at(key, expiry)).await;
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let how = GetOptions {
                consistency: Some(consistency),
            };
            let item = store.state().get(key, Some(how)).await.unwrap();
            assert_eq!(item, None, "{key}");
            let many = store.state().bulk_get(&[key.to_owned()], Some(how)).await;
            assert_eq!(many.unwrap().remove(0).unwrap(), None, "{key}");
        }
    }
}

#[tokio::test]
async fn expired_item_is_replaced_and_deleted_without_error() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    table.put(expiring_at("k", 1)).await;
    store.set("k", b"new").await;
    let item = store.get("k").await.unwrap();
    assert_eq!(item.value, b"new");
    table.put(expiring_at("k", 1)).await;
    store.delete("k").await;
    assert_eq!(table.raw("k").await, None);
}

/// Exact to the second: the test and the host share a clock.
#[tokio::test]
async fn item_expires_at_its_exact_second() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    store
        .state()
        .set("k", "⏱️".as_bytes(), expiring(3))
        .await
        .unwrap();
    let item = store.get("k").await.unwrap();
    assert_eq!(item.value, "⏱️".as_bytes());
    let expiry = item.expires_at.unwrap();
    let bound = Instant::now() + Duration::from_secs(60);
    while let Some(item) = store.get("k").await {
        assert_eq!(item.expires_at, Some(expiry));
        assert!(Instant::now() < bound, "the item outlives its time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(now() >= expiry);
}

#[tokio::test]
async fn no_item_expires_without_a_configured_ttl_attribute() {
    let table = Table::new().await;
    table.put(expiring_at("k", 1)).await;
    let mut store = table.store().await;
    let item = store.get("k").await.unwrap();
    assert_eq!((item.value, item.expires_at), (b"v".to_vec(), None));
}

/// Python's `time.time()` writes such a fraction.
#[tokio::test]
async fn fractional_expiry_is_rounded_down() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for (key, expiry, there) in [("later", now() + 1_000, true), ("past", now() - 10, false)] {
        let mut item = expiring_at(key, expiry);
        item[EXPIRES_AT] = json!({ "N": format!("{expiry}.75") });
        table.put(item).await;
        let item = store.get(key).await;
        let expires_at = there.then_some(Some(expiry));
        assert_eq!(item.map(|item| item.expires_at), expires_at, "{key}");
        let first = store.state().set(key, b"new", first_write()).await;
        assert_eq!(first.is_err(), there, "{key}");
    }
}
