//! Answers that this host gives itself, as AWS's services would.

use super::body::UnderWay;
use super::held::hold;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::WasiBody;

/// The answer counts as a request under way until the component has read or dropped it.
pub(super) fn answer(
    status: StatusCode,
    content_type: &'static str,
    document: String,
    under_way: UnderWay,
) -> Response<WasiBody> {
    let body = Full::new(hold(document.into_bytes(), under_way));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
