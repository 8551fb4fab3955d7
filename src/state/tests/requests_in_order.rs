//! Tests of the requests of a bulk call that have a condition, or whose key repeats. Each is
//! sent by itself, in order for each key, and none after an unknown outcome.

use super::{
    answering, delete, delete_if, first_write, refused, scripted, set, set_if, written_keys,
};
use crate::error::Error;
use crate::http::TransportError;
use crate::state::SetRequest;
use crate::test_support::{Scene, Sent, refusal, success};
use serde_json::Value;

fn valued(key: &str, value: &str) -> SetRequest {
    SetRequest {
        value: value.as_bytes().to_vec(),
        ..set(key)
    }
}

/// Returns the key and the value of a PutItem.
fn put(sent: &Sent) -> (String, String) {
    let item = sent.json()["Item"].clone();
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    (text("pk"), text("value"))
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn conditional_requests_are_sent_singly() {
    let store = scripted([success()]);
    let requests = vec![set("a"), set_if("b", "e"), first_write("c"), set("d")];
    let results = store.bulk_set(requests).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let requests = store.requests();
    assert_eq!(store.operations(), ["BatchWriteItem", "PutItem", "PutItem"]);
    assert_eq!(written_keys(&requests[0]), ["a", "d"]);
    let conditions = requests[1..].iter().map(|sent| {
        let request = sent.json();
        let condition = request["ConditionExpression"].as_str().unwrap().to_owned();
        (put(sent).0, condition)
    });
    let conditions: Vec<_> = conditions.collect();
    let returns = |n: usize| requests[n].json()["ReturnValuesOnConditionCheckFailure"].clone();
    assert_eq!((returns(1), returns(2)), ("ALL_OLD".into(), Value::Null));
    assert_eq!(
        conditions,
        [
            pair("b", "#e = :e AND NOT #t <= :now"),
            pair("c", "attribute_not_exists(#k) OR #t <= :now")
        ]
    );
    assert_eq!(
        requests[1].json()["ExpressionAttributeValues"][":e"]["S"],
        "e"
    );
}

#[tokio::test]
async fn requests_for_a_repeated_key_keep_their_order() {
    let store = scripted([success()]);
    let requests = vec![
        valued("a", "1"),
        valued("b", "1"),
        valued("a", "2"),
        valued("a", "3"),
    ];
    let results = store.bulk_set(requests).await;
    assert_eq!(store.operations()[0], "BatchWriteItem");
    let requests = store.requests();
    assert_eq!(written_keys(&requests[0]), ["b"]);
    let sent: Vec<_> = requests[1..].iter().map(put).collect();
    assert_eq!(sent, [pair("a", "1"), pair("a", "2"), pair("a", "3")]);
    let etag = |sent: &Sent| {
        sent.json()["Item"]["etag"]["S"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let etags: Vec<_> = requests[1..].iter().map(|sent| Ok(etag(sent))).collect();
    assert_eq!(
        [&results[0], &results[2], &results[3]],
        [&etags[0], &etags[1], &etags[2]]
    );
}

#[tokio::test]
async fn later_requests_of_a_key_are_sent_after_a_mismatch() {
    let mismatch = refused("ConditionalCheckFailedException", "no");
    let store = scripted([mismatch, success()]);
    let results = store.bulk_set(vec![first_write("a"), set("a")]).await;
    assert!(matches!(&results[0], Err(Error::EtagMismatch(s)) if s.contains("\"a\"")));
    assert!(results[1].is_ok());
    assert_eq!(store.operations(), ["PutItem", "PutItem"]);
}

#[tokio::test]
async fn unknown_outcome_stops_later_requests_of_its_key() {
    let sentence = "key \"a\": not sent, because the outcome of an earlier request of this call for the same key is unknown";
    for (lost, timed_out) in [
        (Scene::from(TransportError::Timeout), true),
        (TransportError::Reset("cause".to_owned()).into(), false),
        (refusal(500, "InternalServerError").into(), false),
    ] {
        let store = answering(move |_, sent| match sent.operation() {
            "PutItem" if put(sent) == pair("a", "2") => lost.clone(),
            _ => success().into(),
        });
        let requests = vec![
            valued("a", "1"),
            valued("a", "2"),
            valued("a", "3"),
            valued("b", "1"),
            valued("a", "4"),
            valued("b", "2"),
        ];
        let results = store.bulk_set(requests).await;
        let requests = store.requests();
        let puts = requests.iter().filter(|sent| sent.operation() == "PutItem");
        let expected = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")];
        let expected = expected.map(|(key, value)| pair(key, value));
        assert_eq!(puts.map(put).collect::<Vec<_>>(), expected);
        assert_eq!(requests.len(), 5, "the fifth reads back whether a is 2");
        assert!([0, 3, 5].iter().all(|n| results[*n].is_ok()), "{results:?}");
        match (&results[1], timed_out) {
            (Err(Error::Timeout(s)), true) | (Err(Error::Unavailable(s)), false) => {
                assert!(s.starts_with("key \"a\": PutItem"), "{s}");
            }
            (other, _) => panic!("{other:?}"),
        }
        for n in [2, 4] {
            let not_sent = Error::Unavailable(sentence.to_owned());
            assert_eq!(results[n], Err(not_sent));
        }
    }
}

#[tokio::test]
async fn unknown_outcome_stops_later_deletes_of_its_key() {
    let store = scripted([TransportError::Timeout]);
    let requests = vec![delete_if("a", "e"), delete("a")];
    let results = store.bulk_delete(requests).await;
    assert!(matches!(results[0], Err(Error::Timeout(_))), "{results:?}");
    assert!(
        matches!(&results[1], Err(Error::Unavailable(s)) if s.starts_with("key \"a\": not sent")),
        "{results:?}"
    );
    assert_eq!(store.operations(), ["DeleteItem"; 4]);
}

#[tokio::test]
async fn invalid_requests_are_not_sent_and_the_others_are() {
    let store = scripted([success()]);
    let mut eternal = set("b");
    eternal.options.ttl = Some(-2);
    let large = valued("c", &"x".repeat(400 << 10));
    let requests = vec![set(""), set("a"), eternal, large, set(&"k".repeat(2_049))];
    let results = store.bulk_set(requests).await;
    assert!(matches!(results[0], Err(Error::InvalidArgument(_))));
    assert!(results[1].is_ok());
    assert!(matches!(&results[2], Err(Error::InvalidArgument(s)) if s.starts_with("key \"b\": ")));
    assert!(matches!(&results[3], Err(Error::TooLarge(s)) if s.starts_with("key \"c\": ")));
    assert!(matches!(results[4], Err(Error::InvalidArgument(_))));
    let requests = store.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(written_keys(&requests[0]), ["a"]);
}

#[tokio::test]
async fn empty_bulk_calls_send_nothing() {
    let store = scripted([success()]);
    assert_eq!(store.bulk_set(vec![]).await, []);
    assert_eq!(store.bulk_delete(vec![]).await, []);
    assert_eq!(store.bulk_get(vec![], None).await, []);
    assert!(store.requests().is_empty());
}
