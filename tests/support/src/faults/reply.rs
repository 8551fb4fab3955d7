//! A whole HTTP answer, whoever it is from. One in the name of DynamoDB has what DynamoDB's have: a
//! request id and the checksum of its body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

/// A whole HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields, without those that frame the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The CRC-32 of the body in decimal digits, by which a client of DynamoDB knows a damaged one.
const CHECKSUM: &str = "x-amz-crc32";
/// One for all: nobody looks it up.
const REQUEST_ID: &str = "FAULTPROXY0000000000000000000000000000000000000000000";

impl Reply {
    /// An answer in DynamoDB's name.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, "application/x-amz-json-1.0", &body.to_string())
            .with("x-amzn-requestid", REQUEST_ID)
            .with_checksum()
    }

    /// An answer of whoever else stands in the way.
    pub fn text(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: Bytes::from(body.to_owned()),
        }
    }

    /// What a captive portal or a gateway shows to people.
    pub fn html(status: StatusCode) -> Self {
        let page =
            "<!DOCTYPE html><html><body><h1>Please sign in to use this network</h1></body></html>";
        Self::text(status, "text/html; charset=utf-8", page)
    }

    /// Sends the client to another address.
    pub fn redirect(status: StatusCode, location: &str) -> Self {
        Self::text(status, "text/plain", "").with("location", location)
    }

    /// With this field, in place of any of that name. A value that HTTP does not allow is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With the checksum of the body as it is now.
    pub fn with_checksum(self) -> Self {
        let checksum = crc32fast::hash(&self.body).to_string();
        self.with(CHECKSUM, &checksum)
    }

    /// As `self`, with another body and its checksum.
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self.with_checksum()
    }
}
