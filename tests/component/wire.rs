//! The requests of each call, counted at the server: their number, operations, connections and
//! content. Invalid arguments and empty calls send no request.

use crate::fixture::{
    Settings, Store, delete, delete_if_etag, delete_of, expiring, first_write, if_etag, set, set_of,
};
use host_test::counting_proxy::CountingProxy;
use serde_json::Value;

/// Returns a configured store behind a proxy that does not count the request of `init`.
async fn proxied() -> (Store, CountingProxy, Settings) {
    let (settings, proxy) = Settings::counted().await;
    let store = settings.store().await;
    proxy.reset();
    (store, proxy, settings)
}

fn bodies(proxy: &CountingProxy) -> Vec<Value> {
    let requests = proxy.requests();
    let bodies = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body));
    bodies.map(Result::unwrap).collect()
}

fn operations(proxy: &CountingProxy) -> Vec<String> {
    let requests = proxy.requests().into_iter();
    requests.map(|request| request.target).collect()
}

/// Returns the entries of a batch, which has one table.
fn batch(body: &Value) -> &Value {
    let mut tables = body["RequestItems"].as_object().unwrap().values();
    tables.next().unwrap()
}

/// Returns the keys of the recorded BatchGetItem requests, per request.
fn keys_asked(proxy: &CountingProxy) -> Vec<Vec<String>> {
    let key = |key: &Value| key["key"]["S"].as_str().unwrap().to_owned();
    let keys = |body: &Value| {
        batch(body)["Keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(key)
            .collect()
    };
    bodies(proxy).iter().map(keys).collect()
}

/// Returns the number of requests in a BatchWriteItem.
fn batch_size(body: &Value) -> usize {
    batch(body).as_array().unwrap().len()
}

#[tokio::test]
async fn bulk_get_of_250_keys_is_three_requests() {
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
async fn bulk_get_asks_for_each_key_once() {
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
async fn large_bulk_call_has_up_to_eight_requests_in_flight() {
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
        store.get(&format!("k-{i}")).await;
    }
    assert_eq!((proxy.count("GetItem"), proxy.connections()), (50, 1));
}

#[tokio::test]
async fn sixty_unconditional_writes_in_bulk_are_three_batches() {
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
async fn only_conditional_requests_of_a_bulk_call_are_single_writes() {
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
    let etag = store.set("k", b"v").await;
    store.state().set("k", b"v", if_etag(&etag)).await.unwrap();
    store.state().set("new", b"v", first_write()).await.unwrap();
    store.get("k").await;
    store.delete("k").await;
    store
        .state()
        .transact(&[set("a", b"v", None), delete("b", None)])
        .await
        .unwrap();
    store.binding().init(&init).await.unwrap();
    store.create(r#"{"key": "c"}"#).await.unwrap();
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

#[tokio::test]
async fn set_with_an_etag_asks_for_the_old_item() {
    let (mut store, proxy, _) = proxied().await;
    let etag = store.state().set("k", b"v", first_write()).await.unwrap();
    store.state().set("k", b"v", if_etag(&etag)).await.unwrap();
    store.set("k", b"v").await;
    let bodies = bodies(&proxy);
    let returns = |n: usize| bodies[n]["ReturnValuesOnConditionCheckFailure"].clone();
    assert_eq!(returns(1), "ALL_OLD");
    let conditional: Vec<bool> = bodies
        .iter()
        .map(|body| body["ConditionExpression"].is_string())
        .collect();
    assert_eq!(conditional, [true, true, false]);
    // Neither of the other two is ever retried if it may have been applied.
    assert!(returns(0).is_null() && returns(2).is_null());
}

#[tokio::test]
async fn every_transaction_has_its_own_request_token() {
    let (mut store, proxy, _) = proxied().await;
    for _ in 0..2 {
        store
            .state()
            .transact(&[set("a", b"v", None)])
            .await
            .unwrap();
    }
    let tokens: Vec<String> = bodies(&proxy)
        .iter()
        .map(|body| body["ClientRequestToken"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
    // DynamoDB accepts 1 to 36 characters.
    assert!(
        tokens.iter().all(|token| (1..=36).contains(&token.len())),
        "{tokens:?}"
    );
}

#[tokio::test]
async fn operations_of_a_transaction_on_one_key_are_one_item() {
    let (mut store, proxy, _) = proxied().await;
    let folded = [
        set("a", b"1", None),
        delete("a", None),
        set("b", b"2", None),
        set("a", b"3", None),
    ];
    store.state().transact(&folded).await.unwrap();
    let items = bodies(&proxy)[0]["TransactItems"].as_array().unwrap().len();
    assert_eq!(items, 2);
}

#[tokio::test]
async fn every_request_is_signed_and_has_dynamodbs_headers() {
    let (mut store, proxy, _) = proxied().await;
    store.get("k").await;
    let request = proxy.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/")
    );
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(header("x-amz-target"), "DynamoDB_20120810.GetItem");
    assert_eq!(format!("http://{}", header("host")), proxy.endpoint());
    assert_eq!(header("x-amz-date").len(), "20260101T000000Z".len());
    let authorization = header("authorization");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"),
        "{authorization}"
    );
    for signed in ["host", "x-amz-date", "x-amz-target"] {
        assert!(
            authorization.contains(signed),
            "{authorization} leaves {signed} unsigned"
        );
    }
}

#[tokio::test]
async fn invalid_argument_sends_no_request() {
    let (mut store, proxy, settings) = proxied().await;
    store.binding().init(&settings.metadata).await.unwrap();
    proxy.reset();
    let (long, big) = ("k".repeat(3000), vec![b'x'; 500_000]);
    for key in ["", long.as_str()] {
        assert!(store.state().get(key, None).await.is_err());
        assert!(store.state().set(key, b"v", None).await.is_err());
        assert!(store.state().delete(key, None).await.is_err());
        assert!(store.get_in_bulk(key).await.is_err());
    }
    for (value, options) in [(&big[..], None), (b"v", expiring(-2)), (b"v", expiring(60))] {
        assert!(store.state().set("k", value, options).await.is_err());
    }
    for transaction in [
        vec![set("a", b"v", None), delete("", None)],
        vec![set("a", b"v", None), delete(&long, None)],
        vec![delete("k", None); 101],
        vec![set("k", &big, None)],
        vec![set("k", b"1", None), set("k", b"2", first_write())],
    ] {
        assert!(store.state().transact(&transaction).await.is_err());
    }
    let unknown = store.binding().invoke("destroy", b"{}", None).await;
    assert!(unknown.is_err());
    for data in ["", "[]", "\"bare\"", r#"{"key": "k", "n": NaN}"#] {
        assert!(store.create(data).await.is_err());
    }
    let without_table = settings.with("table", "").metadata;
    assert!(store.state().init(&without_table).await.is_err());
    assert_eq!(operations(&proxy), [""; 0]);
}

#[tokio::test]
async fn empty_call_sends_no_request() {
    let (mut store, proxy, _) = proxied().await;
    store.state().bulk_get(&[], None).await.unwrap();
    store.state().bulk_set(&[]).await.unwrap();
    store.state().bulk_delete(&[]).await.unwrap();
    store.state().transact(&[]).await.unwrap();
    store.state().features().await.unwrap();
    store.state().max_transaction_size().await.unwrap();
    store.binding().operations().await.unwrap();
    assert!(proxy.requests().is_empty());
}
