//! The signing rules of a service, and the format of its error responses. Amazon S3 has rules of its own.
//!
//! For most services, the signed path is normalized and percent-encoded twice. S3 signs the path unchanged, because the name of
//! an object may contain `//` and `..`. It also requires the digest of the body in a header
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).

use super::buffered::answer;
use super::pool::InFlight;
use crate::credentials::NoCredentials;
use crate::error::HostError;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SigningSettings, UriPathNormalizationMode,
};
use bytes::Bytes;
use http::uri::{InvalidUri, InvalidUriParts, PathAndQuery};
use http::{Request, Response, StatusCode, Uri};
use serde_json::json;
use std::error::Error as StdError;
use std::fmt::Write as _;
use wasmtime_wasi_http::WasiBody;

/// The S3 header with the digest of the body, or with the way in which the body is signed.
pub(super) const PAYLOAD_HASH: &str = "x-amz-content-sha256";

/// The services with the signing rules of S3. S3 Control signs as `s3`.
const LIKE_S3: &[&str] = &["s3", "s3-outposts", "s3-object-lambda"];

/// The service of directory buckets. Each bucket needs a session of its own.
const S3_EXPRESS: &str = "s3express";

/// The value of [`PAYLOAD_HASH`] for an unsigned body that ends with its checksum.
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// The prefix of the other values of [`PAYLOAD_HASH`], for bodies in which each chunk has a signature.
const STREAMING: &str = "STREAMING-";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Common,
    S3,
}

impl Style {
    /// Returns the signing rules of a service.
    ///
    /// Errors: [`HostError::EgressRule`] if this host cannot sign for the region or the service.
    pub(super) fn of(region: &str, service: &str) -> Result<Self, HostError> {
        let refused = |rule: &str, reason| {
            let rule = rule.to_owned();
            Err(HostError::EgressRule { rule, reason })
        };
        if region.contains(['*', ',']) {
            return refused(
                region,
                "is not a single region: it needs Signature Version 4A, which this host does not support; write one region, and the address of a server there",
            );
        }
        if service == S3_EXPRESS {
            return refused(
                service,
                "needs a session for each bucket, which this host does not support; use a general purpose bucket and the service s3",
            );
        }
        if LIKE_S3.contains(&service) {
            return Ok(Self::S3);
        }
        Ok(Self::Common)
    }

    pub(super) fn settings(self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self == Self::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }

    /// Returns true if the body is unsigned and ends with its checksum.
    pub(super) fn has_unsigned_trailer(self, request: &Request<Bytes>) -> bool {
        self.streams(request) == Some(UNSIGNED_TRAILER)
    }

    /// Returns true if each chunk of the body needs a signature. With one signature for the whole body, the server would store the
    /// framing of the chunks as part of the object.
    pub(super) fn has_signed_chunks(self, request: &Request<Bytes>) -> bool {
        self.streams(request)
            .is_some_and(|kind| kind != UNSIGNED_TRAILER)
    }

    fn streams(self, request: &Request<Bytes>) -> Option<&str> {
        if self != Self::S3 {
            return None;
        }
        let said = request.headers().get(PAYLOAD_HASH)?.to_str().ok()?;
        said.starts_with(STREAMING).then_some(said)
    }

    /// Writes the path in the form in which it is signed. Some servers sign the path that arrives, others decode and encode it
    /// first. In this form both get the same result.
    pub(super) fn prepare(
        self,
        request: &mut Request<Bytes>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if self == Self::S3 {
            *request.uri_mut() = with_canonical_path(request.uri())?;
        }
        Ok(())
    }

    /// Returns the response for a host without credentials. A component reports its message to the caller and does not retry.
    pub(super) fn unsigned(self, reason: NoCredentials, in_flight: InFlight) -> Response<WasiBody> {
        let message = format!(
            "the host signs the requests to this address but has no AWS credentials: {reason}; see the log of the host"
        );
        match self {
            // The error format of DynamoDB.
            Self::Common => {
                let document = json!({
                    "__type": "com.amazon.coral.service#UnrecognizedClientException",
                    "message": message,
                });
                let (status, kind) = (StatusCode::BAD_REQUEST, "application/x-amz-json-1.0");
                answer(status, kind, document.to_string(), in_flight)
            }
            Self::S3 => xml(
                StatusCode::FORBIDDEN,
                "InvalidAccessKeyId",
                &message,
                in_flight,
            ),
        }
    }
}

/// Returns the response to a body in signed chunks.
pub(super) fn chunks_refused(in_flight: InFlight) -> Response<WasiBody> {
    xml(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "the host signs the requests to this address but cannot sign a body in chunks; send the body as a whole",
        in_flight,
    )
}

/// Returns a response in the error format of S3. `message` must not contain characters that XML escapes.
fn xml(status: StatusCode, code: &str, message: &str, in_flight: InFlight) -> Response<WasiBody> {
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    answer(status, "application/xml", document, in_flight)
}

fn with_canonical_path(uri: &Uri) -> Result<Uri, Box<dyn StdError + Send + Sync>> {
    let path = canonical(uri.path());
    if path == uri.path() {
        return Ok(uri.clone());
    }
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    let path: Result<PathAndQuery, InvalidUri> = path.try_into();
    parts.path_and_query = Some(path?);
    let uri: Result<Uri, InvalidUriParts> = Uri::from_parts(parts);
    Ok(uri?)
}

/// Percent-encodes every character except `/` and the unreserved ones of RFC 3986.
///
/// Characters that are encoded already stay encoded, with upper-case digits, unless they need no encoding.
fn canonical(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, is_encoded);
        (byte, is_encoded, rest) = match (first, decoded(after)) {
            (b'%', Some((byte, after))) => (byte, true, after),
            _ => (first, false, after),
        };
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || byte == b'/' && !is_encoded {
            canonical.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(canonical, "%{byte:02X}");
        }
    }
    canonical
}

/// Decodes the two hexadecimal digits at the start. Returns the byte and the rest of the text.
fn decoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = str::from_utf8(digits).ok()?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_encoded_once_and_otherwise_kept() {
        for (path, expected) in [
            ("/", "/"),
            ("/a//b/../c/./", "/a//b/../c/./"),
            ("/a$b+c", "/a%24b%2Bc"),
            ("/a%24b%20c", "/a%24b%20c"),
            ("/%c3%bc%7e", "/%C3%BC~"),
            ("/\u{fc}", "/%C3%BC"),
            ("/a%2Fb", "/a%2Fb"),
            ("/100%", "/100%25"),
            ("/%zz%4", "/%25zz%254"),
        ] {
            assert_eq!(canonical(path), expected);
            assert_eq!(canonical(expected), expected);
        }
    }

    #[test]
    fn query_is_kept_when_the_path_is_encoded() {
        let uri = Uri::from_static("https://b.example/a$b?prefix=a$b");
        let uri = with_canonical_path(&uri).unwrap();
        assert_eq!(uri, "https://b.example/a%24b?prefix=a$b");
    }

    #[test]
    fn unsupported_region_or_service_is_named() {
        for (region, service, named) in [
            ("*", "s3", "Version 4A"),
            ("eu-west-1,us-east-1", "dynamodb", "Version 4A"),
            ("eu-west-1", "s3express", "general purpose bucket"),
        ] {
            let refused = Style::of(region, service).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }
}
