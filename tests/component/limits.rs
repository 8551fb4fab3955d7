//! What exceeds a limit of DynamoDB is refused by name; what meets it exactly is taken.

use crate::fixture::{Table, assert_refused};

/// 400 KB, less the names and values of everything in the item but the value: key, etag and their names.
const LARGEST_VALUE_FOR_ONE_LETTER_KEY: usize =
    400 * 1024 - ("key".len() + 1) - "value".len() - ("etag".len() + 16);

#[tokio::test]
async fn a_key_of_2048_bytes_is_taken_and_a_longer_one_is_an_invalid_argument() {
    let mut store = Table::new().await.store().await;
    for longest in ["k".repeat(2048), "ß".repeat(1024), "⏱".repeat(682)] {
        store.state().set(&longest, b"v", None).await.unwrap();
        let item = store.state().get(&longest, None).await.unwrap().unwrap();
        assert_eq!(item.value, b"v");
        store.state().delete(&longest, None).await.unwrap();
    }
    for longer in [
        "k".repeat(2049),
        "ß".repeat(1025),
        "⏱".repeat(683),
        "k".repeat(3000),
    ] {
        let answer = store.state().get(&longer, None).await;
        assert_refused(answer, "invalid-argument", &["key", "2048"]);
        let answer = store.state().set(&longer, b"v", None).await;
        assert_refused(answer, "invalid-argument", &["key", "2048"]);
        let answer = store.state().delete(&longer, None).await;
        assert_refused(answer, "invalid-argument", &["key", "2048"]);
    }
}

#[tokio::test]
async fn a_sentence_about_a_long_key_is_short() {
    let mut store = Table::new().await.store().await;
    let answer = store.state().get(&"k".repeat(1_000_000), None).await;
    let sentence = answer.unwrap_err().to_string();
    assert!(sentence.len() < 5000, "{} bytes", sentence.len());
}

#[tokio::test]
async fn an_item_of_400_kilobytes_is_taken_and_one_byte_more_is_too_large() {
    let mut store = Table::new().await.store().await;
    for byte in [b'x', 0xff] {
        let value = vec![byte; LARGEST_VALUE_FOR_ONE_LETTER_KEY];
        store.state().set("k", &value, None).await.unwrap();
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.value, value);
        let larger = vec![byte; LARGEST_VALUE_FOR_ONE_LETTER_KEY + 1];
        let answer = store.state().set("k", &larger, None).await;
        assert_refused(answer, "too-large", &["\"k\"", "409600"]);
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.value, value);
    }
}

#[tokio::test]
async fn an_item_of_500_kilobytes_and_one_of_20_megabytes_are_too_large() {
    let mut store = Table::new().await.store().await;
    for size in [500_000, 20_000_000] {
        let answer = store.state().set("order-1", &vec![b'x'; size], None).await;
        assert_refused(answer, "too-large", &["order-1"]);
    }
    assert_eq!(store.state().get("order-1", None).await.unwrap(), None);
}

#[tokio::test]
async fn the_content_type_and_the_key_count_towards_the_size_of_an_item() {
    let mut store = Table::new().await.store().await;
    let value = vec![b'x'; LARGEST_VALUE_FOR_ONE_LETTER_KEY];
    let answer = store.state().set("kk", &value, None).await;
    assert_refused(answer, "too-large", &["kk"]);
    let options = dapr_wasm_host::types::SetOptions {
        content_type: Some("text/plain".to_owned()),
        ..Default::default()
    };
    let answer = store.state().set("k", &value, Some(options)).await;
    assert_refused(answer, "too-large", &["k"]);
}

#[tokio::test]
async fn an_instance_goes_on_after_every_refusal() {
    let mut store = Table::new().await.store().await;
    for _ in 0..50 {
        assert!(store.state().get("", None).await.is_err());
        assert!(
            store
                .state()
                .set("k", &vec![0; 500_000], None)
                .await
                .is_err()
        );
        assert!(
            store
                .state()
                .transact(&vec![crate::transaction::delete("k", None); 101])
                .await
                .is_err()
        );
    }
    store.state().set("k", b"v", None).await.unwrap();
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"v");
}
