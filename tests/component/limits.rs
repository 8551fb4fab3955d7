//! A request that exceeds a limit of DynamoDB is refused with an error that names the limit. A
//! request of exactly the limit is accepted.

use crate::fixture::{Table, assert_refused, content_type, delete};

/// The largest value of an item with a key of one letter, in bytes: 400 KB less the key, the ETag
/// and the attribute names.
const LARGEST_VALUE_FOR_ONE_LETTER_KEY: usize =
    400 * 1024 - ("key".len() + 1) - "value".len() - ("etag".len() + 16);

#[tokio::test]
async fn key_of_2048_bytes_is_accepted_and_a_longer_one_refused() {
    let mut store = Table::new().await.store().await;
    for longest in ["k".repeat(2048), "ß".repeat(1024), "⏱".repeat(682)] {
        store.set(&longest, b"v").await;
        let item = store.get(&longest).await.unwrap();
        assert_eq!(item.value, b"v");
        store.delete(&longest).await;
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
async fn error_about_a_long_key_is_short() {
    let mut store = Table::new().await.store().await;
    let answer = store.state().get(&"k".repeat(1_000_000), None).await;
    let sentence = answer.unwrap_err().to_string();
    assert!(sentence.len() < 5000, "{} bytes", sentence.len());
}

#[tokio::test]
async fn item_of_400_kib_is_accepted_and_one_byte_more_refused() {
    let mut store = Table::new().await.store().await;
    for byte in [b'x', 0xff] {
        let value = vec![byte; LARGEST_VALUE_FOR_ONE_LETTER_KEY];
        store.set("k", &value).await;
        let item = store.get("k").await.unwrap();
        assert_eq!(item.value, value);
        let larger = vec![byte; LARGEST_VALUE_FOR_ONE_LETTER_KEY + 1];
        let answer = store.state().set("k", &larger, None).await;
        assert_refused(answer, "too-large", &["\"k\"", "409600"]);
        let item = store.get("k").await.unwrap();
        assert_eq!(item.value, value);
    }
}

#[tokio::test]
async fn items_of_500_kb_and_20_mb_are_too_large() {
    let mut store = Table::new().await.store().await;
    for size in [500_000, 20_000_000] {
        let answer = store.state().set("order-1", &vec![b'x'; size], None).await;
        assert_refused(answer, "too-large", &["order-1"]);
    }
    assert_eq!(store.get("order-1").await, None);
}

#[tokio::test]
async fn content_type_and_key_count_towards_the_item_size() {
    let mut store = Table::new().await.store().await;
    let value = vec![b'x'; LARGEST_VALUE_FOR_ONE_LETTER_KEY];
    let answer = store.state().set("kk", &value, None).await;
    assert_refused(answer, "too-large", &["kk"]);
    let options = content_type("text/plain");
    let answer = store.state().set("k", &value, options).await;
    assert_refused(answer, "too-large", &["k"]);
}

#[tokio::test]
async fn instance_keeps_working_after_refusals() {
    let mut store = Table::new().await.store().await;
    let large = vec![0; 500_000];
    let many = vec![delete("k", None); 101];
    for _ in 0..50 {
        let mut state = store.state();
        assert!(state.get("", None).await.is_err());
        assert!(state.set("k", &large, None).await.is_err());
        assert!(state.transact(&many).await.is_err());
    }
    store.set("k", b"v").await;
    let item = store.get("k").await.unwrap();
    assert_eq!(item.value, b"v");
}
