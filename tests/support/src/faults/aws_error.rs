//! An error answer as DynamoDB sends it: the sentence, the reasons of a cancelled transaction, and what
//! stands in the header.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Reply;
use super::known_errors::{DYNAMODB, ERRORS};

/// An error answer in DynamoDB's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// Its name.
    pub code: String,
    /// Its sentence.
    pub message: String,
    /// The status.
    pub status: StatusCode,
    /// Why a transaction was cancelled: a code for each of its operations, `None` for those that are
    /// not at fault.
    pub reasons: Vec<String>,
    /// What it asks the client to wait: `x-amz-retry-after`.
    pub retry_after: Option<Duration>,
    /// The server's clock: the field `Date`.
    pub date: Option<String>,
    /// What `__type` has before the name, which clients ignore.
    pub namespace: &'static str,
}

impl AwsError {
    /// The error of this name with the status and sentence that DynamoDB gives it; `None` where it has
    /// no such error.
    pub fn named(code: &str) -> Option<Self> {
        let known = ERRORS.iter().find(|error| error.code == code)?;
        Some(Self {
            code: known.code.to_owned(),
            message: known.message.to_owned(),
            status: StatusCode::from_u16(known.status).ok()?,
            reasons: Vec::new(),
            retry_after: None,
            date: None,
            namespace: known.namespace,
        })
    }

    /// An error of any name.
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            status,
            reasons: Vec::new(),
            retry_after: None,
            date: None,
            namespace: DYNAMODB,
        }
    }

    /// A transaction that was cancelled for these reasons, one for each operation.
    pub fn cancelled(reasons: &[&str]) -> Self {
        let sentence =
            "Transaction cancelled, please refer cancellation reasons for specific reasons";
        Self {
            reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "TransactionCanceledException",
                &format!("{sentence} [{}]", reasons.join(", ")),
            )
        }
    }

    /// The whole answer.
    pub fn reply(&self) -> Reply {
        let mut body = Map::new();
        let kind = format!("{}{}", self.namespace, self.code);
        body.insert("__type".to_owned(), kind.into());
        // The one error that DynamoDB writes with a capital.
        let sentence = match self.reasons.is_empty() {
            true => "message",
            false => "Message",
        };
        body.insert(sentence.to_owned(), self.message.as_str().into());
        if !self.reasons.is_empty() {
            let reasons = self.reasons.iter().map(|reason| reason_of(reason));
            body.insert("CancellationReasons".to_owned(), reasons.collect());
        }
        let mut reply = Reply::json(self.status, &Value::Object(body));
        if let Some(wait) = self.retry_after {
            reply = reply.with("x-amz-retry-after", &wait.as_millis().to_string());
        }
        if let Some(date) = &self.date {
            reply = reply.with("date", date);
        }
        reply
    }
}

fn reason_of(code: &str) -> Value {
    match code {
        "None" => json!({ "Code": code }),
        _ => json!({ "Code": code, "Message": format!("cancelled for {code}") }),
    }
}
