//! What a call costs is counted at the server: how many requests, of which operation, over how many connections.

use host_test::counting_proxy::CountingProxy;
use serde_json::Value;

use crate::fixture::{
    Settings, Store, Table, delete_if_etag, delete_of, engine, first_write, if_etag, set_of,
};
use crate::transaction::{delete, set};

/// A configured store behind a proxy that has forgotten the `init`.
pub async fn proxied() -> (Store, CountingProxy, Settings) {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let settings = Table::new()
        .await
        .settings()
        .await
        .through(proxy.endpoint());
    let store = settings.store().await;
    proxy.reset();
    (store, proxy, settings)
}

pub fn bodies(proxy: &CountingProxy) -> Vec<Value> {
    let requests = proxy.requests();
    let bodies = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body));
    bodies.map(Result::unwrap).collect()
}

fn operations(proxy: &CountingProxy) -> Vec<String> {
    proxy
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect()
}

/// The keys that the recorded BatchGetItem requests asked for, per request.
fn keys_asked(proxy: &CountingProxy) -> Vec<Vec<String>> {
    let mut asked = Vec::new();
    for body in bodies(proxy) {
        let table = body["RequestItems"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap();
        let keys = table["Keys"].as_array().unwrap();
        asked.push(
            keys.iter()
                .map(|key| key["key"]["S"].as_str().unwrap().to_owned())
                .collect(),
        );
    }
    asked
}

/// How many requests a BatchWriteItem holds.
fn batch_size(body: &Value) -> usize {
    let tables = body["RequestItems"].as_object().unwrap();
    tables
        .values()
        .map(|table| table.as_array().unwrap().len())
        .sum()
}

#[tokio::test]
async fn bulk_get_of_250_keys_is_three_requests_of_at_most_100_keys() {
    let (mut store, proxy, _) = proxied().await;
    let names: Vec<String> = (0..250).map(|i| format!("k-{i}")).collect();
    store.state().bulk_get(&names, None).await.unwrap();
    assert_eq!(operations(&proxy), ["BatchGetItem"; 3]);
    let asked = keys_asked(&proxy);
    assert!(asked.iter().all(|keys| keys.len() <= 100), "{asked:?}");
    let mut all = asked.concat();
    all.sort();
    let mut expected = names;
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn bulk_get_asks_for_each_key_once_however_often_it_stands_there() {
    let (mut store, proxy, _) = proxied().await;
    let names: Vec<String> = (0..120).map(|i| format!("k-{}", i % 60)).collect();
    let answer = store.state().bulk_get(&names, None).await.unwrap();
    assert_eq!(answer.len(), 120);
    let asked = keys_asked(&proxy);
    assert_eq!(asked.len(), 1);
    let mut all = asked.concat();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), asked.concat().len()), (60, 60));
}

#[tokio::test]
async fn a_large_bulk_call_has_several_requests_in_flight_and_at_most_eight() {
    let (mut store, proxy, _) = proxied().await;
    let names: Vec<String> = (0..10_000).map(|i| format!("k-{i}")).collect();
    let sets = names.iter().map(|key| set_of(key, b"v", None));
    let deletes = names.iter().map(|key| delete_of(key, None));
    let first_writes = names[..200]
        .iter()
        .map(|key| set_of(key, b"v", first_write()));
    let (sets, deletes): (Vec<_>, Vec<_>) = (sets.collect(), deletes.collect());
    let first_writes: Vec<_> = first_writes.collect();
    for (call, requests) in [("set", 400), ("get", 100), ("delete", 400), ("first", 200)] {
        proxy.reset();
        let state = &mut store.state();
        match call {
            "set" => drop(state.bulk_set(&sets).await.unwrap()),
            "get" => drop(state.bulk_get(&names, None).await.unwrap()),
            "delete" => drop(state.bulk_delete(&deletes).await.unwrap()),
            _ => drop(state.bulk_set(&first_writes).await.unwrap()),
        }
        assert_eq!(proxy.requests().len(), requests, "{call}");
        let most = proxy.most_in_flight();
        assert!((2..=8).contains(&most), "{call}: {most} in flight");
    }
    assert!(proxy.connections() <= 8);
}

#[tokio::test]
async fn fifty_gets_use_one_connection() {
    let (mut store, proxy, _) = proxied().await;
    for i in 0..50 {
        store.state().get(&format!("k-{i}"), None).await.unwrap();
    }
    assert_eq!((proxy.count("GetItem"), proxy.connections()), (50, 1));
}

#[tokio::test]
async fn sixty_unconditional_sets_or_deletes_in_bulk_are_three_batches_of_at_most_25() {
    let (mut store, proxy, _) = proxied().await;
    let names: Vec<String> = (0..60).map(|i| format!("k-{i}")).collect();
    let sets: Vec<_> = names.iter().map(|key| set_of(key, b"v", None)).collect();
    store.state().bulk_set(&sets).await.unwrap();
    assert_eq!(operations(&proxy), ["BatchWriteItem"; 3]);
    let mut sizes: Vec<usize> = bodies(&proxy).iter().map(batch_size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [10, 25, 25]);
    proxy.reset();
    let deletes: Vec<_> = names.iter().map(|key| delete_of(key, None)).collect();
    store.state().bulk_delete(&deletes).await.unwrap();
    assert_eq!(operations(&proxy), ["BatchWriteItem"; 3]);
}

#[tokio::test]
async fn only_the_conditional_requests_of_a_bulk_call_are_single_writes() {
    let (mut store, proxy, _) = proxied().await;
    let mut sets: Vec<_> = (0..20)
        .map(|i| set_of(&format!("k-{i}"), b"v", None))
        .collect();
    sets.push(set_of("first", b"v", first_write()));
    sets.push(set_of("stale", b"v", if_etag("1")));
    store.state().bulk_set(&sets).await.unwrap();
    assert_eq!(
        (proxy.count("BatchWriteItem"), proxy.count("PutItem")),
        (1, 2)
    );
    assert_eq!(proxy.requests().len(), 3);
    proxy.reset();
    let deletes = [
        delete_of("k-0", None),
        delete_of("k-1", delete_if_etag("1")),
    ];
    store.state().bulk_delete(&deletes).await.unwrap();
    assert_eq!(proxy.count("DeleteItem"), 1);
    assert_eq!(proxy.requests().len(), 2);
}

#[tokio::test]
async fn each_plain_call_is_one_request() {
    let (mut store, proxy, settings) = proxied().await;
    let init = settings.metadata.clone();
    store.state().init(&init).await.unwrap();
    store.state().ping().await.unwrap();
    let etag = store.state().set("k", b"v", None).await.unwrap();
    store.state().set("k", b"v", if_etag(&etag)).await.unwrap();
    store.state().set("new", b"v", first_write()).await.unwrap();
    store.state().get("k", None).await.unwrap();
    store.state().delete("k", None).await.unwrap();
    store
        .state()
        .transact(&[set("a", b"v", None), delete("b", None)])
        .await
        .unwrap();
    store.binding().init(&init).await.unwrap();
    store
        .binding()
        .invoke("create", br#"{"key": "c"}"#, None)
        .await
        .unwrap();
    let seen = operations(&proxy);
    assert_eq!(
        seen[2..8],
        [
            "PutItem",
            "PutItem",
            "PutItem",
            "GetItem",
            "DeleteItem",
            "TransactWriteItems"
        ]
    );
    assert_eq!((seen.len(), seen[9].as_str()), (10, "PutItem"));
    assert_eq!(proxy.connections(), 1);
}
