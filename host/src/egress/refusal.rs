//! What a service says when it does not take a signature: it may repeat what was signed, the session token with it. Who left
//! signing to the host is not to read that.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime_wasi_http::{Error, WasiBody};

/// The largest refusal that is searched, in bytes: DynamoDB puts the items of a transaction that it cancels into one, which are
/// 4 MB at most, as base64.
const LARGEST: usize = 8 << 20;

/// What stands in the place of a token.
const MASK: &str = "***";

/// A checksum of the body, as DynamoDB sends it.
const CHECKSUM: &str = "x-amz-crc32";

/// The answer without `token`.
pub(super) async fn without(
    token: &str,
    answer: Response<WasiBody>,
) -> Result<Response<WasiBody>, Error> {
    let (mut head, body) = answer.into_parts();
    // What is compressed cannot be searched, and was not asked for.
    if let Some(coding) = head.headers.get(CONTENT_ENCODING) {
        let coding = coding.to_str().ok().map(ToOwned::to_owned);
        return Err(Error::HttpResponseContentCoding(coding));
    }
    let collected = Limited::new(body, LARGEST).collect().await;
    let mut bytes = collected.map_err(failed)?.to_bytes();
    if let Some(masked) = masked(&bytes, token) {
        bytes = masked;
        describe(&bytes, &mut head.headers);
    }
    let body = Full::new(bytes).map_err(|never| match never {});
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

/// Nothing where there is nothing to mask.
fn masked(bytes: &[u8], token: &str) -> Option<Bytes> {
    // A token is ASCII, which stays as it is.
    let text = String::from_utf8_lossy(bytes);
    let is_there = !token.is_empty() && text.contains(token);
    is_there.then(|| Bytes::from(text.replace(token, MASK)))
}

/// Has the headers tell the truth of a body that is not the service's any more.
fn describe(bytes: &Bytes, headers: &mut HeaderMap) {
    headers.remove(CHECKSUM);
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}

fn failed(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    if cause.is::<LengthLimitError>() {
        return Error::HttpResponseBodySize(Some(LARGEST as u64));
    }
    match cause.downcast::<Error>() {
        Ok(cause) => *cause,
        Err(_) => Error::HttpProtocolError,
    }
}
