//! Bulk calls at the limits of DynamoDB, and on a table that was deleted.

use crate::fixture::{
    EXPIRES_AT, OWN_TABLE, Settings, Store, Table, assert_error, assert_refused, engine_call,
    own_engine, set_of,
};
use http::StatusCode;
use serde_json::json;
use test_support::faults::{Action, Arrived, Director, Reply};

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Returns the values that a bulk-get returns, by position.
async fn values(store: &mut Store, names: &[String]) -> Vec<Option<Vec<u8>>> {
    let answer = store.state().bulk_get(names, None).await.unwrap();
    let items = answer.into_iter().map(Result::unwrap);
    items.map(|item| item.map(|item| item.value)).collect()
}

/// DynamoDB limits a BatchGetItem response to 16 MB and leaves the remaining keys unprocessed. 100
/// of these items are 20 MB.
#[tokio::test]
async fn bulk_get_larger_than_one_response_gets_every_item() {
    let table = Table::new().await;
    let mut store = table.store().await;
    let names: Vec<String> = (0..100).map(|i| format!("k-{i}")).collect();
    for name in &names {
        let value = name.repeat(200_000 / name.len());
        store.set(name, value.as_bytes()).await;
    }
    let read = values(&mut store, &names).await;
    for (name, value) in names.iter().zip(read) {
        assert!(value.unwrap().starts_with(name.as_bytes()), "{name}");
    }
}

/// Returns a director that does `act` to every BatchGetItem and BatchWriteItem, and passes
/// everything else on.
fn batches(act: impl Fn(&Arrived) -> Action + Send + Sync + 'static) -> impl Director {
    move |arrived: &Arrived| match arrived.operation.starts_with("Batch") {
        true => act(arrived),
        false => Action::pass(),
    }
}

/// DynamoDB returns at most 1 MB of a partition at a time. With one attempt there is no wait.
#[tokio::test]
async fn bulk_get_of_one_partition_needs_one_attempt() {
    let table = Table::new().await;
    let director = batches(|_| Action::one_partition());
    let (settings, proxy) = table.behind(director).await;
    let mut store = settings.with("maxAttempts", "1").store().await;
    let names: Vec<String> = (0..9).map(|i| format!("k-{i}")).collect();
    let value = [b'x'; 400_000];
    for name in &names {
        store.set(name, &value).await;
    }
    for found in values(&mut store, &names).await {
        assert_eq!(found.unwrap().len(), value.len());
    }
    assert_eq!(proxy.count("BatchGetItem").arrived, 5, "two items each");
}

/// JSON writes each of these bytes as six: 60 MB in total, and DynamoDB accepts 16 MB per request.
#[tokio::test]
async fn bulk_set_of_values_that_json_escapes_is_split() {
    let (settings, proxy) = Settings::counted().await;
    let mut store = settings.store().await;
    proxy.reset();
    let names: Vec<String> = (0..25).map(|i| format!("k-{i}")).collect();
    let value = [1; 400_000];
    let sets: Vec<_> = names
        .iter()
        .map(|name| set_of(name, &value, None))
        .collect();
    let written = store.state().bulk_set(&sets).await.unwrap();
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        assert!(request.body.len() < 16_000_000, "{}", request.body.len());
    }
    for name in [&names[0], &names[24]] {
        assert_eq!(store.value(name).await.unwrap(), value);
    }
}

/// A proxy with a smaller limit than DynamoDB's forwards nothing of a request that it refuses.
#[tokio::test]
async fn batch_refused_by_a_proxy_for_its_size_is_split() {
    let table = Table::new().await;
    let director = batches(|arrived| match arrived.body.len() {
        0..3_000 => Action::pass(),
        _ => Action::answer(Reply::html(StatusCode::PAYLOAD_TOO_LARGE)),
    });
    let (settings, proxy) = table.behind(director).await;
    let mut store = settings.store().await;
    let names: Vec<String> = (0..7).map(|i| format!("{i}-{}", "k".repeat(500))).collect();
    let big = [b'x'; 3_000];
    let sets = names.iter().enumerate().map(|(place, name)| match place {
        3 => set_of(name, &big, None),
        _ => set_of(name, b"v", None),
    });
    let sets: Vec<_> = sets.collect();
    let written = store.state().bulk_set(&sets).await.unwrap();
    for (place, written) in written.iter().enumerate() {
        match written {
            Err(error) if place == 3 => assert_error(error, "too-large", &["413"]),
            written => assert!(written.is_ok() && place != 3, "{written:?}"),
        }
    }
    let read = values(&mut store, &names).await;
    assert_eq!(read.iter().flatten().count(), 6);
    assert_eq!(read[3], None);
    assert!(proxy.count("BatchGetItem").arrived > 1);
}

#[tokio::test]
async fn bulk_get_reads_the_rest_despite_an_invalid_key() {
    let mut store = Table::new().await.store().await;
    store.set("a", b"1").await;
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
async fn bulk_get_treats_expired_items_as_absent() {
    let table = Table::new().await;
    let expired = json!({
        "key": { "S": "old" }, "value": { "S": "v" }, EXPIRES_AT: { "N": "1" },
    });
    table.put(expired).await;
    let mut store = table.store_with_ttl().await;
    store.set("new", b"v").await;
    let read = values(&mut store, &keys(&["old", "new"])).await;
    assert_eq!(read, [None, Some(b"v".to_vec())]);
}

#[tokio::test]
async fn bulk_set_writes_the_rest_despite_an_invalid_request() {
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
        let item = store.get(key).await.unwrap();
        assert_eq!(
            (item.value.as_slice(), item.etag),
            (value.as_slice(), etag.ok())
        );
    }
    assert_eq!(store.get("big").await, None);
}

#[tokio::test]
async fn bulk_call_on_a_deleted_table_is_not_found() {
    let (engine, settings) = own_engine().await;
    let mut store = settings.store().await;
    let table = json!({ "TableName": OWN_TABLE });
    engine_call(engine.endpoint(), "DeleteTable", &table).await;
    let refused = store.state().get("a", None).await;
    assert_refused(refused, "not-found", &[OWN_TABLE]);
    match store.state().bulk_set(&[set_of("a", b"1", None)]).await {
        Ok(answer) => assert_error(answer[0].as_ref().unwrap_err(), "not-found", &[OWN_TABLE]),
        refused => assert_refused(refused, "not-found", &[OWN_TABLE]),
    }
}
