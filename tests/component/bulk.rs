//! Result i answers request i, however many there are and however often a key stands among them.

use dapr_wasm_host::types::SetRequest;
use serde_json::json;

use crate::fixture::{EXPIRES_AT, Store, Table, assert_error, delete_of, set_of};

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The values that a bulk-get gives, by position.
async fn values(store: &mut Store, names: &[String]) -> Vec<Option<Vec<u8>>> {
    let answer = store.state().bulk_get(names, None).await.unwrap();
    let items = answer.into_iter().map(Result::unwrap);
    items.map(|item| item.map(|item| item.value)).collect()
}

#[tokio::test]
async fn bulk_get_answers_every_position_also_absent_ones_and_repeated_ones() {
    let mut store = Table::new().await.store().await;
    store.state().set("a", b"1", None).await.unwrap();
    store.state().set("b", &[0xff], None).await.unwrap();
    let asked = keys(&["b", "absent", "a", "b", "absent", "a", "a"]);
    let (one, ff) = (Some(b"1".to_vec()), Some(vec![0xff]));
    let expected = [&ff, &None, &one, &ff, &None, &one, &one].map(Clone::clone);
    assert_eq!(values(&mut store, &asked).await, expected);
}

#[tokio::test]
async fn no_keys_and_no_requests_give_an_empty_list() {
    let mut store = Table::new().await.store().await;
    assert_eq!(store.state().bulk_get(&[], None).await.unwrap(), []);
    assert_eq!(store.state().bulk_set(&[]).await.unwrap(), []);
    assert_eq!(store.state().bulk_delete(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_thousand_items_are_set_read_and_deleted_in_bulk() {
    let mut store = Table::new().await.store().await;
    let names: Vec<String> = (0..1000).map(|i| format!("k-{i}")).collect();
    let sets: Vec<SetRequest> = names
        .iter()
        .map(|k| set_of(k, k.as_bytes(), None))
        .collect();
    let written = store.state().bulk_set(&sets).await.unwrap();
    let read = store.state().bulk_get(&names, None).await.unwrap();
    assert_eq!((written.len(), read.len()), (1000, 1000));
    for ((name, etag), item) in names.iter().zip(written).zip(read) {
        let item = item.unwrap().unwrap();
        assert_eq!(
            (item.value.as_slice(), item.etag),
            (name.as_bytes(), etag.ok())
        );
    }
    let deletes: Vec<_> = names.iter().map(|k| delete_of(k, None)).collect();
    let deleted = store.state().bulk_delete(&deletes).await.unwrap();
    assert_eq!(deleted, vec![Ok(()); 1000]);
    assert_eq!(values(&mut store, &names).await, vec![None; 1000]);
}

/// DynamoDB stops a BatchGetItem at 16 MB and leaves the rest of the keys unprocessed; 100 of these are 20 MB.
#[tokio::test]
async fn a_bulk_get_of_more_than_one_answer_holds_gets_every_item() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let names: Vec<String> = (0..100).map(|i| format!("k-{i}")).collect();
    for name in &names {
        let value = name.repeat(200_000 / name.len());
        store
            .state()
            .set(name, value.as_bytes(), None)
            .await
            .unwrap();
    }
    let read = values(&mut store, &names).await;
    for (name, value) in names.iter().zip(read) {
        assert!(value.unwrap().starts_with(name.as_bytes()), "{name}");
    }
}

#[tokio::test]
async fn bulk_get_tells_a_wrong_key_at_its_position_and_reads_the_others() {
    let mut store = Table::new().await.store().await;
    store.state().set("a", b"1", None).await.unwrap();
    let asked = vec![
        "a".to_owned(),
        String::new(),
        "x".repeat(3000),
        "a".to_owned(),
    ];
    let answer = store.state().bulk_get(&asked, None).await.unwrap();
    let [first, empty, long, last] = <[_; 4]>::try_from(answer).unwrap();
    assert_eq!(first.unwrap().unwrap().value, b"1");
    assert_eq!(last.unwrap().unwrap().value, b"1");
    assert_error(&empty.unwrap_err(), "invalid-argument", &["key"]);
    assert_error(&long.unwrap_err(), "invalid-argument", &["2048"]);
}

#[tokio::test]
async fn bulk_get_counts_expired_items_as_absent() {
    let table = Table::new().await;
    let expired = json!({
        "key": { "S": "old" }, "value": { "S": "v" }, EXPIRES_AT: { "N": "1" },
    });
    table.put(expired).await;
    let mut store = table.store_with_ttl().await;
    store.state().set("new", b"v", None).await.unwrap();
    let read = values(&mut store, &keys(&["old", "new"])).await;
    assert_eq!(read, [None, Some(b"v".to_vec())]);
}

#[tokio::test]
async fn bulk_set_returns_the_etags_by_position() {
    let mut store = Table::new().await.store().await;
    let sets = ["a", "b", "c"].map(|key| set_of(key, key.as_bytes(), None));
    let written = store.state().bulk_set(&sets).await.unwrap();
    for (set, etag) in sets.iter().zip(written) {
        let item = store.state().get(&set.key, None).await.unwrap().unwrap();
        assert_eq!(item.etag, Some(etag.unwrap()), "{}", set.key);
    }
}

#[tokio::test]
async fn requests_on_one_key_take_effect_in_their_order() {
    let mut store = Table::new().await.store().await;
    for length in [2_usize, 3, 30] {
        let mut sets: Vec<SetRequest> = (0..length)
            .map(|i| set_of("same", i.to_string().as_bytes(), None))
            .collect();
        sets.insert(1, set_of("other", b"v", None));
        let written = store.state().bulk_set(&sets).await.unwrap();
        assert_eq!(written.len(), length + 1);
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        let item = store.state().get("same", None).await.unwrap().unwrap();
        assert_eq!(item.value, (length - 1).to_string().as_bytes());
        assert_eq!(item.etag.as_ref(), written[length].as_ref().ok());
    }
    let twice = [
        delete_of("same", None),
        delete_of("other", None),
        delete_of("same", None),
    ];
    assert_eq!(
        store.state().bulk_delete(&twice).await.unwrap(),
        vec![Ok(()); 3]
    );
    let read = values(&mut store, &keys(&["same", "other"])).await;
    assert_eq!(read, [None, None]);
}

#[tokio::test]
async fn bulk_set_tells_a_wrong_request_at_its_position_and_writes_the_others() {
    let mut store = Table::new().await.store().await;
    let big = vec![b'x'; 500_000];
    let sets = [
        set_of("a", b"1", None),
        set_of("", b"2", None),
        set_of("big", &big, None),
        set_of(&"x".repeat(3000), b"3", None),
        set_of("b", b"4", None),
    ];
    let [a, empty, large, long, b] =
        <[_; 5]>::try_from(store.state().bulk_set(&sets).await.unwrap()).unwrap();
    assert_error(&empty.unwrap_err(), "invalid-argument", &["key"]);
    assert_error(&large.unwrap_err(), "too-large", &["big"]);
    assert_error(&long.unwrap_err(), "invalid-argument", &["2048"]);
    for (key, value, etag) in [("a", b"1", a), ("b", b"4", b)] {
        let item = store.state().get(key, None).await.unwrap().unwrap();
        assert_eq!(
            (item.value.as_slice(), item.etag),
            (value.as_slice(), etag.ok())
        );
    }
    assert_eq!(store.state().get("big", None).await.unwrap(), None);
}

#[tokio::test]
async fn bulk_delete_of_absent_keys_is_ok_and_tells_a_wrong_key_at_its_position() {
    let mut store = Table::new().await.store().await;
    store.state().set("a", b"1", None).await.unwrap();
    let deletes = ["a", "", "absent"].map(|key| delete_of(key, None));
    let answer = store.state().bulk_delete(&deletes).await.unwrap();
    let [a, empty, absent] = <[_; 3]>::try_from(answer).unwrap();
    assert_eq!((a, absent), (Ok(()), Ok(())));
    assert_error(&empty.unwrap_err(), "invalid-argument", &["key"]);
    assert_eq!(store.state().get("a", None).await.unwrap(), None);
}
