//! Items in the table: those that a set or a delete leaves, and those that other tools wrote.
//!
//! The layout is the one of Dapr's Go component, for reading and writing. The tests write and read
//! it in the engine directly. Source of the layout: dapr/components-contrib
//! `state/aws/dynamodb/dynamodb.go`, functions `createItem`, `marshalValue`, `unmarshalValue`.
//!
//! An item with attributes of unexpected types is an error of its own key only. The error names the
//! key and the attribute. Such an item can be replaced and deleted.

use crate::fixture::{
    EXPIRES_AT, Table, assert_error, assert_refused, delete_if_etag, first_write, if_etag, now,
    set_of,
};
use dapr_wasm_host::types::{FeatureSet, Operation, SetOptions};
use serde_json::{Value, json};

#[tokio::test]
async fn text_is_stored_as_a_string_and_other_bytes_as_binary() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for (key, value, kind) in [
        ("text", b"hello world".to_vec(), "S"),
        ("empty", Vec::new(), "S"),
        ("json", br#"{"product":{"value":15}}"#.to_vec(), "S"),
        ("emoji", "⏱️ 日本語".as_bytes().to_vec(), "S"),
        ("control-characters", (0..0x20).collect(), "S"),
        (
            "noncharacters",
            "a\u{2028}b\u{feff}c\u{fffd}".as_bytes().to_vec(),
            "S",
        ),
        ("every-byte", (0..=255).collect(), "B"),
        ("truncated-utf8", vec![b'a', 0xe2, 0x82], "B"),
        ("lone-surrogate", vec![0xed, 0xa0, 0x80], "B"),
        ("200-kilobytes", vec![0x9f; 200_000], "B"),
    ] {
        store.set(key, &value).await;
        let raw = table.raw(key).await.unwrap();
        assert!(raw["value"].get(kind).is_some(), "{key}: {}", raw["value"]);
        let item = store.get(key).await.unwrap();
        assert_eq!(item.value, value, "{key}");
    }
}

#[tokio::test]
async fn set_replaces_the_whole_item() {
    let table = Table::new().await;
    table
        .put(json!({
            "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "1" },
            "contentType": { "S": "text/plain" }, "stray": { "N": "7" },
        }))
        .await;
    let mut store = table.store().await;
    let etag = store.set("k", b"new").await;
    let raw = table.raw("k").await.unwrap();
    assert_eq!(
        raw,
        json!({ "key": { "S": "k" }, "value": { "S": "new" }, "etag": { "S": etag } })
    );
}

#[tokio::test]
async fn deleted_item_is_absent_and_can_be_set_again() {
    let table = Table::new().await;
    let mut store = table.store().await;
    store.set("k", b"v").await;
    store.delete("k").await;
    assert_eq!(store.get("k").await, None);
    assert_eq!(table.raw("k").await, None);
    store.set("k", b"again").await;
    let item = store.get("k").await.unwrap();
    assert_eq!(item.value, b"again");
}

#[tokio::test]
async fn configured_store_answers_ping_features_and_size() {
    let table = Table::new().await;
    let mut store = table.store().await;
    store.state().ping().await.unwrap();
    assert_eq!(store.state().max_transaction_size().await.unwrap(), 100);
    let features = store.state().features().await.unwrap();
    assert_eq!(features, FeatureSet::ETAG | FeatureSet::TRANSACTIONAL);
    let features = table.store_with_ttl().await.state().features().await;
    assert_eq!(features.unwrap(), FeatureSet::all());
}

/// Returns the item that the Go component writes. Its ETag is a random number in hex without
/// leading zeros.
fn written_by_go(key: &str, value: Value, etag: &str) -> Value {
    json!({ "key": { "S": key }, "value": value, "etag": { "S": etag } })
}

