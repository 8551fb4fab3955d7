//! What was set comes back byte for byte, and what was deleted is absent without an error.

use dapr_wasm_host::types::SetOptions;
use serde_json::json;

use crate::fixture::Table;

/// Every kind of value that Dapr's conformance suite sets, and those that a byte-exact store has to carry besides.
fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("int", b"123".to_vec()),
        ("bool", b"true".to_vec()),
        ("one-byte", vec![0x01]),
        ("string-with-json", br#""{\"a\":\"b\"}""#.to_vec()),
        ("string", b"\"hello world\"".to_vec()),
        ("bare-string", b"hello world".to_vec()),
        ("empty-json-string", b"\"\"".to_vec()),
        ("empty", Vec::new()),
        (
            "object",
            br#"{"product":{"value":15},"status":"ACTIVE"}"#.to_vec(),
        ),
        (
            "protobuf",
            vec![
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
        ),
        ("every-byte", (0..=255).collect()),
        ("truncated-utf8", vec![b'a', 0xe2, 0x82]),
        ("lone-surrogate", vec![0xed, 0xa0, 0x80]),
        ("emoji", "⏱️ 日本語".as_bytes().to_vec()),
        ("control-characters", (0..0x20).collect()),
        ("nul-in-text", b"a\0b".to_vec()),
        (
            "line-separators",
            "a\u{2028}b\u{feff}c\u{fffd}".as_bytes().to_vec(),
        ),
        ("quotes-and-backslashes", br#"\"\\/\u0041"#.to_vec()),
        ("not-a-number", b"NaN".to_vec()),
        ("200-kilobytes", vec![0x9f; 200_000]),
    ]
}

#[tokio::test]
async fn a_value_of_any_kind_comes_back_exactly_as_it_was_set() {
    let mut store = Table::new().await.store().await;
    for (key, value) in values() {
        store.state().set(key, &value, None).await.unwrap();
    }
    for (key, value) in values() {
        let item = store.state().get(key, None).await.unwrap();
        let item = item.unwrap_or_else(|| panic!("{key} is absent"));
        assert_eq!(item.value, value, "{key}");
    }
}

#[tokio::test]
async fn text_is_stored_as_a_string_and_other_bytes_as_binary() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for (key, value) in values() {
        store.state().set(key, &value, None).await.unwrap();
        let raw = table.raw(key).await.unwrap();
        let kind = if std::str::from_utf8(&value).is_ok() {
            "S"
        } else {
            "B"
        };
        assert!(raw["value"].get(kind).is_some(), "{key}: {}", raw["value"]);
    }
}

#[tokio::test]
async fn an_absent_key_is_none_and_no_error() {
    let mut store = Table::new().await.store().await;
    assert_eq!(store.state().get("never-set", None).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_value_is_an_item_and_not_absence() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"", None).await.unwrap();
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!((item.value, item.etag), (Vec::new(), Some(etag)));
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
async fn the_content_type_comes_back_with_the_value() {
    let mut store = Table::new().await.store().await;
    let options = Some(SetOptions {
        content_type: Some("application/json; charset=utf-8".to_owned()),
        ..SetOptions::default()
    });
    store.state().set("k", b"{}", options).await.unwrap();
    let item = store.state().get("k", None).await.unwrap().unwrap();
    let stored = item.content_type.as_deref();
    assert_eq!(stored, Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn a_set_without_content_type_removes_the_earlier_one() {
    let mut store = Table::new().await.store().await;
    for later in [None, Some(String::new())] {
        let json = Some("application/json".to_owned());
        for content_type in [json, later] {
            let options = SetOptions {
                content_type,
                ..SetOptions::default()
            };
            store.state().set("k", b"{}", Some(options)).await.unwrap();
        }
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.content_type, None);
    }
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
async fn deleting_an_absent_key_without_a_condition_is_ok() {
    let mut store = Table::new().await.store().await;
    store.state().delete("never-set", None).await.unwrap();
    let none = Some(dapr_wasm_host::types::DeleteOptions::default());
    store.state().delete("never-set", none).await.unwrap();
}

#[tokio::test]
async fn keys_of_any_text_are_told_apart() {
    let mut store = Table::new().await.store().await;
    let keys = [
        "k",
        "K",
        " k",
        "k ",
        "app||actor||k",
        "a/b?c=d&e",
        "\"quoted\"",
        "{}",
        "key",
        "schlüssel",
        "schlu\u{308}ssel",
        "⏱️",
        "tab\tnewline\n",
        "%",
        ":etag",
        "#k",
    ];
    for key in keys {
        store.state().set(key, key.as_bytes(), None).await.unwrap();
    }
    for key in keys {
        let item = store.state().get(key, None).await.unwrap().unwrap();
        assert_eq!(item.value, key.as_bytes(), "{key:?}");
    }
}

#[tokio::test]
async fn another_instance_sees_what_was_set() {
    let table = Table::new().await;
    table
        .store()
        .await
        .state()
        .set("k", b"v", None)
        .await
        .unwrap();
    let item = table.store().await.state().get("k", None).await.unwrap();
    assert_eq!(item.unwrap().value, b"v");
}

#[tokio::test]
async fn options_of_which_every_field_is_absent_are_no_options() {
    let mut store = Table::new().await.store().await;
    let none = Some(SetOptions::default());
    let first = store.state().set("k", b"1", none.clone()).await.unwrap();
    let second = store.state().set("k", b"2", none).await.unwrap();
    assert_ne!(first, second);
    let plain = Some(dapr_wasm_host::types::GetOptions::default());
    let item = store.state().get("k", plain).await.unwrap().unwrap();
    assert_eq!(item.value, b"2");
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
