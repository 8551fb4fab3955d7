//! Tests of writes that cannot recognise their own retry. After a lost response they are not
//! sent again. A set is read back instead, and the outcome of a delete stays unknown.

use super::{
    answering, delete, first_write, leaving, lost_answers, names, refused, scripted, seconds, set,
    set_if, store, written_keys,
};
use crate::error::Error;
use crate::http::{Clock, TransportError};
use crate::test_support::{Scene, Scripted, Sent, json, success};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns the response to a GetItem or BatchGetItem with these ETags by key.
fn standing(sent: &Sent, etags: &[(&str, Value)]) -> Scene {
    let item = |(key, etag): &(&str, Value)| json!({"pk": {"S": key}, "etag": {"S": etag}});
    let items: Vec<_> = etags.iter().map(item).collect();
    match sent.operation() {
        "GetItem" => json(&json!({ "Item": items[0] })).into(),
        "BatchGetItem" => json(&json!({"Responses": {"orders": items}})).into(),
        other => panic!("{other}"),
    }
}

fn etag(sent: &Sent) -> Value {
    sent.json()["Item"]["etag"]["S"].clone()
}

/// Returns true for the error of a lost response; a timeout is reported as a timeout.
fn is_unknown(error: &Error, key: &str) -> bool {
    let start = format!("key \"{key}\": ");
    matches!(error, Error::Timeout(s) | Error::Unavailable(s) if s.starts_with(&start))
}

#[tokio::test]
async fn lost_set_that_is_in_the_table_succeeds() {
    for lost in lost_answers() {
        for request in [set("a"), first_write("a")] {
            let (lost, mut written) = (lost.clone(), Value::Null);
            let store = answering(move |number, sent| match number {
                1 => {
                    written = etag(sent);
                    lost.clone()
                }
                _ => standing(sent, &[("a", written.clone())]),
            });
            let result = store.set(request).await;
            assert_eq!(store.operations(), ["PutItem", "GetItem"]);
            let requests = store.requests();
            assert_eq!(result.ok().map(Value::from), Some(etag(&requests[0])));
            let read = requests[1].json();
            assert_eq!(read["ConsistentRead"], true);
            assert_eq!(read["Key"]["pk"]["S"], "a");
            assert_eq!(read["ProjectionExpression"], "#e");
            assert_eq!(read["ExpressionAttributeNames"]["#e"], "etag");
        }
    }
}

#[tokio::test]
async fn lost_set_that_is_not_in_the_table_is_unknown() {
    for lost in lost_answers() {
        for request in [set("a"), first_write("a")] {
            for found in [
                json(&json!({"Item": {"etag": {"S": "another"}}})),
                json(&json!({"Item": {}})),
                success(),
            ] {
                let store = scripted([lost.clone(), found.into()]);
                let error = store.set(request.clone()).await.unwrap_err();
                assert!(is_unknown(&error, "a"), "{error}");
                assert_eq!(store.operations(), ["PutItem", "GetItem"]);
            }
        }
    }
}

#[tokio::test]
async fn failed_read_back_keeps_the_error_of_the_set() {
    for lost in lost_answers() {
        let denied = refused("AccessDeniedException", "no reads");
        let store = scripted([lost.clone(), denied.into()]);
        let error = store.set(set("a")).await.unwrap_err();
        assert!(is_unknown(&error, "a"), "{error}");
        assert!(!error.to_string().contains("no reads"), "{error}");
        assert_eq!(store.operations(), ["PutItem", "GetItem"]);
    }
}

