//! Retries of requests.
//!
//! If the response to a write is lost, the write is retried if it cannot take effect twice. The
//! component does not mistake its own effect for another client's. If nobody can know the outcome,
//! the caller gets an error that says so. A server that refuses half of its requests gets less than
//! half as many requests again. A clock that becomes wrong costs each request one more attempt, and
//! no call fails because of it.

use crate::fixture::{
    Store, Table, assert_error, assert_refused, delete, delete_if_etag, delete_of, engine,
    first_write, if_etag, set, set_of,
};
use dapr_wasm_host::CallError;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use test_support::faults::{Action, Arrived, AwsError, Decision, Director, FaultProxy, Orders};
use tokio::sync::Barrier;

/// A proxy that loses responses: the request takes effect, but its sender never gets the response.
struct LossyProxy {
    proxy: FaultProxy,
    orders: Orders,
}

impl LossyProxy {
    /// Loses the responses to the next `count` requests, and closes their connections.
    fn lose(&self, count: usize) {
        self.orders.clear();
        self.orders.next(count, Action::drop_answer());
    }

    /// Returns the number of responses that are still to be lost.
    fn to_lose(&self) -> usize {
        self.orders.left()
    }
}

/// Returns a store and a binding behind a proxy that loses no response yet.
async fn lossy(attempts: &str) -> (Store, LossyProxy, Table) {
    let table = Table::new().await;
    let orders = Orders::default();
    let (settings, proxy) = table.behind(orders.clone()).await;
    let settings = settings.with("maxAttempts", attempts);
    let mut store = settings.store().await;
    store.binding().init(&settings.metadata).await.unwrap();
    (store, LossyProxy { proxy, orders }, table)
}

#[tokio::test]
async fn read_with_lost_response_is_retried() {
    let (mut store, proxy, _table) = lossy("3").await;
    store.set("k", b"v").await;
    proxy.lose(2);
    let item = store.get("k").await.unwrap();
    assert_eq!((item.value, proxy.to_lose()), (b"v".to_vec(), 0));
    proxy.lose(2);
    let in_bulk = store.get_in_bulk("k").await.unwrap();
    assert_eq!(in_bulk.unwrap().value, b"v");
}

#[tokio::test]
async fn conditional_set_with_lost_response_succeeds() {
    let (mut store, proxy, table) = lossy("3").await;
    for losses in [1, 2] {
        proxy.lose(losses);
        let etag = store.state().set("k", b"1", first_write()).await.unwrap();
        assert_eq!(proxy.to_lose(), 0);
        assert_eq!(table.raw("k").await.unwrap()["etag"]["S"], etag);
        proxy.lose(losses);
        let etag = store.state().set("k", b"2", if_etag(&etag)).await.unwrap();
        let item = store.get("k").await.unwrap();
        assert_eq!((item.value, item.etag), (b"2".to_vec(), Some(etag)));
        store.delete("k").await;
    }
}

/// The first attempt may have succeeded and been overwritten since. An error `etag-mismatch` would
/// claim that nothing was written.
#[tokio::test]
async fn retried_conditional_set_that_mismatches_is_unknown() {
    let (mut store, proxy, table) = lossy("3").await;
    store.set("order-1", b"1").await;
    for options in [if_etag("bad-etag"), first_write()] {
        proxy.lose(1);
        let answer = store.state().set("order-1", b"2", options).await;
        assert_refused(answer, "unavailable", &["order-1"]);
    }
    assert_eq!(table.raw("order-1").await.unwrap()["value"]["S"], "1");
}

#[tokio::test]
async fn plain_set_with_lost_response_is_read_back() {
    let (mut store, proxy, table) = lossy("2").await;
    proxy.proxy.reset_counts();
    proxy.lose(1);
    let etag = store.set("k", b"v").await;
    assert_eq!(table.raw("k").await.unwrap()["etag"]["S"], etag);
    for operation in ["PutItem", "GetItem"] {
        assert_eq!(proxy.proxy.count(operation).arrived, 1, "{operation}");
    }
    // A later write of another caller is kept.
    store.set("k", b"other").await;
    assert_eq!(table.raw("k").await.unwrap()["value"]["S"], "other");
}

