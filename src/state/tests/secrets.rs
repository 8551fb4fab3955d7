//! Tests that no sentence from the component contains a secret, even if DynamoDB's own
//! message does.

use super::{delete, numbered, refused, scripted, set, sets};
use crate::error::Error;
use crate::test_support::{
    SESSION_TOKEN, Scripted, answer, config, html, json, refusal, signature_error, signing, with,
};
use aws_credential_types::Credentials;
use serde_json::json;

#[tokio::test]
async fn session_token_in_a_signature_error_is_not_shown() {
    let store = scripted([signature_error(SESSION_TOKEN)]);
    let mut errors = vec![
        store.ping().await.unwrap_err(),
        store.get("a".to_owned(), None).await.unwrap_err(),
        store.set(set("a")).await.unwrap_err(),
        store.delete(delete("a")).await.unwrap_err(),
        store.transact(sets(vec![set("a")])).await.unwrap_err(),
    ];
    let failed = store.bulk_get(numbered(2), None).await;
    errors.extend(failed.into_iter().filter_map(Result::err));
    let failed = store.bulk_set(vec![set("a"), set("b")]).await;
    errors.extend(failed.into_iter().filter_map(Result::err));
    let failed = store.bulk_delete(vec![delete("a"), delete("b")]).await;
    errors.extend(failed.into_iter().filter_map(Result::err));
    assert_eq!(errors.len(), 5 + 2 + 2 + 2);
    for error in errors.into_iter().map(Error::redacted) {
        let Error::AccessDenied(sentence) = &error else {
            panic!("{error}");
        };
        let words = "The request signature we calculated does not match the signature you provided. (InvalidSignatureException, HTTP 400";
        assert!(sentence.contains(words), "{sentence}");
        assert!(!sentence.contains(SESSION_TOKEN), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    for sent in store.requests() {
        let token = sent.header("x-amz-security-token");
        assert_eq!(token, Some(SESSION_TOKEN), "the token was there to repeat");
    }
}

#[tokio::test]
async fn error_contains_no_value_and_no_credential() {
    let store = scripted([refused("AccessDeniedException", "not you")]);
    let mut request = set("a");
    request.value = b"value-canary".to_vec();
    let error = store.set(request).await.unwrap_err().redacted().to_string();
    for secret in [
        "value-canary",
        "wJalrXUtnFEMI",
        "AKIDEXAMPLE",
        SESSION_TOKEN,
    ] {
        assert!(!error.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn echoed_secrets_and_control_characters_are_removed() {
    let echo = format!("all on one line: {SESSION_TOKEN} and so on\u{1b}[31m");
    let code = format!("{SESSION_TOKEN}Exception");
    let store = scripted([refused(&code, &echo)]);
    let error = store
        .get("a".to_owned(), None)
        .await
        .unwrap_err()
        .redacted()
        .to_string();
    assert!(error.contains("all on one line: *** and so on"), "{error}");
    assert!(error.contains("(***Exception, HTTP 400"), "{error}");
    assert!(
        !error.contains(SESSION_TOKEN) && !error.contains('\u{1b}'),
        "{error}"
    );
}

#[tokio::test]
async fn secrets_in_cancellation_reasons_are_redacted() {
    for code in ["ValidationError", "ThrottlingError"] {
        let reason = json!({"Code": code, "Message": format!("of {SESSION_TOKEN}\nand more")});
        let cancelled = json(&json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": [reason],
        }));
        let store = scripted([cancelled]);
        let answer = store.transact(sets(vec![set("a")])).await;
        let error = answer.unwrap_err().redacted().to_string();
        assert!(error.ends_with("key \"a\": of ***"), "{error}");
    }
}

/// The token is longer than the part that sentences quote.
#[tokio::test]
async fn session_token_in_a_response_header_is_redacted() {
    let token = format!("canary+{}=", "x".repeat(900));
    let credentials = Credentials::new(
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        Some(token.clone()),
        None,
        "scripted",
    );
    let plain = |name| {
        let mut response = refusal(400, "SomethingNew");
        response.headers.clear();
        with(response, name, &token)
    };
    let page = |name| {
        let mut response = html(400);
        response.headers.clear();
        with(response, name, &token)
    };
    for (response, words) in [
        (plain("x-amzn-RequestId"), "request id ***"),
        (plain("x-amz-request-id"), "request id ***"),
        (page("Content-Type"), "content type ***"),
        (page("Content-Encoding"), "content encoding ***"),
        (
            with(answer(200, "{}"), "x-amz-crc32", &token),
            "x-amz-crc32 is ***",
        ),
        (refusal(400, &token), "(***, HTTP 400"),
    ] {
        let mut config = config();
        config.client.signing = signing(&credentials);
        config.client.limits.max_attempts = 1;
        let store = config.store(Scripted::new([response]));
        let failed = store.get("a".to_owned(), None).await;
        let error = failed.unwrap_err().redacted().to_string();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn encoded_response_is_refused_with_its_encoding() {
    for status in [200, 400, 503] {
        let mut encoded = with(html(status), "Content-Encoding", "gzip");
        encoded.body = b"\x1f\x8b\x08\0".to_vec();
        let store = scripted([encoded]);
        let error = store.get("a".to_owned(), None).await.unwrap_err();
        let words = "content encoding gzip, which was not requested";
        let is_told = matches!(&error, Error::Unavailable(sentence) if sentence.contains(words));
        assert!(is_told, "{error}");
    }
}
