//! What an instance adds to the load of a server that refuses half of its requests, as the server counts it.
//!
//! The bounds are those of `src/dynamodb/parity/amplification.rs`, which has them in scripted time and for every call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dapr_wasm_host::CallError;
use test_support::faults::{Action, Arrived, AwsError, Decision, Director, FaultProxy};

use crate::fixture::{Store, Table, engine, first_write, set_of};

/// Answers every second request of one operation with an error, by the toss of a coin.
struct Half {
    operation: &'static str,
    error: AwsError,
    coin: Mutex<fastrand::Rng>,
}

impl Director for Half {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let mut coin = self.coin.lock().unwrap_or_else(PoisonError::into_inner);
        let action = match arrived.operation == self.operation && coin.bool() {
            true => Action::error(&self.error),
            false => Action::pass(),
        };
        drop(coin);
        Box::pin(async { action })
    }
}

/// A store on a table of its own, whose server does this to half of its requests.
async fn store(operation: &'static str, code: &str) -> (Store, FaultProxy, Table) {
    let table = Table::new().await;
    let half = Half {
        operation,
        error: AwsError::named(code).expect("an error of DynamoDB"),
        coin: Mutex::new(fastrand::Rng::with_seed(1)),
    };
    let proxy = FaultProxy::start(engine().await.endpoint(), half).expect("the proxy starts");
    let settings = table.settings().await.through(proxy.endpoint());
    (settings.store().await, proxy, table)
}

/// Most of its half a minute is waiting.
#[tokio::test]
async fn a_thousand_writes_of_which_half_are_throttled_take_less_than_half_as_many_requests_more() {
    const COUNT: usize = 1_000;
    let (mut store, proxy, table) = store("PutItem", "ThrottlingException").await;
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
async fn five_hundred_reads_of_which_half_fail_take_less_than_half_as_many_requests_more() {
    const COUNT: u64 = 500;
    let (mut store, proxy, _table) = store("GetItem", "InternalServerError").await;
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
