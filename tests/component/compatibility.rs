//! Items are those of Dapr's Go component, both ways; its layout is written and read here behind the component's back.
//!
//! The layout: dapr/components-contrib `state/aws/dynamodb/dynamodb.go`, functions `createItem`, `marshalValue`, `unmarshalValue`.

use dapr_wasm_host::types::SetOptions;
use serde_json::{Value, json};

use crate::fixture::{EXPIRES_AT, Table, assert_refused, delete_if_etag, if_etag, now};

/// The item that the Go component writes; its ETag is a random number in hex without leading zeros.
fn written_by_go(key: &str, value: Value, etag: &str) -> Value {
    json!({ "key": { "S": key }, "value": value, "etag": { "S": etag } })
}

#[tokio::test]
async fn values_that_the_go_component_wrote_are_read() {
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
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.value, bytes, "{value}");
        assert_eq!(item.etag.as_deref(), Some("1bdead4badc0ffee"));
        assert_eq!((item.content_type, item.expires_at), (None, None));
        let many = store
            .state()
            .bulk_get(&["k".to_owned()], None)
            .await
            .unwrap();
        assert_eq!(many[0].as_ref().unwrap().as_ref().unwrap().value, bytes);
    }
}

#[tokio::test]
async fn etags_that_the_go_component_wrote_are_honoured_at_any_length() {
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
async fn times_to_live_that_the_go_component_wrote_are_honoured() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let mut item = written_by_go("k", json!({ "S": "1" }), "1");
    item[EXPIRES_AT] = json!({ "N": "4074862051" });
    table.put(item.clone()).await;
    let read = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(read.expires_at, Some(4_074_862_051));
    item[EXPIRES_AT] = json!({ "N": "35489251" });
    table.put(item).await;
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
}

#[tokio::test]
async fn what_the_component_writes_is_what_the_go_component_reads() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let etag = store.state().set("text", b"{\"a\":1}", None).await.unwrap();
    let raw = table.raw("text").await;
    assert_eq!(
        raw,
        Some(written_by_go("text", json!({ "S": "{\"a\":1}" }), &etag))
    );

    let etag = store
        .state()
        .set("bytes", &[0xff, 0x00], None)
        .await
        .unwrap();
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
    let sets = ["a", "b"].map(|key| crate::fixture::set_of(key, b"v", None));
    let written = store.state().bulk_set(&sets).await.unwrap();
    for (key, etag) in ["a", "b"].into_iter().zip(written) {
        let expected = written_by_go(key, json!({ "S": "v" }), &etag.unwrap());
        assert_eq!(table.raw(key).await, Some(expected));
    }
    let operations = sets.map(dapr_wasm_host::types::Operation::Set);
    let written = store.state().transact(&operations).await.unwrap();
    for (key, etag) in ["a", "b"].into_iter().zip(written) {
        let expected = written_by_go(key, json!({ "S": "v" }), &etag.unwrap());
        assert_eq!(table.raw(key).await, Some(expected));
    }
}

#[tokio::test]
async fn a_value_that_is_missing_or_of_a_type_that_neither_writes_is_an_error_that_names_the_key() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for value in [
        json!({ "M": {} }),
        json!({ "N": "123.5" }),
        json!({ "NULL": true }),
        Value::Null,
        json!({ "BOOL": true }),
        json!({ "SS": ["a"] }),
    ] {
        let mut item = written_by_go("order-1", value.clone(), "1");
        if value.is_null() {
            item.as_object_mut().unwrap().remove("value");
        }
        table.put(item).await;
        assert_refused(
            store.state().get("order-1", None).await,
            "other",
            &["order-1"],
        );
        let asked = ["order-1".to_owned(), "absent".to_owned()];
        let answer = store.state().bulk_get(&asked, None).await.unwrap();
        crate::fixture::assert_error(answer[0].as_ref().unwrap_err(), "other", &["order-1"]);
        assert_eq!(answer[1], Ok(None));
        store.state().set("order-1", b"mended", None).await.unwrap();
        store.state().get("order-1", None).await.unwrap();
    }
}

#[tokio::test]
async fn attributes_of_other_tools_do_not_disturb_a_read() {
    let table = Table::new().await;
    let mut item = written_by_go("k", json!({ "S": "v" }), "1");
    item["extra"] = json!({ "L": [{ "M": { "deep": { "NS": ["1", "2"] } } }] });
    item["contentType"] = json!({ "N": "7" });
    table.put(item).await;
    let mut store = table.store().await;
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!((item.value, item.content_type), (b"v".to_vec(), None));
}
