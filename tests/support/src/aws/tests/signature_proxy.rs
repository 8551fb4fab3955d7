use super::Guarded;
use crate::aws::{CANARY, Key};
use host_test::raw_call::raw_call;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn requests_of_known_keys_pass_and_are_counted_by_key() {
    let guarded = Guarded::start().await;
    let (user, session) = (guarded.account.user(""), guarded.account.session("", HOUR));
    assert_eq!(guarded.read_with(&user).await, "ok");
    assert_eq!(guarded.read_with(&user).await, "ok");
    assert_eq!(guarded.read_with(&session).await, "ok");
    assert_eq!(guarded.proxy.passed_of(&user.id), 2);
    assert_eq!(guarded.proxy.passed_of(&session.id), 1);
    assert!(guarded.proxy.refused().is_empty());
}

#[tokio::test]
async fn key_with_any_wrong_part_is_refused() {
    let guarded = Guarded::start().await;
    let user = guarded.account.user("");
    let session = guarded.account.session("", HOUR);
    let secret = || format!("{CANARY}-of-somebody-else");
    let wrong = [
        (
            Key {
                secret: secret(),
                ..user.clone()
            },
            "InvalidSignatureException",
        ),
        (
            Key {
                id: "AKIAUNKNOWN".to_owned(),
                ..user.clone()
            },
            "UnrecognizedClientException",
        ),
        (
            Key {
                session_token: Some(secret()),
                ..user
            },
            "UnrecognizedClientException",
        ),
        (
            Key {
                session_token: None,
                ..session.clone()
            },
            "UnrecognizedClientException",
        ),
        (
            Key {
                session_token: Some(secret()),
                ..session
            },
            "UnrecognizedClientException",
        ),
    ];
    for (key, code) in &wrong {
        assert_eq!(guarded.read_with(key).await, *code, "{key:?}");
    }
    let codes: Vec<&str> = wrong.iter().map(|(_, code)| *code).collect();
    assert_eq!(guarded.proxy.refused(), codes);
    assert!(guarded.proxy.passed().is_empty());
}

#[tokio::test]
async fn key_expires_at_its_time_or_when_expired_by_the_account() {
    let guarded = Guarded::start().await;
    let (early, told) = (
        guarded.account.session("", Duration::ZERO),
        guarded.account.session("", HOUR),
    );
    assert_eq!(guarded.read_with(&early).await, "ExpiredTokenException");
    assert_eq!(guarded.read_with(&told).await, "ok");
    guarded.account.expire(&told.id);
    assert_eq!(guarded.read_with(&told).await, "ExpiredTokenException");
    guarded.account.remove(&told.id);
    assert_eq!(
        guarded.read_with(&told).await,
        "UnrecognizedClientException"
    );
}

#[tokio::test]
async fn request_signed_at_another_hour_is_refused() {
    let guarded = Guarded::start().await;
    let user = guarded.account.user("");
    guarded.account.clock().advance(HOUR);
    assert_eq!(guarded.read_with(&user).await, "InvalidSignatureException");
}

#[tokio::test]
async fn placeholder_signature_is_refused() {
    let guarded = Guarded::start().await;
    let body = json!({ "TableName": "state", "Key": { "key": { "S": "a" } } });
    let answer = raw_call(guarded.proxy.endpoint(), "DeleteTable", &body).await;
    let (status, answer) = answer.unwrap();
    assert_eq!(status, 400);
    assert_eq!(
        answer["__type"],
        "com.amazon.coral.service#IncompleteSignatureException"
    );
    let user = guarded.account.user("");
    assert_eq!(guarded.read_with(&user).await, "ok");
}

#[tokio::test]
async fn unsigned_request_is_refused_as_unsigned() {
    let guarded = Guarded::start().await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let request = http::Request::post(guarded.proxy.endpoint())
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .body(http_body_util::Full::new(bytes::Bytes::from_static(b"{}")))
        .unwrap();
    let answer = client.build_http().request(request).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(
        guarded.proxy.refused(),
        ["MissingAuthenticationTokenException"]
    );
}