#[tokio::test]
async fn plain_delete_or_create_with_lost_response_is_unknown() {
    let (mut store, proxy, table) = lossy("2").await;
    store.set("order-1", b"v").await;
    proxy.lose(1);
    let answer = store.state().delete("order-1", None).await;
    assert_refused(answer, "unavailable", &["order-1"]);
    assert_eq!((table.raw("order-1").await, proxy.to_lose()), (None, 0));
    proxy.lose(1);
    let create = store.create(r#"{"key": "k"}"#).await;
    assert_refused(create, "unavailable", &[]);
    assert_eq!(table.raw("k").await, Some(json!({ "key": { "S": "k" } })));
}

#[tokio::test]
async fn retried_conditional_delete_of_absent_item_is_unknown() {
    let (mut store, proxy, table) = lossy("3").await;
    let etag = store.set("order-1", b"v").await;
    proxy.lose(1);
    let answer = store.state().delete("order-1", delete_if_etag(&etag)).await;
    assert_refused(answer, "unavailable", &["order-1"]);
    assert_eq!((table.raw("order-1").await, proxy.to_lose()), (None, 0));
}

#[tokio::test]
async fn transaction_with_lost_response_applies_once() {
    let (mut store, proxy, table) = lossy("3").await;
    let etag = store.set("deleted", b"v").await;
    proxy.lose(2);
    let operations = [
        set("new", b"1", first_write()),
        delete("deleted", delete_if_etag(&etag)),
        set("plain", b"1", None),
    ];
    let etags = store.state().transact(&operations).await.unwrap();
    assert_eq!(proxy.to_lose(), 0);
    for (i, key) in [(0, "new"), (2, "plain")] {
        assert_eq!(
            table.raw(key).await.unwrap()["etag"]["S"].as_str(),
            etags[i].as_deref()
        );
    }
    assert_eq!(table.raw("deleted").await, None);
}

#[tokio::test]
async fn bulk_set_with_lost_response_succeeds_but_delete_is_unknown() {
    let (mut store, proxy, table) = lossy("3").await;
    proxy.lose(2);
    let sets = [
        set_of("a", b"1", None),
        set_of("b", b"1", first_write()),
        set_of("c", b"1", None),
    ];
    let written = store.state().bulk_set(&sets).await.unwrap();
    assert_eq!(proxy.to_lose(), 0);
    for (set, etag) in sets.iter().zip(written) {
        assert_eq!(
            table.raw(&set.key).await.unwrap()["etag"]["S"],
            etag.unwrap()
        );
    }
    proxy.lose(1);
    let deletes = [delete_of("a", None), delete_of("c", None)];
    let deleted = store.state().bulk_delete(&deletes).await.unwrap();
    for (delete, answer) in deletes.iter().zip(deleted) {
        assert_error(&answer.unwrap_err(), "unavailable", &[&delete.key]);
        assert_eq!(table.raw(&delete.key).await, None);
    }
}

#[tokio::test]
async fn write_is_unknown_if_every_response_is_lost() {
    let (mut store, proxy, table) = lossy("2").await;
    proxy.lose(3);
    let answer = store.state().set("k", b"v", None).await;
    assert_refused(answer, "unavailable", &[]);
    assert!(table.raw("k").await.is_some());
    proxy.lose(2);
    let answer = store.state().transact(&[set("t", b"v", None)]).await;
    assert_refused(answer, "unavailable", &[]);
    assert!(table.raw("t").await.is_some());
    proxy.lose(3);
    let sets = [set_of("b", b"v", None)];
    let answer = store.state().bulk_set(&sets).await.unwrap();
    assert_error(answer[0].as_ref().unwrap_err(), "unavailable", &[]);
    assert!(table.raw("b").await.is_some());
}

/// Returns a store on a table of its own. Its server refuses half of the requests of one operation
/// with an error, chosen at random.
async fn half_refused(operation: &'static str, code: &str) -> (Store, FaultProxy, Table) {
    let table = Table::new().await;
    let error = AwsError::named(code).expect("an error of DynamoDB");
    let coin = Mutex::new(fastrand::Rng::with_seed(1));
    let director = move |arrived: &Arrived| match arrived.operation == operation
        && coin.lock().unwrap().bool()
    {
        true => Action::error(&error),
        false => Action::pass(),
    };
    let (settings, proxy) = table.behind(director).await;
    (settings.store().await, proxy, table)
}

/// The bounds are those of `src/dynamodb/parity/amplification.rs`, which tests them with simulated
/// time and for every call.
///
/// The test spends most of its time waiting.
#[tokio::test]
async fn half_throttled_writes_have_bounded_retries() {
    const COUNT: usize = 1_000;
    let (mut store, proxy, table) = half_refused("PutItem", "ThrottlingException").await;
    let keys = (0..COUNT).map(|number| format!("key-{number}"));
    let sets: Vec<_> = keys.map(|key| set_of(&key, b"v", first_write())).collect();
    let written = store.state().bulk_set(&sets).await.unwrap();

    let requests = proxy.count("PutItem").arrived;
    assert!(requests <= COUNT as u64 * 3 / 2, "{requests} requests");
    let items = engine().await.scan(&table.name).await.unwrap();
    let text = |value: &serde_json::Value| value["S"].as_str().map(str::to_owned);
    let mut stored: HashMap<_, _> = items
        .iter()
        .map(|item| (text(&item["key"]), text(&item["etag"])))
        .collect();
    for (set, written) in sets.iter().zip(written) {
        let etag = stored.remove(&Some(set.key.clone()));
        match written {
            Ok(written) => assert_eq!(etag, Some(Some(written)), "{}", set.key),
            Err(error) => assert_eq!((error.case(), etag), ("throttled", None), "{error}"),
        }
    }
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test]
async fn half_failing_reads_have_bounded_retries() {
    const COUNT: u64 = 500;
    let (mut store, proxy, _table) = half_refused("GetItem", "InternalServerError").await;
    for _ in 0..COUNT {
        match store.state().get("absent", None).await {
            Ok(item) => assert_eq!(item, None),
            Err(CallError::Component(error)) => assert_eq!(error.case(), "unavailable", "{error}"),
            Err(other) => panic!("{other}"),
        }
    }
    let requests = proxy.count("GetItem").arrived;
    assert!(requests <= COUNT * 3 / 2, "{requests} requests");
    assert!(
        requests > COUNT * 11 / 10,
        "{requests} requests: nothing was retried"
    );
}

const PARALLEL: usize = 8;

/// Refuses the first requests, which are in flight together, because of their time.
struct Clock {
    all_are_there: Barrier,
}

impl Director for Clock {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async {
            if arrived.operation != "PutItem" || arrived.nth > PARALLEL as u64 {
                return Action::pass();
            }
            self.all_are_there.wait().await;
            let mut error = AwsError::named("InvalidSignatureException").unwrap();
            let ahead = SystemTime::now() + Duration::from_secs(3_600);
            error.date = Some(httpdate::fmt_http_date(ahead));
            Action::error(&error)
        })
    }
}

#[tokio::test]
async fn concurrent_requests_with_a_wrong_clock_are_retried() {
    let table = Table::new().await;
    let director = Arc::new(Clock {
        all_are_there: Barrier::new(PARALLEL),
    });
    let (settings, proxy) = table.behind(director).await;
    let mut store = settings.store().await;
    let mut sets = Vec::new();
    for key in (0..PARALLEL).map(|n| format!("k-{n}")) {
        let item = json!({ "key": { "S": key }, "value": { "S": "1" }, "etag": { "S": "e" } });
        table.put(item).await;
        sets.push(set_of(&key, b"2", if_etag("e")));
    }
    for written in store.state().bulk_set(&sets).await.unwrap() {
        assert!(written.is_ok(), "{written:?}");
    }
    let count = proxy.count("PutItem");
    let twice = 2 * PARALLEL as u64;
    assert_eq!((count.arrived, count.forwarded), (twice, twice / 2));
}
