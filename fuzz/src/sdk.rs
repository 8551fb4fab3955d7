//! The SDK's own codec, natively: what it writes and how it reads.

use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use dapr_dynamodb::dynamodb::codec::{Codecs, Operation};
use serde_json::Value;

/// The output that one pass reads of a body; none where it leaves it to the SDK.
///
/// # Panics
///
/// Where it is not the operation's output.
#[must_use]
pub fn read_plainly<O: Operation>(codecs: &Codecs, body: &[u8]) -> Option<O::Output> {
    let codec = codecs.get::<O>().expect("a codec");
    let output = codec.fast_decode(body)?.downcast::<O::Output>();
    Some(output.expect("the operation's output"))
}

/// The output that the SDK reads of the body of a success; none where it refuses it.
///
/// # Panics
///
/// Where it is not the operation's output.
#[must_use]
pub fn read_answer<O: Operation>(codecs: &Codecs, body: &[u8]) -> Option<O::Output> {
    let status = 200.try_into().expect("a status");
    let response = HttpResponse::new(status, SdkBody::from(body.to_vec()));
    let output = codecs.get::<O>().expect("a codec").deserialize(&response);
    let output = output.ok()?.downcast::<O::Output>();
    Some(output.expect("the operation's output"))
}

/// The body that the SDK writes.
///
/// # Panics
///
/// Where it writes none.
#[must_use]
pub fn written<O: Operation>(codecs: &Codecs, input: O::Input) -> Value {
    let codec = codecs.get::<O>().expect("a codec");
    let request = codec.serialize(Input::erase(input)).expect("a request");
    let body = request.body().bytes().expect("a body in memory");
    serde_json::from_slice(body).expect("a body of JSON")
}
