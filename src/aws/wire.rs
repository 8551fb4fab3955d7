//! The SDK's messages to those of the wire, and back.

use super::failure::{Problem, ServiceError};
use super::message::{Headers, Response};
use super::operation::Codec;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use std::time::Duration;

/// What requests call themselves.
const USER_AGENT: &str = concat!("dapr-dynamodb/", env!("CARGO_PKG_VERSION"));

/// Header fields and body of the request, as the SDK writes them.
pub(super) fn serialize(codec: &Codec, input: Input) -> Result<(Headers, SdkBody), String> {
    let request = codec.serialize(input).map_err(|error| error.to_string())?;
    let mut headers: Headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    headers.push(("user-agent".to_owned(), USER_AGENT.as_bytes().to_vec()));
    Ok((headers, request.into_body()))
}

/// Reads an answer that arrived whole.
pub(super) fn deserialize(codec: &Codec, response: Response) -> Result<Output, Problem> {
    let status = response.status;
    let retry_after = response
        .header("x-amz-retry-after")
        .and_then(|millis| millis.parse().ok())
        .map(Duration::from_millis);
    let foreign = |cause: String| Problem::Foreign {
        status,
        cause,
        retry_after,
    };
    // The SDK reads an empty body as an answer without members: an item that is
    // absent. DynamoDB sends at least `{}`.
    if response.body.is_empty() && (200..300).contains(&status) {
        return Err(foreign("an empty body".to_owned()));
    }
    let content_type = response.header("content-type").map(str::to_owned);
    let request_id = response.header("x-amzn-requestid").map(str::to_owned);
    let date = response.header("date").map(str::to_owned);
    let response = sdk_response(response).map_err(foreign)?;
    let source = match codec.deserialize(&response) {
        Ok(output) => return Ok(output),
        Err(source) => source,
    };
    let metadata = source
        .as_operation_error()
        .and_then(|error| codec.metadata(error));
    match metadata.and_then(|metadata| metadata.code()) {
        Some(code) => Err(Problem::Service(Box::new(ServiceError {
            code: code.to_owned(),
            message: metadata
                .and_then(|metadata| metadata.message())
                .unwrap_or_default()
                .to_owned(),
            status,
            request_id,
            date,
            retry_after,
            source,
        }))),
        None => Err(foreign(content_type.map_or_else(
            || "no content type".to_owned(),
            |content_type| format!("content type {content_type}"),
        ))),
    }
}

/// The answer as the SDK's deserializers take it.
fn sdk_response(response: Response) -> Result<HttpResponse, String> {
    let status = response.status.try_into();
    let status = status.map_err(|_| "no HTTP status".to_owned())?;
    let mut answer = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        // A field that is no text is none that the SDK reads.
        if let Ok(value) = String::from_utf8(value) {
            let appended = answer.headers_mut().try_append(name, value);
            appended.map_err(|_| "a malformed header field".to_owned())?;
        }
    }
    Ok(answer)
}
