//! Tests that every failure tells whether an attempt may have been applied. The error of
//! the last attempt tells it for that attempt, and a flag for the earlier ones. After such
//! an attempt an unconditional write is not sent again, unlike in the SDK's client.

use super::call::{Call, Site, put};
use super::inputs;
use crate::dynamodb::codec::PutItem;
use crate::dynamodb::{CallInput, Repeat};
use crate::http::TransportError;
use crate::test_support::{Scene, Scripted, answer, html, refusal, success, with};

/// Returns the flag of a failure for earlier attempts, and the same for the last attempt.
async fn outcome(scenes: &[Scene]) -> (bool, bool) {
    let client = Site::AWS.client(Scripted::new(scenes.to_vec()), 4);
    let failure = put(&client).await;
    let failure = failure.expect_err("no scene is a success");
    (
        failure.earlier_may_have_been_applied,
        failure.last.may_have_been_applied(),
    )
}

/// Returns errors that are retried, each with true if the attempt may have been applied.
fn passing() -> Vec<(Scene, bool)> {
    let cause = || "cause".to_owned();
    vec![
        (TransportError::Dns(cause()).into(), false),
        (TransportError::Refused(cause()).into(), false),
        (TransportError::Tls(cause()).into(), false),
        (TransportError::ConnectTimeout.into(), false),
        (TransportError::Timeout.into(), true),
        (TransportError::Reset(cause()).into(), true),
        (TransportError::Damaged(cause()).into(), true),
        (with(success(), "x-amz-crc32", "1").into(), true),
        (refusal(400, "ThrottlingException").into(), false),
        (refusal(400, "TransactionConflictException").into(), false),
        (refusal(400, "TransactionInProgressException").into(), true),
        (refusal(500, "InternalServerError").into(), true),
        (refusal(503, "SlowDown").into(), true),
        (html(429).into(), false),
        (html(502).into(), true),
        (answer(500, "").into(), true),
    ]
}

/// Returns errors that end a call, each with true if the attempt may have been applied.
fn lasting() -> Vec<(Scene, bool)> {
    let cause = || "cause".to_owned();
    vec![
        (TransportError::Certificate(cause()).into(), false),
        (TransportError::Denied(cause()).into(), false),
        (TransportError::Malformed(cause()).into(), false),
        (refusal(400, "ValidationException").into(), false),
        (
            refusal(400, "ConditionalCheckFailedException").into(),
            false,
        ),
        (refusal(501, "SomethingNew").into(), true),
        (html(200).into(), true),
        (answer(200, "").into(), true),
        (answer(200, r#"{"Attributes":{"#).into(), true),
    ]
}

#[tokio::test]
async fn blind_write_is_retried_only_if_not_applied_on_purpose() {
    for (scene, applied) in passing() {
        let [builder, ..] = inputs::put_item();
        let client = Site::AWS.client(Scripted::new([scene.clone(), success().into()]), 4);
        let input = PutItem::input(builder);
        let input = CallInput::Fixed(input);
        let outcome = client.call_write::<PutItem>(Repeat::Never, input).await;
        assert_eq!(outcome.is_err(), applied, "{scene:?}");
        let attempts = client.platform().requests().len();
        assert_eq!(attempts, if applied { 1 } else { 2 }, "{scene:?}");
    }
}

#[tokio::test]
async fn failure_separates_last_and_earlier_attempts() {
    for (last, last_applied) in lasting() {
        let scenes = [last.clone()];
        let first = outcome(&scenes).await;
        assert_eq!(first, (false, last_applied), "{scenes:?}");
        for (scene, applied) in passing() {
            let scenes = [scene, last.clone()];
            let outcome = outcome(&scenes).await;
            assert_eq!(outcome, (applied, last_applied), "{scenes:?}");
        }
    }
}

#[tokio::test]
async fn unknown_outcome_stays_after_later_attempts() {
    let throttled = Scene::from(refusal(400, "ThrottlingException"));
    let timeout = Scene::from(TransportError::Timeout);
    for (scenes, expected) in [
        (vec![timeout.clone(), throttled.clone()], (true, false)),
        (
            vec![throttled.clone(), timeout.clone(), throttled.clone()],
            (true, false),
        ),
        (vec![throttled], (false, false)),
        (vec![timeout], (true, true)),
    ] {
        assert_eq!(outcome(&scenes).await, expected, "{scenes:?}");
    }
}

#[tokio::test]
async fn single_attempt_has_no_earlier_attempt() {
    let client = Site::AWS.client(Scripted::new([TransportError::Timeout]), 1);
    let failure = put(&client).await;
    let failure = failure.expect_err("timed out");
    assert!(!failure.earlier_may_have_been_applied);
    assert!(failure.last.may_have_been_applied());
}
