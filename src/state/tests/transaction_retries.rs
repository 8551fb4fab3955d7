//! Tests of retried transactions. A retry has the token of its call, so that the transaction
//! cannot be applied twice. An outcome that stays unknown is reported as such.

use super::{answering, cancelled, first_write, refused, scripted, set, set_if, sets};
use crate::error::Error;
use crate::http::{Response, TransportError};
use crate::test_support::{Scene, Sent, refusal, success};

const NONE: (&str, &str) = ("None", "");
const CONFLICT: (&str, &str) = ("TransactionConflict", "Transaction is ongoing for the item");

fn token(sent: &Sent) -> String {
    let token = sent.json()["ClientRequestToken"]
        .as_str()
        .map(str::to_owned);
    token.expect("a token")
}

fn conflict() -> Response {
    cancelled(&[NONE, CONFLICT])
}

fn in_progress() -> Response {
    refused("TransactionInProgressException", "still at it")
}

fn at(words: &str) -> String {
    format!("the transaction was cancelled at key \"b\": {words}")
}

async fn transact(scenes: Vec<Scene>) -> (Result<usize, Error>, Vec<Sent>, Vec<f64>) {
    let store = scripted(scenes);
    let result = store.transact(sets(vec![set("a"), set_if("b", "e")])).await;
    (
        result.map(|etags| etags.len()),
        store.requests(),
        store.waits(),
    )
}

/// Returns the sentence for `error` of a transaction that may have been applied.
fn doubtful(error: &Error) -> String {
    format!("{error}; an attempt whose response was lost may have been applied")
}

#[tokio::test]
async fn conflict_is_retried_and_then_reported_at_its_key() {
    let (result, requests, waits) = transact(vec![conflict().into()]).await;
    assert_eq!(result, Err(Error::Conflict(at(CONFLICT.1))));
    assert_eq!(requests.len(), 4);
    assert_eq!(waits, [12.5, 25.0, 50.0]);
    let (result, requests, _) = transact(vec![conflict().into(), success().into()]).await;
    assert_eq!((result, requests.len()), (Ok(2), 2));
}

#[tokio::test]
async fn throttling_is_retried_and_then_reported_at_its_key() {
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        let busy = || Scene::from(cancelled(&[NONE, (code, "slow down")]));
        let (result, requests, waits) = transact(vec![busy()]).await;
        assert_eq!(result, Err(Error::Throttled(at("slow down"))));
        assert_eq!(requests.len(), 4);
        assert_eq!(waits, [500.0, 1_000.0, 1_000.0], "{code}");
        let (result, requests, _) = transact(vec![busy(), success().into()]).await;
        assert_eq!((result, requests.len()), (Ok(2), 2));
    }
}

#[tokio::test]
async fn conflict_counts_before_throttling() {
    let both = cancelled(&[("ThrottlingError", "slow down"), CONFLICT]);
    let (result, _, waits) = transact(vec![both.into()]).await;
    assert_eq!(result, Err(Error::Conflict(at(CONFLICT.1))));
    assert_eq!(waits, [12.5, 25.0, 50.0]);
}

#[tokio::test]
async fn attempts_share_the_token_of_their_call() {
    let store = scripted([
        Scene::from(TransportError::Timeout),
        refusal(500, "InternalServerError").into(),
        conflict().into(),
        success().into(),
    ]);
    for _ in 0..3 {
        let operations = sets(vec![set("a"), set("b")]);
        store.transact(operations).await.unwrap();
    }
    let requests = store.requests();
    let tokens: Vec<_> = requests.iter().map(token).collect();
    assert_eq!(tokens.len(), 4 + 1 + 1);
    assert_eq!(tokens[..4], [(); 4].map(|()| tokens[0].clone()));
    assert!(tokens[3] != tokens[4] && tokens[4] != tokens[5] && tokens[3] != tokens[5]);
    assert_eq!(tokens[0].len(), 32, "DynamoDB's limit is 36");
    for sent in &requests[1..4] {
        assert_eq!(sent.body, requests[0].body, "byte for byte");
    }
}

#[tokio::test]
async fn transient_error_after_a_lost_response_is_unavailable() {
    let throttled = || cancelled(&[NONE, ("ThrottlingError", "slow down")]);
    for lost in [
        Scene::from(TransportError::Timeout),
        TransportError::Reset("cause".to_owned()).into(),
        refusal(500, "InternalServerError").into(),
        in_progress().into(),
    ] {
        for (last, error) in [
            (conflict(), Error::Conflict(at(CONFLICT.1))),
            (throttled(), Error::Throttled(at("slow down"))),
        ] {
            let (result, requests, _) = transact(vec![lost.clone(), last.into()]).await;
            assert_eq!(result, Err(Error::Unavailable(doubtful(&error))));
            assert_eq!(requests.len(), 4);
        }
    }
}

