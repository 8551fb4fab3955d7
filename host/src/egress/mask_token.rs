//! Masks the session token in error responses.
//!
//! A service that refuses a signature may repeat the signed text, including the token. A component that leaves signing to the
//! host must not see the token.

use super::buffered::collect;
use super::byte_budget::with_permits;
use super::pool::InFlight;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Response, response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

/// The largest error response that is searched, in bytes. DynamoDB's response to a cancelled transaction may contain its items:
/// at most 4 MB, as base64.
const LARGEST: usize = 8 << 20;

/// The largest error response that is parsed for its error code, in bytes. One about an expired token has a few hundred.
const LARGEST_WITH_CODE: usize = 64 << 10;

/// The text that replaces a token.
const MASK: &str = "***";

/// The header with a checksum of the body, as DynamoDB sends it.
const CHECKSUM: &str = "x-amz-crc32";

/// The header with the error code of JSON services. The code may have a namespace before `#` and a URL after `:`
/// (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>).
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The error codes for an expired session token, in JSON and in XML.
const EXPIRED: &[&str] = &["ExpiredTokenException", "ExpiredToken"];

/// A response of status 400 to 499, buffered as a whole.
pub(super) struct ErrorResponse {
    head: response::Parts,
    bytes: Vec<u8>,
    room: OwnedSemaphorePermit,
}

/// Returns the part of the instance's buffer limit that an error response takes until it is complete, in bytes.
///
/// Errors: the response is too large, or is compressed.
pub(super) fn buffer_size(answer: &Response<WasiBody>) -> Result<u32, Error> {
    // A compressed response cannot be searched, and the request did not accept one.
    if let Some(coding) = answer.headers().get(CONTENT_ENCODING) {
        let coding = coding.to_str().ok().map(ToOwned::to_owned);
        return Err(Error::HttpResponseContentCoding(coding));
    }
    let most = answer.body().size_hint().upper();
    match most.map_or(Ok(LARGEST), usize::try_from) {
        Ok(most) if most <= LARGEST => u32::try_from(most).map_err(|_| too_large()),
        Ok(_) | Err(_) => Err(too_large()),
    }
}

fn too_large() -> Error {
    Error::HttpResponseBodySize(Some(LARGEST as u64))
}

impl ErrorResponse {
    /// Reads an error response to its end. `room` has one permit for each byte of its [size](buffer_size).
    pub(super) async fn read(
        answer: Response<WasiBody>,
        mut room: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        let (head, body) = answer.into_parts();
        let most = room.num_permits();
        let bytes = collect(body, most).await?.ok_or_else(too_large)?;
        drop(room.split(most - bytes.len()));
        Ok(Self { head, bytes, room })
    }

    /// Returns true if the service says that the session token has expired.
    pub(super) fn is_expired_token(&self) -> bool {
        let said = self.head.headers.get(ERROR_TYPE);
        if let Some(said) = said.and_then(|said| said.to_str().ok()) {
            return is_expired(said);
        }
        if self.bytes.len() > LARGEST_WITH_CODE {
            return false;
        }
        let text = String::from_utf8_lossy(&self.bytes);
        match text.trim_ascii_start().as_bytes() {
            [b'{', ..] => is_expired_in_json(&text),
            [b'<', ..] => is_expired_in_xml(&text),
            _ => false,
        }
    }

    /// Returns the response without the token. It counts as a request in flight until the component has read or dropped it.
    pub(super) fn masked(self, token: &str, in_flight: InFlight) -> Response<WasiBody> {
        let Self {
            mut head,
            mut bytes,
            room,
        } = self;
        for spelling in spellings(token) {
            if let Some(masked) = masked(&bytes, &spelling) {
                bytes = masked;
                describe(&bytes, &mut head.headers);
            }
        }
        let names = head.headers.iter();
        let telling = names.filter(|(_, value)| contains(value.as_bytes(), token.as_bytes()));
        let telling: Vec<_> = telling.map(|(name, _)| name.clone()).collect();
        for name in telling {
            head.headers.remove(name);
        }
        let body =
            Full::new(with_permits(bytes, (room, in_flight))).map_err(|never| match never {});
        Response::from_parts(head, body.boxed_unsync())
    }
}

fn is_expired(code: &str) -> bool {
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().trim();
    EXPIRED.contains(&code)
}

