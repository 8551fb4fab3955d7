//! Tests of cancelled transactions. The cancellation reason decides the case of the error, and
//! its sentence names the key at fault.

use super::{cancelled, delete, delete_if, first_write, refused, scripted, set, set_if, sets};
use crate::error::Error;
use crate::state::Operation;
use crate::test_support::{json, success};
use serde_json::json;

const NONE: (&str, &str) = ("None", "");
const CONDITION: (&str, &str) = ("ConditionalCheckFailed", "The conditional request failed");

fn mismatch(key: &str) -> Error {
    Error::EtagMismatch(format!(
        "the ETag for key \"{key}\" does not match the stored item, or there is no item: read the item again"
    ))
}

fn at(key: &str, words: &str) -> String {
    format!("the transaction was cancelled at key \"{key}\": {words}")
}

#[tokio::test]
async fn transaction_is_one_request_with_an_item_per_key() {
    let store = scripted([success()]);
    let operations = vec![
        Operation::Set(set_if("a", "e")),
        Operation::Delete(delete("b")),
        Operation::Delete(delete_if("c", "f")),
        Operation::Set(first_write("d")),
    ];
    let etags = store.transact(operations).await.unwrap();
    let requests = store.requests();
    assert_eq!(store.operations(), ["TransactWriteItems"]);
    let items = requests[0].json()["TransactItems"].clone();
    let put = |n: usize, name: &str| items[n]["Put"]["Item"][name]["S"].clone();
    let condition = |n: usize, kind: &str| items[n][kind]["ConditionExpression"].clone();
    assert_eq!([put(0, "pk"), put(3, "pk")], ["a", "d"]);
    assert_eq!(etags[0].as_deref(), put(0, "etag").as_str());
    assert_eq!(etags[3].as_deref(), put(3, "etag").as_str());
    assert_eq!(etags[1..3], [None, None]);
    assert_ne!(etags[0], etags[3]);
    assert_eq!(items[1]["Delete"]["Key"], json!({"pk": {"S": "b"}}));
    let matching = "#e = :e AND NOT #t <= :now";
    let absent = "attribute_not_exists(#k) OR #t <= :now";
    assert_eq!(condition(0, "Put"), matching);
    assert!(condition(1, "Delete").is_null());
    assert_eq!(condition(2, "Delete"), matching);
    assert_eq!(condition(3, "Put"), absent);
    assert_eq!(items.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn failed_condition_is_a_mismatch_of_its_own_key() {
    let store = scripted([cancelled(&[NONE, CONDITION, NONE])]);
    let operations = sets(vec![set("a"), set_if("b", "e"), set("c")]);
    assert_eq!(store.transact(operations).await, Err(mismatch("b")));
    assert_eq!(store.requests().len(), 1, "a condition is not retried");
}

/// DynamoDB numbers the reasons by the items that it is sent, one for each key.
#[tokio::test]
async fn failed_condition_names_its_own_key_after_folding() {
    let store = scripted([cancelled(&[NONE, NONE, CONDITION])]);
    let operations = sets(vec![
        set("a"),
        set("a"),
        set("b"),
        set("a"),
        first_write("c"),
        set("d"),
    ]);
    let sentence =
        "key \"c\" already exists, but the set is a first write: use its ETag to replace it";
    let expected = Error::EtagMismatch(sentence.to_owned());
    assert_eq!(store.transact(operations).await, Err(expected));
    let items = store.requests()[0].json()["TransactItems"].clone();
    let keys: Vec<_> = (0..4)
        .map(|n| items[n]["Put"]["Item"]["pk"]["S"].clone())
        .collect();
    assert_eq!(keys, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn folded_key_has_the_first_condition_and_the_last_etag() {
    let store = scripted([success()]);
    let operations = vec![
        Operation::Delete(delete_if("a", "e")),
        Operation::Set(first_write("a")),
        Operation::Set(set("a")),
    ];
    let etags = store.transact(operations).await.unwrap();
    let items = store.requests()[0].json()["TransactItems"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    let put = &items[0]["Put"];
    assert_eq!(put["ExpressionAttributeValues"][":e"]["S"], "e");
    assert_eq!(etags[2].as_deref(), put["Item"]["etag"]["S"].as_str());
    assert!(etags[0].is_none() && etags[1].is_some() && etags[1] != etags[2]);
}

#[tokio::test]
async fn invalid_item_is_an_invalid_argument_in_dynamodbs_words() {
    let words = "One or more parameter values were invalid";
    let store = scripted([cancelled(&[NONE, ("ValidationError", words)])]);
    let operations = sets(vec![set("a"), set("b")]);
    let expected = Error::InvalidArgument(at("b", words));
    assert_eq!(store.transact(operations).await, Err(expected));
    assert_eq!(store.requests().len(), 1);
}

/// DynamoDB has no code of its own for this error, neither here nor for PutItem.
#[tokio::test]
async fn item_over_dynamodbs_size_limit_is_too_large() {
    for words in [
        "Item size has exceeded the maximum allowed size",
        "Item size to update has exceeded the maximum allowed size",
    ] {
        let store = scripted([cancelled(&[NONE, ("ValidationError", words)])]);
        let operations = sets(vec![set("a"), set("b")]);
        let expected = Error::TooLarge(at("b", words));
        assert_eq!(store.transact(operations).await, Err(expected));
        assert_eq!(store.requests().len(), 1);

        let store = scripted([refused("ValidationException", words)]);
        let error = store.set(set("a")).await.unwrap_err();
        assert!(
            matches!(&error, Error::TooLarge(s) if s.contains(words)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn operations_are_counted_before_they_are_folded() {
    let store = scripted([success()]);
    let keys = ["a", "b", "c"].into_iter().cycle();
    let operations = sets(keys.take(101).map(set).collect());
    let sentence = "the transaction has 101 operations: the limit is 100, and operations on the same key count separately; split the transaction";
    let expected = Error::InvalidArgument(sentence.to_owned());
    assert_eq!(store.transact(operations.clone()).await, Err(expected));
    assert!(store.requests().is_empty());
    assert!(store.transact(operations[1..].to_vec()).await.is_ok());
}

#[tokio::test]
async fn full_item_collection_is_too_large() {
    let words = "Collection size exceeded.";
    let reason = ("ItemCollectionSizeLimitExceeded", words);
    let store = scripted([cancelled(&[reason, NONE])]);
    let operations = sets(vec![set("a"), set("b")]);
    let expected = Error::TooLarge(at("a", words));
    assert_eq!(store.transact(operations).await, Err(expected));
    assert_eq!(store.requests().len(), 1);
}

#[tokio::test]
async fn permanent_reasons_count_before_transient_ones() {
    let conflict = ("TransactionConflict", "in conflict");
    let throttled = ("ThrottlingError", "slow down");
    let invalid = ("ValidationError", "no");
    let full = ("ItemCollectionSizeLimitExceeded", "full");
    for (reasons, expected) in [
        ([conflict, invalid, CONDITION], mismatch("c")),
        (
            [throttled, conflict, invalid],
            Error::InvalidArgument(at("c", "no")),
        ),
        (
            [throttled, full, conflict],
            Error::TooLarge(at("b", "full")),
        ),
        ([full, invalid, NONE], Error::InvalidArgument(at("b", "no"))),
    ] {
        let store = scripted([cancelled(&reasons)]);
        let operations = sets(["a", "b", "c"].map(|key| set_if(key, "e")).to_vec());
        assert_eq!(store.transact(operations).await, Err(expected));
        assert_eq!(store.requests().len(), 1);
    }
}

#[tokio::test]
async fn reason_without_a_message_is_shown_by_its_code() {
    let store = scripted([json(&json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled",
        "CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError"}],
    }))]);
    let result = store.transact(sets(vec![set("a"), set("b")])).await;
    let expected = Error::InvalidArgument(at("b", "ValidationError"));
    assert_eq!(result, Err(expected));
}

#[tokio::test]
async fn unknown_cancellation_reason_keeps_dynamodbs_message() {
    for reasons in [&[][..], &[("SomethingNew", "new")], &[NONE]] {
        let store = scripted([cancelled(reasons)]);
        let error = store.transact(sets(vec![set("a")])).await.unwrap_err();
        let start = "TransactWriteItems on table `orders`: Transaction cancelled ";
        assert!(
            matches!(&error, Error::Other(s) if s.starts_with(start)),
            "{error}"
        );
        assert_eq!(store.requests().len(), 1);
    }
}

#[tokio::test]
async fn error_of_the_whole_transaction_keeps_its_case() {
    for (code, case) in [
        ("AccessDeniedException", "access-denied"),
        ("ResourceNotFoundException", "not-found"),
        ("ValidationException", "invalid-argument"),
        ("IdempotentParameterMismatchException", "other"),
    ] {
        let store = scripted([refused(code, "so it is")]);
        let error = store.transact(sets(vec![set("a")])).await.unwrap_err();
        let start = format!("{case}: TransactWriteItems on table `orders`: so it is ");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert_eq!(store.requests().len(), 1);
    }
}