#[tokio::test]
async fn values_written_by_the_go_component_are_read() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for (value, bytes) in [
        (json!({ "S": "\"hello\"" }), b"\"hello\"".to_vec()),
        (json!({ "S": "123" }), b"123".to_vec()),
        (json!({ "S": "{\"a\":\"b\"}" }), b"{\"a\":\"b\"}".to_vec()),
        (json!({ "S": "" }), Vec::new()),
        (json!({ "B": "aGVsbG8=" }), b"hello".to_vec()),
        (json!({ "B": "/w==" }), vec![0xff]),
        (json!({ "B": "" }), Vec::new()),
    ] {
        table
            .put(written_by_go("k", value.clone(), "1bdead4badc0ffee"))
            .await;
        let item = store.get("k").await.unwrap();
        assert_eq!(item.value, bytes, "{value}");
        assert_eq!(item.etag.as_deref(), Some("1bdead4badc0ffee"));
        assert_eq!((item.content_type, item.expires_at), (None, None));
        let in_bulk = store.get_in_bulk("k").await.unwrap();
        assert_eq!(in_bulk.unwrap().value, bytes);
    }
}

#[tokio::test]
async fn etags_of_the_go_component_match_with_any_length() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for etag in ["1bdead4badc0ffee", "c0ffee", "7"] {
        table
            .put(written_by_go("k", json!({ "S": "1" }), etag))
            .await;
        store.state().set("k", b"2", if_etag(etag)).await.unwrap();
        table
            .put(written_by_go("k", json!({ "B": "/w==" }), etag))
            .await;
        let padded = format!("{etag:0>17}");
        let answer = store.state().delete("k", delete_if_etag(&padded)).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        store
            .state()
            .delete("k", delete_if_etag(etag))
            .await
            .unwrap();
        assert_eq!(table.raw("k").await, None);
    }
}

#[tokio::test]
async fn expiries_written_by_the_go_component_are_honoured() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let mut item = written_by_go("k", json!({ "S": "1" }), "1");
    item[EXPIRES_AT] = json!({ "N": "4074862051" });
    table.put(item.clone()).await;
    let read = store.get("k").await.unwrap();
    assert_eq!(read.expires_at, Some(4_074_862_051));
    item[EXPIRES_AT] = json!({ "N": "35489251" });
    table.put(item).await;
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn items_have_the_layout_that_the_go_component_reads() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let etag = store.set("text", b"{\"a\":1}").await;
    let raw = table.raw("text").await;
    assert_eq!(
        raw,
        Some(written_by_go("text", json!({ "S": "{\"a\":1}" }), &etag))
    );

    let etag = store.set("bytes", &[0xff, 0x00]).await;
    let raw = table.raw("bytes").await;
    assert_eq!(
        raw,
        Some(written_by_go("bytes", json!({ "B": "/wA=" }), &etag))
    );

    let options = SetOptions {
        ttl: Some(3600),
        content_type: Some("text/plain".to_owned()),
        ..SetOptions::default()
    };
    let etag = store.state().set("all", b"v", Some(options)).await.unwrap();
    let mut raw = table.raw("all").await.unwrap();
    let expiry = raw[EXPIRES_AT].take();
    let expected = json!({
        "key": { "S": "all" }, "value": { "S": "v" }, "etag": { "S": etag },
        "contentType": { "S": "text/plain" }, EXPIRES_AT: null,
    });
    assert_eq!(raw, expected);
    let seconds: u64 = expiry["N"].as_str().unwrap().parse().unwrap();
    assert!((now() + 3590..=now() + 3600).contains(&seconds));
}

#[tokio::test]
async fn bulk_sets_and_transactions_write_the_same_layout() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let sets = ["a", "b"].map(|key| set_of(key, b"v", None));
    let written = store.state().bulk_set(&sets).await.unwrap();
    for (key, etag) in ["a", "b"].into_iter().zip(written) {
        let expected = written_by_go(key, json!({ "S": "v" }), &etag.unwrap());
        assert_eq!(table.raw(key).await, Some(expected));
    }
    let operations = sets.map(Operation::Set);
    let written = store.state().transact(&operations).await.unwrap();
    for (key, etag) in ["a", "b"].into_iter().zip(written) {
        let expected = written_by_go(key, json!({ "S": "v" }), &etag.unwrap());
        assert_eq!(table.raw(key).await, Some(expected));
    }
}

