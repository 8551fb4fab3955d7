//! A complete HTTP response of any server. A response in DynamoDB's name has a request ID and a
//! checksum of its body, as DynamoDB's have. Each of DynamoDB's errors has the status and the
//! `__type` that DynamoDB sends.
//!
//! Sources: "Error handling with DynamoDB" in the Developer Guide and "Common errors" in the API
//! reference for names, statuses and messages. The namespaces are those that DynamoDB was seen to
//! send. It uses its own for the errors that its model declares. `com.amazon.coral.service` is for
//! errors of the framework before it, about credentials and requests.
//! `com.amazon.coral.availability` is for throttling. The source is dynalite, whose tests were
//! run against DynamoDB: <https://github.com/architect/dynalite>.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A complete HTTP response.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields, without those that frame the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The header with the CRC-32 of the body in decimal digits, with which clients of DynamoDB detect
/// a damaged body.
const CHECKSUM: &str = "x-amz-crc32";
/// The same for all responses, because nobody looks it up.
const REQUEST_ID: &str = "FAULTPROXY0000000000000000000000000000000000000000000";

impl Reply {
    /// Returns a response in DynamoDB's name.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, "application/x-amz-json-1.0", &body.to_string())
            .with("x-amzn-requestid", REQUEST_ID)
            .with_checksum()
    }

    /// Returns a response of another server.
    pub fn text(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: Bytes::from(body.to_owned()),
        }
    }

    /// Returns a page that a captive portal or a gateway shows to people.
    pub fn html(status: StatusCode) -> Self {
        let page =
            "<!DOCTYPE html><html><body><h1>Please sign in to use this network</h1></body></html>";
        Self::text(status, "text/html; charset=utf-8", page)
    }

    /// Returns a redirect to another address.
    pub fn redirect(status: StatusCode, location: &str) -> Self {
        Self::text(status, "text/plain", "").with("location", location)
    }

    /// Sets this header field, in place of any with the same name. A value that HTTP does not allow
    /// is ignored.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets the checksum of the current body.
    pub fn with_checksum(self) -> Self {
        let checksum = crc32fast::hash(&self.body).to_string();
        self.with(CHECKSUM, &checksum)
    }

    /// Replaces the body and its checksum.
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self.with_checksum()
    }
}

/// An error response in DynamoDB's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The error code, such as `ThrottlingException`.
    pub code: String,
    /// The message.
    pub message: String,
    /// The status.
    pub status: StatusCode,
    /// The reasons for which a transaction was cancelled: a code for each of its operations, `None`
    /// for those that are not at fault.
    pub reasons: Vec<String>,
    /// The wait that the error asks for, in the header `x-amz-retry-after`.
    pub retry_after: Option<Duration>,
    /// The server's time, in the header `Date`.
    pub date: Option<String>,
    /// The part of `__type` before the name, which clients ignore.
    pub namespace: &'static str,
}

impl AwsError {
    /// Returns the error with this code, with DynamoDB's status and message. Returns `None` if
    /// DynamoDB has no such error.
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

    /// Returns an error with any code.
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

    /// Returns a transaction that was cancelled for these reasons, one for each operation.
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

    /// Returns the complete response.
    pub fn reply(&self) -> Reply {
        let mut body = Map::new();
        let kind = format!("{}{}", self.namespace, self.code);
        body.insert("__type".to_owned(), kind.into());
        // `TransactionCanceledException` is the only error in which DynamoDB writes `Message` with
        // a capital letter.
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

const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";
const FRAMEWORK: &str = "com.amazon.coral.service#";
const AVAILABILITY: &str = "com.amazon.coral.availability#";

/// An error that DynamoDB is known to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownError {
    /// The error code, such as `ThrottlingException`.
    pub code: &'static str,
    namespace: &'static str,
    status: u16,
    message: &'static str,
}

const fn known(
    namespace: &'static str,
    code: &'static str,
    status: u16,
    message: &'static str,
) -> KnownError {
    KnownError {
        code,
        namespace,
        status,
        message,
    }
}

/// All known errors.
pub const ERRORS: &[KnownError] = &[
    known(
        FRAMEWORK,
        "AccessDeniedException",
        400,
        "User is not authorized to perform this operation",
    ),
    known(
        DYNAMODB,
        "ConditionalCheckFailedException",
        400,
        "The conditional request failed",
    ),
    known(
        FRAMEWORK,
        "ExpiredTokenException",
        400,
        "The security token included in the request is expired",
    ),
    known(
        DYNAMODB,
        "IdempotentParameterMismatchException",
        400,
        "The client request token was used with other parameters",
    ),
    known(
        DYNAMODB,
        "InternalServerError",
        500,
        "The request processing has failed because of an unknown error, exception or failure.",
    ),
    known(
        FRAMEWORK,
        "InvalidSignatureException",
        400,
        "Signature expired: it is now earlier than the request was signed",
    ),
    known(
        DYNAMODB,
        "ItemCollectionSizeLimitExceededException",
        400,
        "Collection size exceeded.",
    ),
    known(
        DYNAMODB,
        "LimitExceededException",
        400,
        "Too many operations for a given subscriber.",
    ),
    known(
        DYNAMODB,
        "ProvisionedThroughputExceededException",
        400,
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
    ),
    known(
        DYNAMODB,
        "ReplicatedWriteConflictException",
        400,
        "The request was in conflict with one in another Region",
    ),
    known(
        DYNAMODB,
        "RequestLimitExceeded",
        400,
        "Throughput exceeds the current throughput limit for your account.",
    ),
    known(
        DYNAMODB,
        "ResourceNotFoundException",
        400,
        "Requested resource not found",
    ),
    known(
        FRAMEWORK,
        "ServiceUnavailable",
        503,
        "The service is unavailable. Please try again shortly.",
    ),
    known(
        AVAILABILITY,
        "ThrottlingException",
        400,
        "Rate of requests exceeds the allowed throughput.",
    ),
    known(
        DYNAMODB,
        "TransactionCanceledException",
        400,
        "Transaction cancelled, please refer cancellation reasons for specific reasons",
    ),
    known(
        DYNAMODB,
        "TransactionConflictException",
        400,
        "Transaction is ongoing for the item",
    ),
    known(
        DYNAMODB,
        "TransactionInProgressException",
        400,
        "The transaction with the given request token is already in progress",
    ),
    known(
        FRAMEWORK,
        "UnrecognizedClientException",
        400,
        "The security token included in the request is invalid.",
    ),
    known(
        "com.amazon.coral.validate#",
        "ValidationException",
        400,
        "The request is not valid",
    ),
];
