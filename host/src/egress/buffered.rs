//! Bodies that the host has in memory as a whole: those that it signs or searches, and its own answers.
//!
//! Their bytes count towards the limits of an instance for as long as anybody has them, be it this host, a connection that
//! still writes them, or a component that has not read them yet.

use super::pool::InFlight;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody};

/// How much memory a body gets before its first byte arrives, in bytes. A length that is only claimed takes none.
const FIRST_PART: usize = 64 << 10;

/// Reads a body to its end; `None` if it is longer than `most` bytes. Trailers are dropped.
pub(super) async fn collect(mut body: WasiBody, most: usize) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = Vec::with_capacity(most.min(FIRST_PART));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if data.len() > most - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

/// The bytes, with permits that go back when the last clone or part of the bytes is dropped.
pub(super) fn with_permits<P: Send + 'static>(bytes: Vec<u8>, permits: P) -> Bytes {
    Bytes::from_owner(Buffer {
        // Without what a growing `Vec` has in reserve.
        bytes: bytes.into_boxed_slice(),
        _permits: permits,
    })
}

struct Buffer<P> {
    bytes: Box<[u8]>,
    _permits: P,
}

impl<P> AsRef<[u8]> for Buffer<P> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer of this host's own, as AWS's services would give it. It counts as a request in flight until the component has
/// read or dropped it.
pub(super) fn answer(
    status: StatusCode,
    content_type: &'static str,
    document: String,
    in_flight: InFlight,
) -> Response<WasiBody> {
    let body = Full::new(with_permits(document.into_bytes(), in_flight));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
