//! Tests of conditions that fail on a retry. A write that names the ETag that it replaces is
//! retried after a lost response. If its condition then fails, the outcome is unknown, because
//! the lost attempt may have been applied. Without a lost response, the condition failed for
//! certain.

use super::{answering, delete_if, first_write, lost_answers, refused, scripted, set_if, stored};
use crate::error::Error;
use crate::http::{Response, TransportError};
use crate::test_support::{Scene, Sent, json};
use serde_json::{Value, json};

/// Returns failures of attempts that were certainly not applied.
fn not_applied() -> [Scene; 4] {
    [
        refused("ThrottlingException", "slow down").into(),
        refused("ProvisionedThroughputExceededException", "slow down").into(),
        TransportError::ConnectTimeout.into(),
        TransportError::Refused("cause".to_owned()).into(),
    ]
}

/// Returns the response for a failed condition, with the stored item.
fn mismatch(item: Option<&Value>) -> Response {
    let mut error = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    });
    if let Some(item) = item {
        error["Item"] = item.clone();
    }
    json(&error)
}

fn etag(sent: &Sent) -> String {
    sent.json()["Item"]["etag"]["S"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn is_unknown(error: &Error) -> bool {
    error
        == &Error::Unavailable(
            "key \"a\": the condition failed on a retry, and an earlier attempt, whose response was lost, may have been applied: read the item to find out"
                .to_owned(),
        )
}

#[tokio::test]
async fn set_that_finds_its_own_etag_on_a_retry_succeeds() {
    for lost in lost_answers() {
        let store = answering(move |number, sent| match number {
            1 => lost.clone(),
            _ => mismatch(Some(&sent.json()["Item"])).into(),
        });
        let result = store.set(set_if("a", "old")).await;
        let requests = store.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body, "byte for byte");
        assert_eq!(result, Ok(etag(&requests[0])));
        let returns = &requests[0].json()["ReturnValuesOnConditionCheckFailure"];
        assert_eq!(returns, "ALL_OLD");
        assert_eq!(store.waits(), [12.5]);
    }
}

#[tokio::test]
async fn set_that_finds_another_etag_on_a_retry_is_unknown() {
    let other = stored("a");
    let mut without_etag = stored("a");
    without_etag.as_object_mut().unwrap().remove("etag");
    for item in [Some(&other), Some(&without_etag), None] {
        for lost in lost_answers() {
            let store = scripted([lost, mismatch(item).into()]);
            let error = store.set(set_if("a", "old")).await.unwrap_err();
            assert!(is_unknown(&error), "{error}");
            assert_eq!(store.requests().len(), 2);
        }
    }
}

#[tokio::test]
async fn condition_that_fails_at_once_is_a_mismatch() {
    let other = stored("a");
    for item in [Some(&other), None] {
        let store = scripted([mismatch(item)]);
        let error = store.set(first_write("a")).await.unwrap_err();
        let sentence =
            "key \"a\" already exists, but the set is a first write: use its ETag to replace it";
        assert_eq!(error, Error::EtagMismatch(sentence.to_owned()));
        let error = store.set(set_if("a", "old")).await.unwrap_err();
        let sentence = "the ETag for key \"a\" does not match the stored item, or there is no item: read the item again";
        assert_eq!(error, Error::EtagMismatch(sentence.to_owned()));
        let error = store.delete(delete_if("a", "old")).await.unwrap_err();
        assert_eq!(error, Error::EtagMismatch(sentence.to_owned()));
        assert_eq!(store.requests().len(), 3);
    }
}

#[tokio::test]
async fn condition_failing_after_unapplied_attempt_is_a_mismatch() {
    let other = stored("a");
    for first in not_applied() {
        let store = scripted([first.clone(), mismatch(Some(&other)).into()]);
        let error = store.set(set_if("a", "old")).await.unwrap_err();
        assert!(
            matches!(error, Error::EtagMismatch(_)),
            "{first:?}: {error}"
        );
        assert_eq!(store.requests().len(), 2);
        let store = scripted([first.clone(), mismatch(None).into()]);
        let error = store.delete(delete_if("a", "old")).await.unwrap_err();
        assert!(
            matches!(error, Error::EtagMismatch(_)),
            "{first:?}: {error}"
        );
        assert_eq!(store.requests().len(), 2);
    }
}

#[tokio::test]
async fn lost_response_is_remembered_across_a_throttled_attempt() {
    let throttled = || Scene::from(refused("ThrottlingException", "slow down"));
    for lost in lost_answers() {
        for scenes in [[lost.clone(), throttled()], [throttled(), lost]] {
            let [first, second] = scenes;
            let script = [first, second, mismatch(None).into()];
            let store = scripted(script.clone());
            let error = store.set(set_if("a", "old")).await.unwrap_err();
            assert!(is_unknown(&error), "{error}");
            let store = scripted(script);
            let error = store.delete(delete_if("a", "old")).await.unwrap_err();
            assert!(is_unknown(&error), "{error}");
        }
    }
}

/// The item is gone with its ETag, so nobody can tell which request deleted it.
#[tokio::test]
async fn delete_whose_condition_fails_on_a_retry_is_unknown() {
    for lost in lost_answers() {
        let store = scripted([lost, mismatch(None).into()]);
        let error = store.delete(delete_if("a", "old")).await.unwrap_err();
        assert!(is_unknown(&error), "{error}");
        let requests = store.requests();
        assert_eq!(requests[0].body, requests[1].body);
        let request = requests[0].json();
        assert_eq!(request["ConditionExpression"], "#e = :e AND NOT #t <= :now");
        assert_eq!(request["ExpressionAttributeValues"][":e"]["S"], "old");
    }
}

#[tokio::test]
async fn throttling_after_a_lost_response_is_unavailable() {
    let throttled = refused("ThrottlingException", "slow down");
    let store = scripted([Scene::from(TransportError::Timeout), throttled.into()]);
    let Err(Error::Unavailable(sentence)) = store.set(set_if("a", "old")).await else {
        panic!("not unavailable");
    };
    let start = "key \"a\": throttled: PutItem on table `orders`: slow down (ThrottlingException,";
    let end = "after 4 attempts; an attempt whose response was lost may have been applied";
    assert!(
        sentence.starts_with(start) && sentence.ends_with(end),
        "{sentence}"
    );
}