#[tokio::test]
async fn read_back_ends_at_the_deadline_of_the_set() {
    let store = scripted([Scene::from(success()).after(seconds(3_600))]);
    let error = store.set(set("a")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert_eq!(store.operations()[..2], ["PutItem", "GetItem"]);
    assert_eq!(store.client.platform().monotonic(), seconds(40));
}

/// The read is not a retry. If the set has used up its time, the read has that of one attempt.
#[tokio::test]
async fn set_is_read_back_after_its_only_attempt() {
    let requests = [set("a"), first_write("a"), set_if("a", "old")];
    for (lost, request) in lost_answers().into_iter().zip(requests.into_iter().cycle()) {
        let mut config = crate::test_support::config();
        config.client.limits.max_attempts = 1;
        let mut written = None;
        let scenes = Scripted::answering(move |sent| match written.clone() {
            None => {
                written = Some(etag(sent));
                // The attempt takes all of its time.
                lost.clone().after(seconds(10))
            }
            Some(etag) => standing(sent, &[("a", etag)]).after(seconds(9)),
        });
        let store = config.store(scenes);
        assert!(store.set(request).await.is_ok());
        assert_eq!(store.operations(), ["PutItem", "GetItem"]);
    }
}

#[tokio::test]
async fn read_back_after_the_only_attempt_ends_in_time() {
    let mut config = crate::test_support::config();
    config.client.limits.max_attempts = 1;
    let silence = Scene::from(success()).after(seconds(3_600));
    let store = config.store(Scripted::new([silence]));
    let error = store.set(set("a")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert_eq!(store.operations(), ["PutItem", "GetItem"]);
    assert_eq!(store.client.platform().monotonic(), seconds(20));
}

#[tokio::test]
async fn unapplied_write_is_retried_without_a_read() {
    for refused in [
        Scene::from(refused("ThrottlingException", "slow down")),
        TransportError::ConnectTimeout.into(),
        TransportError::Refused("cause".to_owned()).into(),
    ] {
        let store = scripted([refused.clone(), success().into()]);
        assert!(store.set(first_write("a")).await.is_ok());
        assert!(store.delete(delete("a")).await.is_ok());
        assert_eq!(store.operations(), ["PutItem", "PutItem", "DeleteItem"]);
        let store = scripted([refused]);
        assert!(store.set(set("a")).await.is_err());
        assert_eq!(store.operations(), ["PutItem"; 4]);
    }
}

#[tokio::test]
async fn lost_delete_is_unknown_and_not_sent_again() {
    for lost in lost_answers() {
        let store = scripted([lost, success().into()]);
        let error = store.delete(delete("a")).await.unwrap_err();
        assert!(is_unknown(&error, "a"), "{error}");
        assert_eq!(store.operations(), ["DeleteItem"]);
    }
}

#[tokio::test]
async fn lost_batch_succeeds_for_the_items_in_the_table() {
    for lost in lost_answers() {
        let mut batch = Vec::new();
        let store = answering(move |number, sent| match number {
            1 => {
                batch = super::written(sent);
                lost.clone()
            }
            _ => {
                let a = batch[0].1.clone().into();
                standing(
                    sent,
                    &[("a", a), ("b", "another".into()), ("d", "e".into())],
                )
            }
        });
        let results = store.bulk_set(vec![set("a"), set("b"), set("c")]).await;
        assert_eq!(store.operations(), ["BatchWriteItem", "BatchGetItem"]);
        let requests = store.requests();
        assert_eq!(results[0].clone().ok(), super::written(&requests[0])[0].1);
        for (result, key) in results[1..].iter().zip(["b", "c"]) {
            let error = result.as_ref().unwrap_err();
            assert!(is_unknown(error, key), "{error}");
        }
        let read = requests[1].json()["RequestItems"]["orders"].clone();
        assert_eq!(read["ConsistentRead"], true);
        assert_eq!(read["ProjectionExpression"], "#k, #e");
        assert_eq!(
            read["ExpressionAttributeNames"],
            json!({"#k": "pk", "#e": "etag"})
        );
        assert_eq!(super::asked(&requests[1]).len(), 3);
    }
}

/// DynamoDB reads two items of 400 KB per request from one partition.
#[tokio::test]
async fn lost_batch_is_read_back_while_responses_make_progress() {
    let mut batch: BTreeMap<String, Option<String>> = BTreeMap::new();
    let store = answering(move |number, sent| match number {
        1 => {
            batch = super::written(sent).into_iter().collect();
            Scene::from(TransportError::Reset("cause".to_owned()))
        }
        _ => {
            let keys = super::asked(sent);
            let (read, left) = keys.split_at(keys.len().min(2));
            let item = |key: &String| json!({"pk": {"S": key}, "etag": {"S": batch[key]}});
            let items: Vec<_> = read.iter().map(item).collect();
            let left: Vec<_> = left.iter().map(|key| json!({"pk": {"S": key}})).collect();
            let left = match left.is_empty() {
                true => json!({}),
                false => json!({"orders": {"Keys": left}}),
            };
            json(&json!({"Responses": {"orders": items}, "UnprocessedKeys": left})).into()
        }
    });
    let requests = super::numbered(25).iter().map(|key| set(key)).collect();
    let results = store.bulk_set(requests).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(store.requests().len(), 1 + 13);
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn only_the_keys_of_a_lost_round_are_unknown() {
    let store = answering(|number, sent| match number {
        1 => leaving(sent, |key| key == "b").into(),
        2 => Scene::from(TransportError::Timeout),
        _ => success().into(),
    });
    let results = store.bulk_set(vec![set("a"), set("b")]).await;
    assert!(results[0].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(is_unknown(error, "b"), "{error}");
    let requests = store.requests();
    assert_eq!(written_keys(&requests[1]), ["b"]);
    assert_eq!(super::asked(&requests[2]), names(&["b"]));
}

#[tokio::test]
async fn lost_batch_of_deletes_is_unknown() {
    for lost in lost_answers() {
        let store = scripted([lost, success().into()]);
        let results = store.bulk_delete(vec![delete("a"), delete("b")]).await;
        for (result, key) in results.into_iter().zip(["a", "b"]) {
            let error = result.unwrap_err();
            assert!(is_unknown(&error, key), "{error}");
        }
        assert_eq!(store.operations(), ["BatchWriteItem"]);
    }
}

/// ETags are random, so a replaced ETag never comes back.
#[tokio::test]
async fn lost_set_that_names_an_etag_is_sent_again() {
    for lost in lost_answers() {
        let store = store(Scripted::new([lost, success().into()]));
        assert!(store.set(set_if("a", "old")).await.is_ok());
        assert_eq!(store.operations(), ["PutItem", "PutItem"]);
    }
}
