//! Tests of a batch that DynamoDB refuses as a whole for one invalid member. Each member is
//! then sent by itself, so that only the invalid one fails.

use super::{answering, delete, numbered, refused, scripted, set};
use crate::error::Error;
use crate::http::Response;
use crate::test_support::{Sent, success};
use std::collections::BTreeMap;

/// Refuses every request that names the key `bad`.
fn strict(sent: &Sent, code: &str, words: &str) -> Response {
    if String::from_utf8_lossy(&sent.body).contains(r#""pk":{"S":"bad"}"#) {
        refused(code, words)
    } else {
        success()
    }
}

/// Returns the ETag of each PutItem by key.
fn singly(requests: &[Sent]) -> BTreeMap<String, String> {
    let put = |sent: &Sent| {
        assert_eq!(sent.operation(), "PutItem");
        let item = sent.json()["Item"].clone();
        let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
        (text("pk"), text("etag"))
    };
    requests.iter().map(put).collect()
}

#[tokio::test]
async fn invalid_member_of_a_batch_fails_alone() {
    let store = answering(|_, sent| strict(sent, "ValidationException", "bad it is"));
    let results = store.bulk_set(vec![set("a"), set("bad"), set("c")]).await;
    assert_eq!(
        store.operations(),
        ["BatchWriteItem", "PutItem", "PutItem", "PutItem"]
    );
    let etags = singly(&store.requests()[1..]);
    assert_eq!(results[0].as_ref(), Ok(&etags["a"]));
    assert_eq!(results[2].as_ref(), Ok(&etags["c"]));
    let start = "key \"bad\": PutItem on table `orders`: bad it is (ValidationException, HTTP 400";
    assert!(
        matches!(&results[1], Err(Error::InvalidArgument(s)) if s.starts_with(start)),
        "{results:?}"
    );
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn members_sent_singly_keep_their_etag_without_condition() {
    let store = answering(|_, sent| strict(sent, "ValidationException", "bad it is"));
    store.bulk_set(vec![set("a"), set("bad")]).await;
    let requests = store.requests();
    let batch: BTreeMap<_, _> = super::written(&requests[0])
        .into_iter()
        .map(|(key, etag)| (key, etag.unwrap()))
        .collect();
    assert_eq!(singly(&requests[1..]), batch);
    for sent in &requests[1..] {
        assert_eq!(sent.json().get("ConditionExpression"), None);
    }
}

#[tokio::test]
async fn deletes_of_a_refused_batch_are_sent_singly() {
    let store = answering(|_, sent| strict(sent, "ValidationException", "bad it is"));
    let results = store.bulk_delete(vec![delete("bad"), delete("b")]).await;
    assert!(matches!(results[0], Err(Error::InvalidArgument(_))));
    assert_eq!(results[1], Ok(()));
    assert_eq!(
        store.operations(),
        ["BatchWriteItem", "DeleteItem", "DeleteItem"]
    );
}

#[tokio::test]
async fn item_too_large_for_dynamodb_fails_alone() {
    let words = "Item size has exceeded the maximum allowed size";
    let store = answering(move |_, sent| strict(sent, "ValidationException", words));
    let results = store.bulk_set(vec![set("a"), set("bad")]).await;
    assert!(results[0].is_ok());
    assert!(matches!(&results[1], Err(Error::TooLarge(s)) if s.starts_with("key \"bad\": ")));
}

#[tokio::test]
async fn only_the_refused_batch_is_sent_singly() {
    let store = answering(|_, sent| strict(sent, "ValidationException", "bad it is"));
    let mut requests: Vec<_> = numbered(49).iter().map(|key| set(key)).collect();
    requests.push(set("bad"));
    let results = store.bulk_set(requests).await;
    assert!(results[..49].iter().all(Result::is_ok), "{results:?}");
    assert!(matches!(results[49], Err(Error::InvalidArgument(_))));
    let operations = store.operations();
    let batches = operations.iter().filter(|name| *name == "BatchWriteItem");
    assert_eq!((batches.count(), operations.len()), (2, 2 + 25));
}

#[tokio::test]
async fn refused_batch_of_one_is_not_sent_twice() {
    let store = answering(|_, sent| strict(sent, "ValidationException", "bad it is"));
    let results = store.bulk_set(vec![set("bad")]).await;
    let start = "key \"bad\": BatchWriteItem on table `orders`: bad it is ";
    assert!(
        matches!(&results[..], [Err(Error::InvalidArgument(s))] if s.starts_with(start)),
        "{results:?}"
    );
    assert_eq!(store.operations(), ["BatchWriteItem"]);
}

#[tokio::test]
async fn error_of_every_member_is_not_retried_singly() {
    for code in [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "SomethingNew",
    ] {
        let store = scripted([refused(code, "so it is")]);
        let results = store.bulk_set(vec![set("a"), set("b")]).await;
        assert!(results.iter().all(Result::is_err));
        assert_eq!(store.operations(), ["BatchWriteItem"], "{code}");
    }
}
