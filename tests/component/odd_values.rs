//! Whatever a field or an argument holds, the answer is an answer and not a trap.

use ::conformance::ODD_TEXTS;
use dapr_wasm_host::CallError;
use dapr_wasm_host::types::SetOptions;

use crate::fixture::{Table, assert_refused, if_etag};

/// Text that parsers, headers, URLs and expressions trip over.
fn odd_texts() -> Vec<String> {
    let of_fields = [
        " ",
        "\n",
        "\"",
        "\\\\",
        "[]",
        "18446744073709551616",
        "\u{202e}",
        "\u{feff}",
        "../..",
        "http://",
        "http://[::1",
        "http://[::1]:0/",
        "http://a b/",
        "http://h:-1",
        "https://h/p?q#f",
        "99999999999999999999s",
        "1.1.1s",
        ".s",
        "-0ms",
    ];
    let texts = ODD_TEXTS.iter().chain(&of_fields);
    let mut texts: Vec<String> = texts.map(|text| (*text).to_owned()).collect();
    texts.push("x".repeat(100_000));
    texts
}

#[track_caller]
fn assert_answered<T: std::fmt::Debug>(answer: Result<T, CallError>, what: &str) {
    match answer {
        Ok(_) | Err(CallError::Component(_)) => {}
        Err(other) => panic!("{what}: {other}"),
    }
}

#[tokio::test]
async fn no_value_of_a_field_makes_the_component_trap() {
    let patient = Table::new().await.settings().await.with("maxAttempts", "1");
    // Where a text leads somewhere that answers nothing, that is not waited for long.
    let settings = patient.with("requestTimeout", "2s");
    let mut store = settings.blank().await;
    for field in [
        "table",
        "region",
        "accessKey",
        "secretKey",
        "sessionToken",
        "endpoint",
        "partitionKey",
        "ttlAttributeName",
        "consistency",
        "maxAttempts",
        "connectTimeout",
        "requestTimeout",
        "unknown",
    ] {
        for text in odd_texts() {
            let odd = settings.with(field, &text);
            let what = format!("{field} {:?}", text.get(..20).unwrap_or(&text));
            assert_answered(store.state().init(&odd.metadata).await, &what);
            assert_answered(store.binding().init(&odd.metadata).await, &what);
        }
    }
    for text in odd_texts() {
        let mut odd = settings.clone();
        odd.metadata.push((text.clone(), text));
        assert_answered(store.state().init(&odd.metadata).await, "a name");
    }
    store.state().init(&patient.metadata).await.unwrap();
}

/// A header of HTTP cannot hold such a token, and what is cut off there would be another one.
#[tokio::test]
async fn credentials_that_no_header_can_hold_are_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    for (field, text) in [
        ("accessKey", "a\nb"),
        ("sessionToken", "a\r\nx-injected: 1"),
        ("region", "a\nb"),
    ] {
        let answer = settings.with(field, text).init().await;
        assert_refused(answer, "invalid-configuration", &[field]);
    }
}

#[tokio::test]
async fn no_key_etag_value_or_content_type_makes_the_component_trap() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    store
        .binding()
        .init(&table.settings().await.metadata)
        .await
        .unwrap();
    for text in odd_texts() {
        let what = format!("{:?}", text.get(..20).unwrap_or(&text));
        assert_answered(store.state().set(&text, text.as_bytes(), None).await, &what);
        assert_answered(store.state().get(&text, None).await, &what);
        assert_answered(store.state().set("k", b"v", if_etag(&text)).await, &what);
        assert_answered(store.state().delete(&text, None).await, &what);
        let options = SetOptions {
            content_type: Some(text.clone()),
            ttl: Some(i64::MAX),
            ..SetOptions::default()
        };
        assert_answered(store.state().set("k", b"v", Some(options)).await, &what);
        let metadata = vec![(text.clone(), text.clone())];
        let answer = store
            .binding()
            .invoke("create", text.as_bytes(), Some(&metadata))
            .await;
        assert_answered(answer, &what);
        assert_answered(store.binding().invoke(&text, b"{}", None).await, &what);
    }
    store.state().ping().await.unwrap();
}

#[tokio::test]
async fn a_content_type_of_any_text_comes_back_as_it_was_set() {
    let mut store = Table::new().await.store().await;
    for text in odd_texts() {
        let options = SetOptions {
            content_type: Some(text.clone()),
            ..SetOptions::default()
        };
        store.state().set("k", b"v", Some(options)).await.unwrap();
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.content_type, Some(text));
    }
}
