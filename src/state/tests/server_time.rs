//! Once an error taught it, the server's time decides: what has expired, what
//! is written as expiry, what conditions compare with, what is signed.

use super::{first_write, numbered, scripted, seconds, set, sets, stored};
use crate::platform::Clock;
use crate::scripted::{Scene, Scripted, Sent, json, refusal, start, success, with};
use crate::state::StateStore;
use serde_json::{Value, json};

/// An hour ahead of our own clock, which shows 22:13:20.
const SERVER: &str = "Tue, 14 Nov 2023 23:13:20 GMT";
const SIGNED: &str = "20231114T231320Z";

/// Our own time and the server's, in seconds since the Unix epoch.
const OURS: u64 = 1_700_000_000;
const SERVERS: u64 = OURS + 3_600;

fn skewed() -> Scene {
    with(refusal(400, "RequestTimeTooSkewed"), "Date", SERVER).into()
}

/// A store that a skew error has taught the time, and then these scenes.
async fn taught(scenes: impl IntoIterator<Item = Scene>) -> StateStore<Scripted> {
    let lesson = [skewed(), success().into()];
    let store = scripted(lesson.into_iter().chain(scenes));
    store.ping().await.expect("a success after the correction");
    let moment = store.client.platform().now();
    assert!(
        moment < start() + seconds(1),
        "our own clock stays as it is"
    );
    store
}

fn date(sent: &Sent) -> &str {
    sent.header("x-amz-date").unwrap()
}

fn expiring(key: &str, at: u64) -> Value {
    let mut item = stored(key);
    item["expires"] = json!({"N": at.to_string()});
    item
}

#[tokio::test]
async fn our_own_time_is_taken_before_any_error_teaches_another() {
    let store = scripted([success()]);
    let mut request = first_write("a");
    request.options.ttl = Some(60);
    store.set(request).await.unwrap();
    let sent = &store.requests()[0];
    let request = sent.json();
    assert_eq!(date(sent), "20231114T221320Z");
    assert_eq!(request["Item"]["expires"]["N"], (OURS + 60).to_string());
    let now = &request["ExpressionAttributeValues"][":now"]["N"];
    assert_eq!(now, &OURS.to_string());
}

#[tokio::test]
async fn an_expiry_and_a_condition_are_of_the_servers_time() {
    let store = taught([success().into()]).await;
    let request = || {
        let mut request = first_write("a");
        request.options.ttl = Some(60);
        request
    };
    store.set(request()).await.unwrap();
    store.bulk_set(vec![request()]).await.remove(0).unwrap();
    store.transact(sets(vec![request()])).await.unwrap();
    let requests = store.requests();
    let [_, _, put, single, transaction] = &requests[..] else {
        panic!("{requests:?}");
    };
    let written = transaction.json()["TransactItems"][0]["Put"].clone();
    for request in [put.json(), single.json(), written] {
        assert_eq!(request["Item"]["expires"]["N"], (SERVERS + 60).to_string());
        let now = &request["ExpressionAttributeValues"][":now"]["N"];
        assert_eq!(now, &SERVERS.to_string());
    }
    for sent in &requests[1..] {
        assert_eq!(date(sent), SIGNED);
    }
}

#[tokio::test]
async fn the_expiry_of_a_batched_set_is_of_the_servers_time() {
    let store = taught([success().into()]).await;
    let mut requests: Vec<_> = numbered(2).iter().map(|key| set(key)).collect();
    requests[0].options.ttl = Some(60);
    store.bulk_set(requests).await;
    let request = store.requests()[2].json()["RequestItems"]["orders"].clone();
    let expiries = request.as_array().unwrap().iter();
    let expiries: Vec<_> = expiries
        .filter_map(|request| request["PutRequest"]["Item"]["expires"]["N"].as_str())
        .collect();
    assert_eq!(expiries, [(SERVERS + 60).to_string()]);
}

#[tokio::test]
async fn an_item_expires_by_the_servers_time() {
    for (at, there) in [(SERVERS, false), (SERVERS + 1, true)] {
        let single = json(&json!({"Item": expiring("a", at)}));
        let many = json(&json!({"Responses": {"orders": [expiring("a", at)]}}));
        let store = taught([single.into(), many.into()]).await;
        let got = store.get("a".to_owned(), None).await.unwrap();
        assert_eq!(got.is_some(), there);
        let got = store.bulk_get(vec!["a".to_owned()], None).await.remove(0);
        assert_eq!(got.unwrap().is_some(), there);
    }
}

/// The read itself may be what teaches it.
#[tokio::test]
async fn what_a_read_learns_of_the_time_counts_for_what_it_read() {
    let item = json(&json!({"Item": expiring("a", OURS + 60)}));
    let store = scripted([skewed(), item.into()]);
    assert_eq!(store.get("a".to_owned(), None).await, Ok(None));
    let requests = store.requests();
    let dates: Vec<_> = requests.iter().map(date).collect();
    assert_eq!(dates, ["20231114T221320Z", SIGNED]);
}

/// The server's time goes on as ours does.
#[tokio::test]
async fn the_correction_is_a_distance_and_no_moment() {
    let store = taught([Scene::from(success()).after(seconds(5))]).await;
    for _ in 0..2 {
        store.set(first_write("a")).await.unwrap();
    }
    let request = store.requests()[3].json();
    let now = request["ExpressionAttributeValues"][":now"]["N"].clone();
    assert_eq!(now, (SERVERS + 5).to_string());
}
