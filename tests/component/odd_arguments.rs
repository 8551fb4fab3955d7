//! Fields and arguments of any text and size are either accepted unchanged or refused. None is
//! truncated or corrected, and none causes a trap.

use crate::fixture::{
    EXPIRES_AT, FIELDS, Settings, Table, assert_error, assert_refused, content_type, expiring,
    if_etag,
};
use ::conformance::ODD_TEXTS;
use dapr_wasm_host::CallError;
use dapr_wasm_host::types::SetOptions;
use serde_json::json;

const MB: usize = 1024 * 1024;

#[tokio::test]
async fn keys_that_look_alike_are_different_keys() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for key in ODD_TEXTS {
        store.set(key, key.as_bytes()).await;
    }
    let keys: Vec<String> = ODD_TEXTS.iter().map(|key| (*key).to_owned()).collect();
    let found = store.state().bulk_get(&keys, None).await.unwrap();
    for (key, many) in ODD_TEXTS.iter().zip(found) {
        let one = store.get(key).await.unwrap();
        assert_eq!(one.value, key.as_bytes(), "{key:?}");
        assert_eq!(many, Ok(Some(one)));
        assert_eq!(table.raw(key).await.unwrap()["key"], json!({ "S": key }));
    }
}

#[tokio::test]
async fn error_about_a_key_escapes_control_characters() {
    let mut store = Table::new().await.store().await;
    for key in ODD_TEXTS {
        let answer = store.state().set(key, b"v", expiring(60)).await;
        let sentence = answer.unwrap_err().to_string();
        let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{feff}');
        assert!(!sentence.contains(obeyed), "{sentence:?}");
    }
}

#[tokio::test]
async fn ttl_at_either_end_of_i64_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for ttl in [i64::MIN, i64::MIN + 1, -2, i64::MAX, i64::MAX - 1] {
        let answer = store.state().set("order-1", b"v", expiring(ttl)).await;
        assert_refused(answer, "invalid-argument", &["order-1", "`ttl`"]);
    }
    assert_eq!(table.raw("order-1").await, None);
    let far = i64::MAX - 4_000_000_000;
    let set = store.state().set("order-1", b"v", expiring(far)).await;
    set.unwrap();
    let item = store.get("order-1").await.unwrap();
    assert!(item.expires_at.unwrap() > 1 << 62);
    assert!(table.raw("order-1").await.unwrap()[EXPIRES_AT]["N"].is_string());
}

#[tokio::test]
async fn huge_field_is_accepted_or_named_in_the_error() {
    let settings = Settings::new().await;
    let mut store = settings.blank().await;
    let mut many = settings.clone();
    for i in 0..100_000 {
        many.metadata.push((format!("unknown-{i}"), "x".to_owned()));
    }
    store.state().init(&many.metadata).await.unwrap();
    // `secretKey` is left out because any text may be a secret key.
    for field in FIELDS.into_iter().filter(|field| *field != "secretKey") {
        let long = settings.with(field, &"9".repeat(16 * MB));
        let answer = store.state().init(&long.metadata).await;
        let CallError::Component(error) = answer.unwrap_err() else {
            panic!("{field} of 16 MB")
        };
        assert_error(&error, "invalid-configuration", &[field]);
        assert!(error.to_string().len() < 1_000, "{field}");
    }
    store.set("k", b"v").await;
}

#[tokio::test]
async fn value_of_100_mb_is_too_large_or_exceeds_the_memory_limit() {
    const LIMIT: usize = 64 * MB;
    let settings = Settings::new().await;
    let value = vec![b'x'; 100 * MB];
    let mut store = settings.store().await;
    let answer = store.state().set("k", &value, None).await;
    assert_refused(answer, "too-large", &["\"k\""]);
    store.set("k", b"v").await;
    let mut limited = settings
        .blank_with(|options| options.memory_limit(LIMIT))
        .await;
    limited.state().init(&settings.metadata).await.unwrap();
    let answer = limited.state().set("k", &value, None).await;
    assert!(
        matches!(answer, Err(CallError::MemoryLimit { limit: LIMIT, .. })),
        "{answer:?}"
    );
}

/// Returns texts that often break parsers, headers, URLs and expressions.
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
    let patient = Settings::new().await.with("maxAttempts", "1");
    // Some texts lead to a server that never responds, so the timeout is short.
    let settings = patient.with("requestTimeout", "2s");
    let mut store = settings.blank().await;
    for field in FIELDS.into_iter().chain(["unknown"]) {
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

/// An HTTP header cannot carry such a token, and a truncated one would be a different token.
#[tokio::test]
async fn credentials_that_do_not_fit_in_a_header_are_refused() {
    let settings = Settings::new().await;
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
async fn no_argument_of_a_call_makes_the_component_trap() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    let metadata = table.settings().await.metadata;
    store.binding().init(&metadata).await.unwrap();
    for text in odd_texts() {
        let what = format!("{:?}", text.get(..20).unwrap_or(&text));
        let mut state = store.state();
        assert_answered(state.set(&text, text.as_bytes(), None).await, &what);
        assert_answered(state.get(&text, None).await, &what);
        assert_answered(state.set("k", b"v", if_etag(&text)).await, &what);
        assert_answered(state.delete(&text, None).await, &what);
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
async fn content_type_of_any_text_is_returned_unchanged() {
    let mut store = Table::new().await.store().await;
    for text in odd_texts() {
        let options = content_type(&text);
        store.state().set("k", b"v", options).await.unwrap();
        let item = store.get("k").await.unwrap();
        assert_eq!(item.content_type, Some(text));
    }
}
