//! Tests of the server's time. Once a response has shown it, expiry checks, written expiries,
//! conditions and signatures all use it. A time that is learnt during a call already counts
//! for that call.

use super::{
    SetRequest, delete_if, first_write, leaving, numbered, scripted, seconds, set, set_if, sets,
    store, stored,
};
use crate::error::Error;
use crate::http::{Clock, TransportError};
use crate::state::StateStore;
use crate::test_support::{Scene, Scripted, Sent, json, refusal, start, success, with};
use serde_json::{Value, json};

/// A time one hour ahead of our own clock, which shows 22:13:20.
const SERVER: &str = "Tue, 14 Nov 2023 23:13:20 GMT";
const SIGNED: &str = "20231114T231320Z";

/// Our own time and the server's, in seconds since the Unix epoch.
const OURS: u64 = 1_700_000_000;
const SERVERS: u64 = OURS + 3_600;

fn skewed() -> Scene {
    with(refusal(400, "RequestTimeTooSkewed"), "Date", SERVER).into()
}

/// Returns a store that has learnt the server's time from a skew error. Its later requests meet
/// these scenes.
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

/// Returns a first write of an item that lives for a minute.
fn lock() -> SetRequest {
    let mut request = first_write("a");
    request.options.ttl = Some(60);
    request
}

/// Fails unless the expiry and the condition of a [`lock`]'s put are based on `time`.
#[track_caller]
fn assert_is_of(put: &Value, time: u64) {
    assert_eq!(put["Item"]["expires"]["N"], (time + 60).to_string());
    let now = &put["ExpressionAttributeValues"][":now"]["N"];
    assert_eq!(now, &time.to_string());
}

fn expiring(key: &str, at: u64) -> Value {
    let mut item = stored(key);
    item["expires"] = json!({"N": at.to_string()});
    item
}

#[tokio::test]
async fn own_time_is_used_until_an_error_shows_the_servers() {
    let store = scripted([success()]);
    store.set(lock()).await.unwrap();
    let sent = &store.requests()[0];
    let request = sent.json();
    assert_eq!(date(sent), "20231114T221320Z");
    assert_is_of(&request, OURS);
}

#[tokio::test]
async fn expiry_and_condition_use_the_servers_time() {
    let store = taught([success().into()]).await;
    store.set(lock()).await.unwrap();
    store.bulk_set(vec![lock()]).await.remove(0).unwrap();
    store.transact(sets(vec![lock()])).await.unwrap();
    let requests = store.requests();
    let [_, _, put, single, transaction] = &requests[..] else {
        panic!("{requests:?}");
    };
    let written = transaction.json()["TransactItems"][0]["Put"].clone();
    for request in [put.json(), single.json(), written] {
        assert_is_of(&request, SERVERS);
    }
    for sent in &requests[1..] {
        assert_eq!(date(sent), SIGNED);
    }
}

