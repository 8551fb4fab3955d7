//! Whatever a caller gives, it is taken as it is or refused: nothing is cut, mended or trapped on.

use ::conformance::ODD_TEXTS;
use dapr_wasm_host::CallError;
use serde_json::json;

use crate::fixture::{EXPIRES_AT, Table, assert_error, assert_refused, expiring};

const MB: usize = 1024 * 1024;

#[tokio::test]
async fn a_key_is_the_one_that_was_given_and_no_other_that_looks_like_it() {
    let table = Table::new().await;
    let mut store = table.store().await;
    for key in ODD_TEXTS {
        store.state().set(key, key.as_bytes(), None).await.unwrap();
    }
    let keys: Vec<String> = ODD_TEXTS.iter().map(|key| (*key).to_owned()).collect();
    let found = store.state().bulk_get(&keys, None).await.unwrap();
    for (key, many) in ODD_TEXTS.iter().zip(found) {
        let one = store.state().get(key, None).await.unwrap().unwrap();
        assert_eq!(one.value, key.as_bytes(), "{key:?}");
        assert_eq!(many, Ok(Some(one)));
        assert_eq!(table.raw(key).await.unwrap()["key"], json!({ "S": key }));
    }
}

#[tokio::test]
async fn a_sentence_about_a_key_obeys_nothing_in_it() {
    let mut store = Table::new().await.store().await;
    for key in ODD_TEXTS {
        let answer = store.state().set(key, b"v", expiring(60)).await;
        let sentence = answer.unwrap_err().to_string();
        let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{feff}');
        assert!(!sentence.contains(obeyed), "{sentence:?}");
    }
}

#[tokio::test]
async fn a_time_to_live_at_either_end_of_the_numbers_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut store = table.store_with_ttl().await;
    for ttl in [i64::MIN, i64::MIN + 1, -2, i64::MAX, i64::MAX - 1] {
        let answer = store.state().set("order-1", b"v", expiring(ttl)).await;
        assert_refused(answer, "invalid-argument", &["order-1", "`ttl`"]);
    }
    assert_eq!(table.raw("order-1").await, None);
    let far = i64::MAX - 4_000_000_000;
    store
        .state()
        .set("order-1", b"v", expiring(far))
        .await
        .unwrap();
    let item = store.state().get("order-1", None).await.unwrap().unwrap();
    assert!(item.expires_at.unwrap() > 1 << 62);
    assert!(table.raw("order-1").await.unwrap()[EXPIRES_AT]["N"].is_string());
}

#[tokio::test]
async fn metadata_of_a_hundred_thousand_fields_is_read_and_a_value_of_16_mb_refused_by_name() {
    let settings = Table::new().await.settings().await;
    let mut store = settings.blank().await;
    let mut many = settings.clone();
    for i in 0..100_000 {
        many.metadata.push((format!("unknown-{i}"), "x".to_owned()));
    }
    store.state().init(&many.metadata).await.unwrap();
    for field in [
        "table",
        "region",
        "accessKey",
        "sessionToken",
        "endpoint",
        "partitionKey",
        "ttlAttributeName",
        "consistency",
        "maxAttempts",
        "connectTimeout",
        "requestTimeout",
    ] {
        let long = settings.with(field, &"9".repeat(16 * MB));
        let answer = store.state().init(&long.metadata).await;
        let CallError::Component(error) = answer.unwrap_err() else {
            panic!("{field} of 16 MB")
        };
        assert_error(&error, "invalid-configuration", &[field]);
        assert!(error.to_string().len() < 1_000, "{field}");
    }
    store.state().set("k", b"v", None).await.unwrap();
}

#[tokio::test]
async fn of_a_field_that_is_given_in_two_cases_the_last_counts() {
    let table = Table::new().await;
    let mut settings = table.settings().await;
    settings
        .metadata
        .insert(0, ("TABLE".to_owned(), "no-such-table".to_owned()));
    settings.store().await;
    settings
        .metadata
        .push(("Table".to_owned(), "no-such-table".to_owned()));
    assert_refused(settings.init().await, "not-found", &["no-such-table"]);
}

#[tokio::test]
async fn data_nested_a_million_levels_deep_is_an_invalid_argument() {
    let settings = Table::new().await.settings().await;
    let mut store = settings.binding().await;
    for levels in [33, 10_000, 1_000_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            let data = format!(r#"{{"key":"k","deep":{nested}}}"#);
            let answer = store
                .binding()
                .invoke("create", data.as_bytes(), None)
                .await;
            assert_refused(answer, "invalid-argument", &["`deep", "32 levels"]);
        }
    }
    let answer = store
        .binding()
        .invoke("create", br#"{"key":"k"}"#, None)
        .await;
    answer.unwrap();
}

#[tokio::test]
async fn a_hundred_megabytes_are_too_large_or_beyond_the_memory_limit() {
    const LIMIT: usize = 64 * MB;
    let settings = Table::new().await.settings().await;
    let value = vec![b'x'; 100 * MB];
    let mut store = settings.store().await;
    assert_refused(
        store.state().set("k", &value, None).await,
        "too-large",
        &["\"k\""],
    );
    store.state().set("k", b"v", None).await.unwrap();
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