fn is_expired_in_json(text: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let codes = ["__type", "code"].map(|field| document.get(field).and_then(Value::as_str));
    codes.into_iter().flatten().any(is_expired)
}

/// Checks the first code of `<Error>` (S3) or `<ErrorResponse>` (STS, SQS and others). Other text in the document is escaped.
fn is_expired_in_xml(text: &str) -> bool {
    let code = text.split_once("<Code>").map(|(_, rest)| rest);
    let code = code.and_then(|rest| rest.split_once("</Code>"));
    code.is_some_and(|(code, _)| EXPIRED.contains(&code.trim()))
}

/// Returns the spellings in which a service may repeat a token.
///
/// Amazon S3 also shows the bytes that it expected to be signed, as hexadecimal numbers separated by spaces
/// (`CanonicalRequestBytes` of `SignatureDoesNotMatch`).
fn spellings(token: &str) -> [String; 3] {
    let bytes: Vec<_> = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    let numbers = bytes.join(" ");
    [token.to_owned(), numbers.to_ascii_uppercase(), numbers]
}

fn contains(text: &[u8], token: &[u8]) -> bool {
    !token.is_empty() && text.windows(token.len()).any(|part| part == token)
}

/// Returns the bytes with the token masked, or `None` if they do not contain it. The result is never longer.
fn masked(bytes: &[u8], token: &str) -> Option<Vec<u8>> {
    // A token is ASCII, so it can only be in a valid part of the UTF-8.
    let chunks = || bytes.utf8_chunks();
    if token.is_empty() || !chunks().any(|chunk| chunk.valid().contains(token)) {
        return None;
    }
    let mask = MASK.get(..token.len()).unwrap_or(MASK);
    let mut masked = Vec::with_capacity(bytes.len());
    for chunk in chunks() {
        let mut parts = chunk.valid().split(token);
        masked.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            masked.extend_from_slice(mask.as_bytes());
            masked.extend_from_slice(part.as_bytes());
        }
        masked.extend_from_slice(chunk.invalid());
    }
    Some(masked)
}

/// Updates the headers for a changed body: removes the checksum and sets the length.
fn describe(bytes: &[u8], headers: &mut HeaderMap) {
    headers.remove(CHECKSUM);
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_masked_in_hexadecimal_too() {
        for spelling in spellings("Tok/n") {
            let text = format!("<Bytes>0a {spelling} 0a</Bytes>");
            let masked = masked(text.as_bytes(), &spelling).unwrap();
            assert_eq!(masked, b"<Bytes>0a *** 0a</Bytes>");
        }
        assert!(spellings("Tok/n").contains(&"54 6f 6b 2f 6e".to_owned()));
    }

    #[test]
    fn code_is_found_with_and_without_namespace() {
        for code in [
            "ExpiredTokenException",
            "ExpiredToken",
            "com.amazon.coral.service#ExpiredTokenException",
            "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/",
        ] {
            assert!(is_expired(code), "{code}");
        }
        for code in ["", "ExpiredTokenExceptionX", "UnrecognizedClientException"] {
            assert!(!is_expired(code), "{code}");
        }
    }

    #[test]
    fn code_counts_only_in_the_error_code_field() {
        assert!(is_expired_in_json(
            r#"{"__type":"a#ExpiredTokenException"}"#
        ));
        assert!(is_expired_in_json(r#"{"code":"ExpiredTokenException"}"#));
        for json in [
            r#"{"__type":"a#ValidationException","message":"ExpiredTokenException"}"#,
            r#"{"Item":{"__type":"ExpiredTokenException"}}"#,
            r#"{"__type":"ExpiredTokenExc"#,
        ] {
            assert!(!is_expired_in_json(json), "{json}");
        }
        let query = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code></Error></ErrorResponse>";
        assert!(is_expired_in_xml(query));
        let other =
            "<Error><Code>NoSuchKey</Code><Key>&lt;Code>ExpiredToken&lt;/Code></Key></Error>";
        assert!(!is_expired_in_xml(other));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let said = b"\xff\xfetoken\xfftok\xffentokentoken";
        let masked = masked(said, "token").unwrap();
        assert_eq!(masked, b"\xff\xfe***\xfftok\xffen******");
    }

    #[test]
    fn mask_is_not_longer_than_the_token() {
        assert_eq!(masked(b"abab", "a").unwrap(), b"*b*b");
    }
}
