//! Scripts of responses to requests. The last scene of a script repeats for all later
//! requests, so a script of one scene is a permanent state.

use crate::http::{Response, TransportError};
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The result of one request.
#[derive(Clone)]
pub(crate) struct Scene {
    /// The response, or the failure.
    pub(crate) result: Result<Response, TransportError>,
    /// The duration of the request.
    pub(crate) takes: Duration,
    /// The time that the machine sleeps during the request. The monotonic clock does not
    /// count it.
    pub(crate) asleep: Duration,
}

impl Scene {
    /// Sets the duration of the request.
    pub(crate) fn after(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    /// Sets the time that the machine sleeps during the request.
    pub(crate) fn asleep_for(self, asleep: Duration) -> Self {
        Self { asleep, ..self }
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(response) => f.write_str(&spell(response)),
            Err(error) => write!(f, "{error:?}"),
        }
    }
}

/// Formats a response for people to read.
pub(crate) fn spell(response: &Response) -> String {
    let body = String::from_utf8_lossy(&response.body);
    format!("HTTP {}: {body:?}", response.status)
}

impl From<Response> for Scene {
    fn from(response: Response) -> Self {
        Self {
            result: Ok(response),
            takes: Duration::ZERO,
            asleep: Duration::ZERO,
        }
    }
}

impl From<TransportError> for Scene {
    fn from(error: TransportError) -> Self {
        Self {
            result: Err(error),
            takes: Duration::ZERO,
            asleep: Duration::ZERO,
        }
    }
}

/// A sequence of scenes.
#[derive(Debug)]
pub(crate) struct Script(VecDeque<Scene>);

impl Script {
    pub(crate) fn new<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> Self {
        let scenes: VecDeque<_> = scenes.into_iter().map(Into::into).collect();
        assert!(!scenes.is_empty(), "a script has at least one scene");
        Self(scenes)
    }

    /// Returns the scene of the next request.
    pub(crate) fn next(&mut self) -> Scene {
        let last = self.0.len() == 1;
        let scene = if last {
            self.0.front().cloned()
        } else {
            self.0.pop_front()
        };
        scene.expect("a script has at least one scene")
    }
}

/// Returns a response with the headers that DynamoDB always sends.
pub(crate) fn answer(status: u16, body: &str) -> Response {
    let headers = [
        ("Server", "Server"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Connection", "keep-alive"),
        (
            "x-amzn-RequestId",
            "TEST0REQUEST0ID0OF0THE0SCRIPT0VV4KQNSO5AEMVJF66Q9ASUAAJG",
        ),
    ];
    Response {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into(),
        body: body.as_bytes().to_vec(),
        crc32: None,
    }
}

/// Returns a success without members.
pub(crate) fn success() -> Response {
    answer(200, "{}")
}

/// Returns a success of `operation` with as few members as DynamoDB sends.
pub(crate) fn success_of(operation: &str) -> Response {
    match operation {
        "BatchGetItem" => answer(200, r#"{"Responses":{}}"#),
        _ => success(),
    }
}

/// Returns an error in DynamoDB's format.
pub(crate) fn refusal(status: u16, code: &str) -> Response {
    answer(
        status,
        &format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{code} it is"}}"#
        ),
    )
}

/// Returns an error of DynamoDB with the message `words`.
pub(crate) fn refused(code: &str, words: &str) -> Response {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    json(&serde_json::json!({"__type": code, "message": words}))
}

/// Returns a response with this document. Its status is 400 if the document has a `__type`,
/// as errors have, and 200 otherwise.
pub(crate) fn json(document: &Value) -> Response {
    let status = if document.get("__type").is_some() {
        400
    } else {
        200
    };
    answer(status, &document.to_string())
}

/// Returns a signature error in DynamoDB's format, which repeats the signed request.
pub(crate) fn signature_error(session_token: &str) -> Response {
    json(&serde_json::json!({
        "__type": "com.amazon.coral.service#InvalidSignatureException",
        "message": format!(
            "The request signature we calculated does not match the signature you provided.\n\n\
             The Canonical String for this request should have been\n\
             'POST\n/\n\nhost:dynamodb.eu-west-1.amazonaws.com\n\
             x-amz-security-token:{session_token}\n\nhost;x-amz-security-token\n'"
        ),
    }))
}

/// Returns an HTML response, as a proxy without a reachable server sends it.
pub(crate) fn html(status: u16) -> Response {
    let mut response = answer(
        status,
        "<html><head><title>Error</title></head><body>sorry</body></html>",
    );
    response.headers = vec![("Content-Type".to_owned(), b"text/html".to_vec())];
    response
}

/// Returns `response` with one more header.
pub(crate) fn with(mut response: Response, name: &str, value: &str) -> Response {
    let field = (name.to_owned(), value.as_bytes().to_vec());
    response.headers.push(field);
    response
}
