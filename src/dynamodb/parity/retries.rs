//! Tests that the same failures give as many attempts as in the SDK.

use super::call::{Call, Site};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::{PutItem, TransactWriteItems};
use crate::http::{Response, TransportError};
use crate::test_support::{Scene, Scripted, answer, html, refusal, success};

/// Plays one script to the pipeline and to the SDK. Returns for each the number of
/// attempts, and true if the call succeeded.
async fn attempts<O: Call>(
    builder: &O::Builder,
    scenes: &[Scene],
    max_attempts: u32,
) -> [(usize, bool); 2] {
    let client = Site::AWS.client(Scripted::new(scenes.to_vec()), max_attempts);
    let ours = client.call::<O>(O::input(builder.clone())).await;
    let sent = client.platform().attempts();
    let counted = match &ours {
        Ok(_) => sent,
        Err(failure) => failure.attempts as usize,
    };
    assert_eq!(counted, sent, "the failure counts what was sent");
    let stage = Stage::new(scenes.to_vec());
    let theirs = O::send(builder.clone(), &stage.client(Site::AWS, max_attempts)).await;
    [(sent, ours.is_ok()), (stage.attempts(), theirs.is_ok())]
}

/// Asserts the number of attempts of the pipeline and of the SDK if the server always
/// gives the same response.
async fn lasting<O: Call>(
    builder: &O::Builder,
    scene: impl Into<Scene>,
    [ours, theirs]: [usize; 2],
) {
    let scene = scene.into();
    let counts = attempts::<O>(builder, std::slice::from_ref(&scene), 4).await;
    assert_eq!(counts, [(ours, false), (theirs, false)], "{scene:?}");
}

/// Asserts that the pipeline and the SDK both make `expected` attempts at a PutItem if the
/// server always gives the same response.
async fn both(expected: usize, scene: impl Into<Scene>) {
    let [builder, ..] = inputs::put_item();
    lasting::<PutItem>(&builder, scene, [expected; 2]).await;
}

#[tokio::test]
async fn throttling_is_attempted_four_times() {
    for code in [
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    ] {
        both(4, refusal(400, code)).await;
        both(4, refusal(503, code)).await;
    }
}

#[tokio::test]
async fn transient_fault_is_attempted_four_times() {
    for status in [500, 502, 503, 504] {
        both(4, refusal(status, "InternalServerError")).await;
        both(4, refusal(status, "SomethingNew")).await;
        both(4, html(status)).await;
        both(4, answer(status, "")).await;
        both(4, answer(status, r#"{"__type":"#)).await;
    }
    both(4, refusal(400, "RequestTimeout")).await;
    both(4, refusal(408, "RequestTimeoutException")).await;
    both(4, refusal(400, "ReplicatedWriteConflictException")).await;
}

#[tokio::test]
async fn refusal_is_attempted_once() {
    for code in [
        "AccessDeniedException",
        "ConditionalCheckFailedException",
        "ExpiredTokenException",
        "InvalidEndpointException",
        "InvalidSignatureException",
        "ItemCollectionSizeLimitExceededException",
        "ResourceNotFoundException",
        "SerializationException",
        "SomethingNew",
        "UnrecognizedClientException",
        "ValidationException",
    ] {
        both(1, refusal(400, code)).await;
    }
    for status in [301, 400, 403, 404, 408, 413, 501, 505] {
        both(1, html(status)).await;
        both(1, refusal(status, "SomethingNew")).await;
    }
}

#[tokio::test]
async fn unreadable_success_is_attempted_once() {
    for body in ["garbage", r#"{"Attributes":{"#, r#"{"Attributes":7}"#] {
        both(1, answer(200, body)).await;
    }
    both(1, html(200)).await;
}

/// The tests of `connector` cover failures of the connection.
#[tokio::test]
async fn request_that_the_host_refuses_is_attempted_once() {
    let cause = || "cause".to_owned();
    both(1, TransportError::Denied(cause())).await;
    both(1, TransportError::Malformed(cause())).await;
}

#[tokio::test]
async fn attempts_end_at_success_refusal_or_the_maximum() {
    let [builder, ..] = inputs::put_item();
    let passing: [Scene; 3] = [
        refusal(500, "InternalServerError").into(),
        TransportError::Timeout.into(),
        refusal(400, "ThrottlingException").into(),
    ];
    for most in 1..=6 {
        for failures in 0..=3 {
            for (last, succeeds) in [
                (success(), true),
                (refusal(400, "ValidationException"), false),
            ] {
                let mut scenes = passing[..failures].to_vec();
                scenes.push(last.into());
                let wanted = (failures + 1).min(most as usize);
                let expected = (wanted, succeeds && failures < most as usize);
                let counts = attempts::<PutItem>(&builder, &scenes, most).await;
                assert_eq!(counts, [expected; 2], "{failures} failures, at most {most}");
            }
        }
    }
}

fn cancelled(reasons: &str) -> Response {
    answer(
        400,
        &format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled","CancellationReasons":[{reasons}]}}"#
        ),
    )
}

#[tokio::test]
async fn transaction_is_retried_in_progress_but_not_cancelled() {
    let [builder, _] = inputs::transact_write_items();
    for (expected, response) in [
        (4, refusal(400, "TransactionInProgressException")),
        (1, cancelled("")),
        (1, cancelled(r#"{"Code":"None"}"#)),
        (1, cancelled(r#"{"Code":"ConditionalCheckFailed"}"#)),
        (
            1,
            cancelled(r#"{"Code":"ValidationError"},{"Code":"TransactionConflict"}"#),
        ),
        (1, refusal(400, "IdempotentParameterMismatchException")),
    ] {
        lasting::<TransactWriteItems>(&builder, response, [expected; 2]).await;
    }
}

/// The SDK leaves the retry to its caller.
#[tokio::test]
async fn transaction_conflict_is_retried_on_purpose() {
    let [builder, _] = inputs::transact_write_items();
    for reason in [
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ] {
        let response = cancelled(&format!(r#"{{"Code":"{reason}"}}"#));
        lasting::<TransactWriteItems>(&builder, response, [4, 1]).await;
    }
    let [builder, ..] = inputs::put_item();
    let response = refusal(400, "TransactionConflictException");
    lasting::<PutItem>(&builder, response, [4, 1]).await;
}

/// The SDK recognizes throttling only by DynamoDB's error codes.
#[tokio::test]
async fn http_429_of_a_proxy_is_retried_on_purpose() {
    let [builder, ..] = inputs::put_item();
    for response in [
        html(429),
        answer(429, ""),
        answer(429, r#"{"message":"Too Many Requests"}"#),
        refusal(429, "SomethingNew"),
    ] {
        lasting::<PutItem>(&builder, response, [4, 1]).await;
    }
}
