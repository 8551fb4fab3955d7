//! What a set and a delete leave in the table, and what a configured store says of itself.

use serde_json::json;

use crate::fixture::Table;

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
        store.state().set(key, &value, None).await.unwrap();
        let raw = table.raw(key).await.unwrap();
        assert!(raw["value"].get(kind).is_some(), "{key}: {}", raw["value"]);
        let item = store.state().get(key, None).await.unwrap().unwrap();
        assert_eq!(item.value, value, "{key}");
    }
}

#[tokio::test]
async fn a_set_replaces_the_whole_item() {
    let table = Table::new().await;
    table
        .put(json!({
            "key": { "S": "k" }, "value": { "S": "old" }, "etag": { "S": "1" },
            "contentType": { "S": "text/plain" }, "stray": { "N": "7" },
        }))
        .await;
    let mut store = table.store().await;
    let etag = store.state().set("k", b"new", None).await.unwrap();
    let raw = table.raw("k").await.unwrap();
    assert_eq!(
        raw,
        json!({ "key": { "S": "k" }, "value": { "S": "new" }, "etag": { "S": etag } })
    );
}

#[tokio::test]
async fn a_deleted_item_is_absent_and_can_be_set_again() {
    let table = Table::new().await;
    let mut store = table.store().await;
    store.state().set("k", b"v", None).await.unwrap();
    store.state().delete("k", None).await.unwrap();
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
    assert_eq!(table.raw("k").await, None);
    store.state().set("k", b"again", None).await.unwrap();
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"again");
}

#[tokio::test]
async fn a_configured_store_answers_ping_features_and_transaction_size() {
    let table = Table::new().await;
    let mut store = table.store().await;
    store.state().ping().await.unwrap();
    assert_eq!(store.state().max_transaction_size().await.unwrap(), 100);
    use dapr_wasm_host::types::FeatureSet;
    let features = store.state().features().await.unwrap();
    assert_eq!(features, FeatureSet::ETAG | FeatureSet::TRANSACTIONAL);
    let features = table.store_with_ttl().await.state().features().await;
    assert_eq!(features.unwrap(), FeatureSet::all());
}
