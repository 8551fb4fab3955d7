//! Access to the codecs: the requests that the SDK writes, and the outputs that the SDK and the one-pass decoder read.

use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use dapr_dynamodb::dynamodb::codec::{Codecs, Operation};
use serde_json::Value;

/// Reads a body with the one-pass decoder. Returns `None` if it leaves the body to the SDK.
///
/// # Panics
///
/// Panics if the output is not of this operation.
#[must_use]
pub fn read_plainly<O: Operation>(codecs: &Codecs, body: &[u8]) -> Option<O::Output> {
    let codec = codecs.get::<O>().expect("a codec");
    let output = codec.fast_decode(body)?.downcast::<O::Output>();
    Some(output.expect("the operation's output"))
}

/// Reads the body of a successful response with the SDK. Returns `None` if the SDK refuses it.
///
/// # Panics
///
/// Panics if the output is not of this operation.
#[must_use]
pub fn read_answer<O: Operation>(codecs: &Codecs, body: &[u8]) -> Option<O::Output> {
    let status = 200.try_into().expect("a status");
    let response = HttpResponse::new(status, SdkBody::from(body.to_vec()));
    let output = codecs.get::<O>().expect("a codec").deserialize(&response);
    let output = output.ok()?.downcast::<O::Output>();
    Some(output.expect("the operation's output"))
}

/// Returns the request body that the SDK writes.
///
/// # Panics
///
/// Panics if the SDK cannot write the request.
#[must_use]
pub fn written<O: Operation>(codecs: &Codecs, input: O::Input) -> Value {
    let codec = codecs.get::<O>().expect("a codec");
    let request = codec.serialize(Input::erase(input)).expect("a request");
    let body = request.body().bytes().expect("a body in memory");
    serde_json::from_slice(body).expect("a body of JSON")
}