#[tokio::test]
async fn invalid_item_after_a_lost_response_is_unavailable() {
    let invalid = cancelled(&[NONE, ("ValidationError", "no")]);
    let lost = Scene::from(TransportError::Timeout);
    let (result, _, _) = transact(vec![lost, invalid.into()]).await;
    let error = Error::InvalidArgument(at("no"));
    assert_eq!(result, Err(Error::Unavailable(doubtful(&error))));
}

/// If the lost attempt had been applied, DynamoDB would have recognised the token. It cannot be
/// applied later, because the replaced ETag never comes back.
#[tokio::test]
async fn replaced_etag_after_a_lost_response_is_a_mismatch() {
    let mismatch = cancelled(&[NONE, ("ConditionalCheckFailed", "no")]);
    let lost = Scene::from(TransportError::Timeout);
    let (result, requests, _) = transact(vec![lost, mismatch.into()]).await;
    assert!(
        matches!(&result, Err(Error::EtagMismatch(s)) if s.contains("\"b\"")),
        "{result:?}"
    );
    assert_eq!(token(&requests[0]), token(&requests[1]));
}

/// The item may be deleted, and then the lost attempt may still arrive and be applied.
#[tokio::test]
async fn failed_first_write_after_a_lost_response_is_unavailable() {
    const MISMATCH: (&str, &str) = ("ConditionalCheckFailed", "no");
    let first_and_by_etag = || sets(vec![first_write("a"), set_if("b", "e")]);
    for (reasons, unknown) in [([MISMATCH, NONE], true), ([MISMATCH, MISMATCH], false)] {
        let lost = Scene::from(TransportError::Timeout);
        let store = scripted([lost, cancelled(&reasons).into()]);
        let error = store.transact(first_and_by_etag()).await.unwrap_err();
        assert_eq!(matches!(error, Error::Unavailable(_)), unknown, "{error}");
        assert!(error.to_string().contains("\"a\""), "{error}");
        let store = scripted([Scene::from(cancelled(&reasons))]);
        let error = store.transact(first_and_by_etag()).await.unwrap_err();
        assert!(matches!(error, Error::EtagMismatch(_)), "{error}");
    }
}

#[tokio::test]
async fn transaction_in_progress_is_retried_with_its_token() {
    let scenes = vec![
        Scene::from(TransportError::Timeout),
        in_progress().into(),
        in_progress().into(),
        success().into(),
    ];
    let (result, requests, waits) = transact(scenes).await;
    assert_eq!(result, Ok(2));
    let tokens: Vec<_> = requests.iter().map(token).collect();
    assert_eq!(tokens, [(); 4].map(|()| tokens[0].clone()));
    assert_eq!(waits, [12.5, 1_000.0, 1_000.0], "as for throttling");
}

#[tokio::test]
async fn transaction_that_stays_in_progress_is_unavailable() {
    let (result, requests, _) = transact(vec![in_progress().into()]).await;
    let Err(Error::Unavailable(sentence)) = result else {
        panic!("{result:?}");
    };
    let start = "TransactWriteItems on table `orders`: still at it (TransactionInProgressException";
    assert!(sentence.starts_with(start), "{sentence}");
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn transaction_without_a_response_times_out() {
    let (result, requests, _) = transact(vec![TransportError::Timeout.into()]).await;
    assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
    assert_eq!(requests.len(), 4);
}

/// Each transaction uses up all its attempts, and in the end no retry is left for conflicts.
#[tokio::test]
async fn conflicts_do_not_use_up_the_retries_of_other_calls() {
    let mut reads = 0;
    let store = answering(move |_, sent| match sent.operation() {
        "TransactWriteItems" => conflict(),
        _ => {
            reads += 1;
            match reads {
                1 => refusal(500, "InternalServerError"),
                _ => success(),
            }
        }
    });
    for _ in 0..13 {
        let transaction = store.transact(sets(vec![set("a"), set_if("b", "e")]));
        assert!(matches!(transaction.await, Err(Error::Conflict(_))));
    }
    let transactions = store.requests().len();
    assert_eq!(transactions, 13 + 35, "35 retries and no more");
    store.get("c".to_owned(), None).await.unwrap();
    assert_eq!(store.requests().len(), transactions + 2);
}
