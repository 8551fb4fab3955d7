//! Bodies that the host buffers as a whole: those that it signs or searches, and its own responses.
//!
//! The bytes count towards the limits of an instance until the last owner drops them. An owner is this host, a connection
//! that still writes them, or a component that has not read them yet.

use super::byte_budget::with_permits;
use super::pool::InFlight;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody};

/// The memory that is allocated for a body before its first byte arrives, in bytes. An announced length allocates no more.
const FIRST_PART: usize = 64 << 10;

/// Reads a body to its end. Returns `None` if it is longer than `most` bytes. Drops trailers.
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

/// Returns a response that this host makes itself, in the format of AWS's services.
///
/// The request counts as in flight until the component has read or dropped the response.
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
