//! An item that another tool wrote, with attributes of types that ours do not have: reading it is an error that names the
//! key and the attribute, of that key alone; it can be replaced and deleted.

use serde_json::{Value, json};

use crate::fixture::{
    EXPIRES_AT, Store, Table, assert_error, assert_refused, delete_if_etag, first_write, if_etag,
};

/// An attribute, and what it may not be.
fn foreign() -> Vec<(&'static str, Value)> {
    let nested = json!({ "M": { "a": { "L": [{ "NULL": true }] } } });
    let mut foreign = Vec::new();
    for value in [
        nested.clone(),
        json!({ "L": [] }),
        json!({ "N": "1" }),
        json!({ "BOOL": true }),
        json!({ "NULL": true }),
        json!({ "SS": ["v"] }),
        json!({ "NS": ["1"] }),
        json!({ "BS": ["dg=="] }),
    ] {
        foreign.push(("value", value));
    }
    for etag in [
        json!({ "N": "1" }),
        json!({ "B": "ZQ==" }),
        json!({ "NULL": true }),
        json!({ "SS": ["e"] }),
        nested.clone(),
    ] {
        foreign.push(("etag", etag));
    }
    for expiry in [
        json!({ "S": "1700000000" }),
        json!({ "B": "MQ==" }),
        json!({ "NULL": true }),
        json!({ "L": [{ "N": "1" }] }),
        nested,
    ] {
        foreign.push((EXPIRES_AT, expiry));
    }
    foreign
}

/// An item of that key whose one attribute is another; its ETag is `e` otherwise.
fn item(key: &str, attribute: &str, value: &Value) -> Value {
    let mut item = json!({ "key": { "S": key }, "value": { "S": "v" }, "etag": { "S": "e" } });
    item[attribute] = value.clone();
    item
}

async fn value(store: &mut Store, key: &str) -> Vec<u8> {
    store.state().get(key, None).await.unwrap().unwrap().value
}

#[tokio::test]
async fn reading_it_is_an_error_that_names_the_key_and_the_attribute() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    store.state().set("good", b"v", None).await.unwrap();
    for (attribute, stored) in foreign() {
        table.put(item("order-1", attribute, &stored)).await;
        let names = ["\"order-1\"", &format!("`{attribute}`"), &table.name];
        assert_refused(store.state().get("order-1", None).await, "other", &names);
        let keys = ["good", "order-1", "nothing", "order-1"].map(str::to_owned);
        let found = store.state().bulk_get(&keys, None).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap().as_ref().unwrap().value, b"v");
        assert_eq!(found[2], Ok(None));
        for place in [1, 3] {
            assert_error(found[place].as_ref().unwrap_err(), "other", &names);
        }
    }
}

#[tokio::test]
async fn conditions_ask_for_the_etag_alone_and_an_item_is_there_whatever_it_holds() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for (attribute, stored) in foreign() {
        let original = item("order-1", attribute, &stored);
        table.put(original.clone()).await;
        let mismatch = |answer| assert_refused(answer, "etag-mismatch", &["order-1"]);
        mismatch(store.state().set("order-1", b"w", first_write()).await);
        mismatch(store.state().set("order-1", b"w", if_etag("1")).await);
        let answer = store.state().delete("order-1", delete_if_etag("1")).await;
        assert_refused(answer, "etag-mismatch", &["order-1"]);
        assert_eq!(table.raw("order-1").await, Some(original));
        let answer = store.state().set("order-1", b"w", if_etag("e")).await;
        assert_eq!(answer.is_ok(), attribute != "etag", "{stored}");
    }
}

#[tokio::test]
async fn a_plain_set_replaces_it_whole_and_a_plain_delete_deletes_it() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for (attribute, stored) in foreign() {
        table.put(item("order-1", attribute, &stored)).await;
        store.state().set("order-1", b"w", None).await.unwrap();
        assert_eq!(value(&mut store, "order-1").await, b"w");
        table.put(item("order-1", attribute, &stored)).await;
        store.state().delete("order-1", None).await.unwrap();
        assert_eq!(table.raw("order-1").await, None);
    }
}

#[tokio::test]
async fn a_moment_before_1970_has_passed_and_one_beyond_all_clocks_has_not() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for number in ["-1", "0", "-99999999999999999999999999"] {
        table
            .put(item("k", EXPIRES_AT, &json!({ "N": number })))
            .await;
        assert_eq!(
            store.state().get("k", None).await.unwrap(),
            None,
            "{number}"
        );
        store.state().set("k", b"w", first_write()).await.unwrap();
    }
    let largest = "9".repeat(38);
    for number in ["9223372036854775808", "100000000000000000000", &largest] {
        table
            .put(item("k", EXPIRES_AT, &json!({ "N": number })))
            .await;
        let found = store.state().get("k", None).await.unwrap().unwrap();
        assert!(found.expires_at.unwrap() > 1 << 62, "{number}");
        let answer = store.state().set("k", b"w", first_write()).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
    }
}

#[tokio::test]
async fn a_content_type_of_another_type_and_attributes_of_other_names_are_none_of_ours() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for stored in [
        json!({ "N": "7" }),
        json!({ "M": {} }),
        json!({ "NULL": true }),
    ] {
        for attribute in ["contentType", "another"] {
            table.put(item("k", attribute, &stored)).await;
            let found = store.state().get("k", None).await.unwrap().unwrap();
            assert_eq!((&found.value[..], found.content_type), (&b"v"[..], None));
            store.state().set("k", b"w", if_etag("e")).await.unwrap();
        }
    }
}
