//! Tests of the binding against scripted responses that no real engine sends on demand.

use super::{Binding, Response};
use crate::error::Error;
use crate::http::TransportError;
use crate::test_support::{
    SESSION_TOKEN, Scene, Scripted, config, html, refusal, refused, signature_error, success,
};
use serde_json::json;
use std::time::Duration;

const ITEM: &[u8] = br#"{"id":"1","n":1.50}"#;

fn scripted<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> Binding<Scripted> {
    config().binding(Scripted::new(scenes).random(1 << 63))
}

fn requests(binding: &Binding<Scripted>) -> usize {
    binding.client.platform().attempts()
}

fn waits(binding: &Binding<Scripted>) -> Vec<Duration> {
    binding.client.platform().waits()
}

#[tokio::test]
async fn create_is_one_put_of_the_members() {
    let binding = scripted([success()]);
    let response = binding.invoke("create", ITEM).await;
    assert_eq!(response, Ok(Response::default()));
    let sent = binding.client.platform().requests();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].operation(), "PutItem");
    let item = json!({"id": {"S": "1"}, "n": {"N": "1.50"}});
    assert_eq!(sent[0].json(), json!({"TableName": "orders", "Item": item}));
}

#[tokio::test]
async fn throttling_is_retried_and_then_reported() {
    let busy = || Scene::from(refused("ThrottlingException", "slow down"));
    let binding = scripted([busy()]);
    let error = binding.invoke("create", ITEM).await.unwrap_err();
    let sentence = "PutItem on table `orders`: slow down (ThrottlingException, HTTP 400, request id TEST0REQUEST0ID0OF0THE0SCRIPT0VV4KQNSO5AEMVJF66Q9ASUAAJG); endpoint https://dynamodb.eu-west-1.amazonaws.com/; after 4 attempts";
    assert_eq!(error, Error::Throttled(sentence.to_owned()));
    assert_eq!(requests(&binding), 4);
    assert_eq!(
        waits(&binding),
        [500, 1_000, 1_000].map(Duration::from_millis)
    );
    let binding = scripted([busy(), success().into()]);
    assert!(binding.invoke("create", ITEM).await.is_ok());
    assert_eq!(requests(&binding), 2);
}

#[tokio::test]
async fn lost_create_is_unknown_and_not_sent_again() {
    for (lost, words) in [
        (
            TransportError::Reset("cause".to_owned()).into(),
            "the connection broke (cause)",
        ),
        (
            Scene::from(refusal(500, "InternalServerError")),
            "InternalServerError, HTTP 500",
        ),
        (html(502).into(), "not DynamoDB's (HTTP 502"),
    ] {
        let binding = scripted([lost, success().into()]);
        let error = binding.invoke("create", ITEM).await.unwrap_err();
        assert!(
            matches!(&error, Error::Unavailable(s) if s.contains(words)),
            "{error}"
        );
        assert_eq!(binding.client.platform().requests().len(), 1);
    }
    let binding = scripted([TransportError::Timeout.into(), Scene::from(success())]);
    let error = binding.invoke("create", ITEM).await.unwrap_err();
    let sentence = "PutItem on table `orders`: no complete response within `requestTimeout`; endpoint https://dynamodb.eu-west-1.amazonaws.com/";
    assert_eq!(error, Error::Timeout(sentence.to_owned()));
    assert_eq!(binding.client.platform().requests().len(), 1);
}

#[tokio::test]
async fn unapplied_create_is_retried() {
    let throttled = Scene::from(refused("ThrottlingException", "slow down"));
    for refused in [throttled, TransportError::ConnectTimeout.into()] {
        let binding = scripted([refused, success().into()]);
        assert!(binding.invoke("create", ITEM).await.is_ok());
        let sent = binding.client.platform().requests();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].body, sent[1].body);
    }
}

#[tokio::test]
async fn failed_connection_is_unavailable_or_a_timeout() {
    let binding = scripted([TransportError::ConnectTimeout]);
    let error = binding.invoke("create", ITEM).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    let binding = scripted([TransportError::Refused("cause".to_owned())]);
    let error = binding.invoke("create", ITEM).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable(s) if s.contains("no connection (cause)")));
    assert_eq!(requests(&binding), 4);
}

#[tokio::test]
async fn validation_exception_is_an_invalid_argument() {
    let words = "One or more parameter values were invalid: Missing the key pk in the item";
    let binding = scripted([refused("ValidationException", words)]);
    let error = binding.invoke("create", ITEM).await.unwrap_err();
    let start = format!("PutItem on table `orders`: {words} (ValidationException, HTTP 400");
    assert!(
        matches!(&error, Error::InvalidArgument(s) if s.starts_with(&start)),
        "{error}"
    );
    assert_eq!(requests(&binding), 1);
}

#[tokio::test]
async fn invalid_data_and_unknown_operations_are_not_sent() {
    let binding = scripted([success()]);
    let large = format!(r#"{{"id":"{}"}}"#, "x".repeat(400 << 10));
    let error = binding
        .invoke("create", large.as_bytes())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)), "{error}");
    let error = binding.invoke("create", b"[]").await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
    let error = binding.invoke("Create", ITEM).await.unwrap_err();
    let sentence = "unsupported operation \"Create\": use one of: create";
    assert_eq!(error, Error::Unsupported(sentence.to_owned()));
    assert_eq!(requests(&binding), 0);
}

#[tokio::test]
async fn session_token_in_a_signature_error_is_not_shown() {
    let binding = scripted([signature_error(SESSION_TOKEN)]);
    let create = binding.invoke("create", ITEM).await.unwrap_err();
    let ping = binding.ping().await.unwrap_err();
    for error in [create, ping] {
        assert!(
            matches!(&error, Error::AccessDenied(s) if !s.contains(SESSION_TOKEN)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn ping_accepts_a_table_with_any_key() {
    let words = "The provided key element does not match the schema";
    let binding = scripted([refused("ValidationException", words)]);
    assert_eq!(binding.ping().await, Ok(None));
    assert_eq!(requests(&binding), 1);
}