/// Returns attributes, each with a value of a type that it may not have.
fn foreign() -> Vec<(&'static str, Value)> {
    let nested = || json!({ "M": { "a": { "L": [{ "NULL": true }] } } });
    let values = vec![
        nested(),
        json!({ "M": {} }),
        json!({ "L": [] }),
        json!({ "N": "1" }),
        json!({ "BOOL": true }),
        json!({ "NULL": true }),
        json!({ "SS": ["v"] }),
        json!({ "NS": ["1"] }),
        json!({ "BS": ["dg=="] }),
        Value::Null, // the attribute is removed
    ];
    let etags = vec![
        json!({ "N": "1" }),
        json!({ "B": "ZQ==" }),
        json!({ "NULL": true }),
        json!({ "SS": ["e"] }),
        nested(),
    ];
    let expiries = vec![
        json!({ "S": "1700000000" }),
        json!({ "B": "MQ==" }),
        json!({ "NULL": true }),
        json!({ "L": [{ "N": "1" }] }),
        nested(),
    ];
    let all = [("value", values), ("etag", etags), (EXPIRES_AT, expiries)];
    let all = all.into_iter();
    all.flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)))
        .collect()
}

/// Returns an item of this key with one attribute replaced. Its ETag is `e` unless the ETag is
/// replaced.
fn item(key: &str, attribute: &str, value: &Value) -> Value {
    let mut item = json!({ "key": { "S": key }, "value": { "S": "v" }, "etag": { "S": "e" } });
    item[attribute] = value.clone();
    if value.is_null() {
        item.as_object_mut().unwrap().remove(attribute);
    }
    item
}

#[tokio::test]
async fn error_of_foreign_item_names_the_key_and_the_attribute() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    store.set("good", b"v").await;
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
async fn conditions_on_a_foreign_item_check_the_etag_only() {
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
async fn foreign_item_can_be_replaced_and_deleted() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for (attribute, stored) in foreign() {
        table.put(item("order-1", attribute, &stored)).await;
        store.set("order-1", b"w").await;
        assert_eq!(store.value("order-1").await.unwrap(), b"w");
        table.put(item("order-1", attribute, &stored)).await;
        store.delete("order-1").await;
        assert_eq!(table.raw("order-1").await, None);
    }
}

#[tokio::test]
async fn expiry_before_1970_has_passed_and_one_beyond_u64_has_not() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for number in ["-1", "0", "-99999999999999999999999999"] {
        table
            .put(item("k", EXPIRES_AT, &json!({ "N": number })))
            .await;
        assert_eq!(store.get("k").await, None, "{number}");
        store.state().set("k", b"w", first_write()).await.unwrap();
    }
    let largest = "9".repeat(38);
    for number in ["9223372036854775808", "100000000000000000000", &largest] {
        table
            .put(item("k", EXPIRES_AT, &json!({ "N": number })))
            .await;
        let found = store.get("k").await.unwrap();
        assert!(found.expires_at.unwrap() > 1 << 62, "{number}");
        let answer = store.state().set("k", b"w", first_write()).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
    }
}

#[tokio::test]
async fn attributes_of_other_tools_are_ignored_by_reads() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for stored in [
        json!({ "N": "7" }),
        json!({ "M": {} }),
        json!({ "NULL": true }),
        json!({ "L": [{ "M": { "deep": { "NS": ["1", "2"] } } }] }),
    ] {
        for attribute in ["contentType", "another"] {
            table.put(item("k", attribute, &stored)).await;
            let found = store.get("k").await.unwrap();
            assert_eq!((&found.value[..], found.content_type), (&b"v"[..], None));
            store.state().set("k", b"w", if_etag("e")).await.unwrap();
        }
    }
}