#[tokio::test]
async fn expiry_of_a_batched_set_uses_the_servers_time() {
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
async fn item_expires_by_the_servers_time() {
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

/// The response to the read itself may show the server's time.
#[tokio::test]
async fn time_learnt_by_a_read_counts_for_its_own_item() {
    let item = json(&json!({"Item": expiring("a", OURS + 60)}));
    let store = scripted([skewed(), item.into()]);
    assert_eq!(store.get("a".to_owned(), None).await, Ok(None));
    let requests = store.requests();
    let dates: Vec<_> = requests.iter().map(date).collect();
    assert_eq!(dates, ["20231114T221320Z", SIGNED]);
}

/// The server's clock advances as ours does.
#[tokio::test]
async fn correction_is_an_offset_to_the_own_clock() {
    let store = taught([Scene::from(success()).after(seconds(5))]).await;
    for _ in 0..2 {
        store.set(first_write("a")).await.unwrap();
    }
    let request = store.requests()[3].json();
    let now = request["ExpressionAttributeValues"][":now"]["N"].clone();
    assert_eq!(now, (SERVERS + 5).to_string());
}

/// With a clock that is an hour ahead, a write would replace a live lock. With one that is an
/// hour behind, it would write items that have already expired.
#[tokio::test]
async fn write_refused_for_its_time_is_rebuilt_with_the_servers() {
    let of_set = |sent: &Sent| sent.json();
    let lock = lock();
    let store = scripted([skewed(), success().into()]);
    store.set(lock.clone()).await.unwrap();
    let request = of_set(&store.requests()[1]);
    assert_is_of(&request, SERVERS);

    let store = scripted([skewed(), success().into()]);
    store.delete(delete_if("a", "e")).await.unwrap();
    let request = of_set(&store.requests()[1]);
    let now = &request["ExpressionAttributeValues"][":now"]["N"];
    assert_eq!(now, &SERVERS.to_string());

    let store = scripted([skewed(), success().into()]);
    store.transact(sets(vec![lock])).await.unwrap();
    let requests = store.requests();
    let [first, again] = [0, 1].map(|n| of_set(&requests[n]));
    let put = &again["TransactItems"][0]["Put"];
    assert_is_of(put, SERVERS);
    assert_ne!(first["ClientRequestToken"], again["ClientRequestToken"]);
}

#[tokio::test]
async fn batch_refused_for_its_time_is_rebuilt_with_the_servers() {
    let mut number = 0;
    let store = store(Scripted::answering(move |sent| {
        number += 1;
        match number {
            1 => skewed(),
            _ => leaving(sent, |_| false).into(),
        }
    }));
    let mut requests: Vec<_> = numbered(2).iter().map(|key| set(key)).collect();
    for request in &mut requests {
        request.options.ttl = Some(60);
    }
    for result in store.bulk_set(requests).await {
        result.unwrap();
    }
    let request = store.requests()[1].json()["RequestItems"]["orders"].clone();
    for write in request.as_array().unwrap() {
        let expires = &write["PutRequest"]["Item"]["expires"]["N"];
        assert_eq!(expires, &(SERVERS + 60).to_string());
    }
}

/// A time thirty seconds ahead of our own clock, which is no reason to refuse a signature.
const NEARLY: &str = "Tue, 14 Nov 2023 22:13:50 GMT";

async fn expiry_of_a_set(store: &StateStore<Scripted>) -> u64 {
    let mut request = set("expiring");
    request.options.ttl = Some(60);
    store.set(request).await.unwrap();
    let sent = store.requests().pop().unwrap().json();
    let at = sent["Item"]["expires"]["N"].as_str().unwrap();
    at.parse::<u64>().unwrap() - 60
}

#[tokio::test]
async fn small_skew_is_learnt_from_any_error_of_dynamodb() {
    let error = with(refusal(400, "ValidationException"), "Date", NEARLY);
    let store = scripted([error, success()]);
    store.get("a".to_owned(), None).await.unwrap_err();
    assert_eq!(expiry_of_a_set(&store).await, OURS + 30);
}

#[tokio::test]
async fn small_skew_is_learnt_from_ping() {
    let store = scripted([with(success(), "Date", NEARLY), success()]);
    store.ping().await.unwrap();
    assert_eq!(expiry_of_a_set(&store).await, OURS + 30);
}

#[tokio::test]
async fn small_skew_is_learnt_from_responses_once_a_minute() {
    let later = "Tue, 14 Nov 2023 22:15:50 GMT";
    let answer = |date| Scene::from(with(success(), "Date", date));
    let store = scripted([
        answer(NEARLY),
        answer(later),
        answer(later).after(seconds(9)),
        answer(later).after(seconds(9)),
        success().into(),
    ]);
    store.get("a".to_owned(), None).await.unwrap();
    assert_eq!(expiry_of_a_set(&store).await, OURS + 30, "of the first");
    for _ in 0..2 {
        store.get("a".to_owned(), None).await.unwrap();
    }
    assert_eq!(expiry_of_a_set(&store).await, OURS + 48, "within a minute");
    let store = scripted([answer(NEARLY).after(seconds(9)), answer(later)]);
    store.get("a".to_owned(), None).await.unwrap();
    store.client.platform().sleep(seconds(60)).await;
    store.get("a".to_owned(), None).await.unwrap();
    assert_eq!(expiry_of_a_set(&store).await, OURS + 150, "a minute later");
}

#[tokio::test]
async fn store_without_expiry_does_not_learn_the_time() {
    let mut config = crate::test_support::config();
    config.state.table.ttl_attribute = None;
    let answer = with(success(), "Date", SERVER);
    let store = config.store(Scripted::new([answer]));
    for _ in 0..2 {
        store.get("a".to_owned(), None).await.unwrap();
    }
    assert_eq!(date(&store.requests()[1]), "20231114T221320Z");
}

/// The error page of a proxy has a date too.
#[tokio::test]
async fn response_not_from_dynamodb_does_not_set_the_time() {
    let page = with(crate::test_support::html(403), "Date", SERVER);
    let store = scripted([page, success()]);
    store.get("a".to_owned(), None).await.unwrap_err();
    assert_eq!(expiry_of_a_set(&store).await, OURS);
}

/// The machine slept between signing and sending, but its clock is right.
#[tokio::test]
async fn request_signed_before_a_long_sleep_is_signed_again() {
    for (code, attempts) in [
        ("InvalidSignatureException", 1),
        ("RequestTimeTooSkewed", 4),
    ] {
        let mut config = crate::test_support::config();
        config.client.limits.max_attempts = attempts;
        let refused = Scene::from(with(refusal(400, code), "Date", SERVER));
        let refused = refused.asleep_for(seconds(3_600));
        let platform = Scripted::new([refused, success().into()]);
        let store = config.store(platform);
        store.set(lock()).await.unwrap();
        let requests = store.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(date(&requests[1]), SIGNED);
        let expires = &requests[1].json()["Item"]["expires"]["N"];
        assert_eq!(expires, &(SERVERS + 60).to_string());
    }
}

/// The clocks went on while the process was stopped, and its deadline has passed.
#[tokio::test]
async fn request_of_a_stopped_process_is_signed_again() {
    let mut config = crate::test_support::config();
    config.client.limits.max_attempts = 1;
    let refused = with(refusal(400, "InvalidSignatureException"), "Date", SERVER);
    let refused = Scene::from(refused).after(seconds(10));
    let platform = Scripted::new([refused.asleep_for(seconds(3_590)), success().into()]);
    let store = config.store(platform);
    store.set(first_write("a")).await.unwrap();
    let dates: Vec<_> = store
        .requests()
        .iter()
        .map(|sent| date(sent).to_owned())
        .collect();
    assert_eq!(dates, ["20231114T221320Z", SIGNED]);
}

/// DynamoDB may have forgotten the token of the earlier attempt.
#[tokio::test]
async fn lost_transaction_is_not_repeated_after_a_long_sleep() {
    let lost = Scene::from(TransportError::Reset("cause".to_owned()));
    for (asleep, repeated) in [(seconds(240), true), (seconds(360), false)] {
        let store = scripted([lost.clone().asleep_for(asleep), success().into()]);
        let result = store.transact(sets(vec![set_if("a", "e")])).await;
        assert_eq!(store.requests().len(), if repeated { 2 } else { 1 });
        match repeated {
            true => assert!(result.is_ok()),
            false => assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}"),
        }
    }
}

/// The earlier attempt is the one that may have been applied.
#[tokio::test]
async fn transaction_of_unknown_outcome_is_not_signed_after_a_freeze() {
    let lost = Scene::from(TransportError::Reset("cause".to_owned()));
    let refused = Scene::from(with(
        refusal(400, "InvalidSignatureException"),
        "Date",
        SERVER,
    ));
    let store = scripted([lost, refused.asleep_for(seconds(3_600)), success().into()]);
    let result = store.transact(sets(vec![set_if("a", "e")])).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert_eq!(store.requests().len(), 2);
}

/// DynamoDB refuses a known token with a different body.
#[tokio::test]
async fn lost_transaction_is_repeated_byte_for_byte() {
    let lost = Scene::from(TransportError::Timeout).asleep_for(seconds(30));
    let store = scripted([lost, success().into()]);
    store.transact(sets(vec![lock()])).await.unwrap();
    let requests = store.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_ne!(date(&requests[0]), date(&requests[1]));
}

/// The clock advances by a second each time it is read.
#[tokio::test]
async fn signature_expiry_and_condition_use_the_same_time() {
    let platform = Scripted::new([success()]).ticking(seconds(1));
    let store = crate::test_support::config().store(platform);
    let lock = lock();
    store.set(lock.clone()).await.unwrap();
    store.transact(sets(vec![lock])).await.unwrap();
    for sent in store.requests() {
        let request = sent.json();
        let put = match sent.operation() {
            "PutItem" => request,
            _ => request["TransactItems"][0]["Put"].clone(),
        };
        let now = &put["ExpressionAttributeValues"][":now"]["N"];
        let now: u64 = now.as_str().unwrap().parse().unwrap();
        assert_eq!(put["Item"]["expires"]["N"], (now + 60).to_string());
        let signed = now - OURS + 20;
        assert_eq!(date(&sent), format!("20231114T2213{signed:02}Z"));
    }
}
