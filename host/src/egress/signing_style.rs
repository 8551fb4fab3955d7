//! How a service wants to be signed for, and refuse: Amazon S3 has rules of its own.
//!
//! Most services sign a path that is normalized and percent-encoded twice. S3 takes it as it is, for `//` and `..` may stand
//! in the name of an object, and wants the digest of the body in a header
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

/// How the body is signed, or its digest, for S3.
pub(super) const PAYLOAD_HASH: &str = "x-amz-content-sha256";

/// The services that are signed for as S3 is. S3 Control signs as `s3`.
const LIKE_S3: &[&str] = &["s3", "s3-outposts", "s3-object-lambda"];

/// Directory buckets: each needs a session of its own.
const S3_EXPRESS: &str = "s3express";

/// The value of [`PAYLOAD_HASH`] for a body that ends with its checksum, unsigned.
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// How the others begin of which each chunk has a signature.
const STREAMING: &str = "STREAMING-";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Common,
    S3,
}

impl Style {
    /// Errors: [`HostError::EgressRule`] for what this host cannot sign.
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

    /// Returns true if the body ends with its checksum and is not signed itself.
    pub(super) fn has_unsigned_trailer(self, request: &Request<Bytes>) -> bool {
        self.streams(request) == Some(UNSIGNED_TRAILER)
    }

    /// Returns true if each chunk of the body would have to be signed. Sent with a signature for the whole, the server would take the
    /// frames of the chunks for the object.
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

    /// Writes the path as it is signed: a server may sign what arrives, or decode and encode it anew.
    pub(super) fn prepare(
        self,
        request: &mut Request<Bytes>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if self == Self::S3 {
            *request.uri_mut() = with_canonical_path(request.uri())?;
        }
        Ok(())
    }

    /// The answer where there is nothing to sign with: a component tells its caller what it says, and does not try again.
    pub(super) fn unsigned(self, reason: NoCredentials, in_flight: InFlight) -> Response<WasiBody> {
        let message = format!(
            "the host signs the requests to this address but has no AWS credentials: {reason}; see the log of the host"
        );
        match self {
            // As DynamoDB refuses.
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

/// The answer to a body in signed chunks.
pub(super) fn chunks_refused(in_flight: InFlight) -> Response<WasiBody> {
    xml(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "the host signs the requests to this address but cannot sign a body in chunks; send the body as a whole",
        in_flight,
    )
}

/// As S3 refuses. `message` holds nothing that XML would escape.
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

/// Every character is percent-encoded but the unreserved ones of RFC 3986 and `/`. What is encoded already stays so, in capital
/// letters, unless it needs no encoding.
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
            // Writing to a `String` does not fail.
            let _ = write!(canonical, "%{byte:02X}");
        }
    }
    canonical
}

/// The byte whose two hexadecimal digits these begin with, and the rest.
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
