//! The SDK's messages to those of the wire, and back.

use super::failure::{Problem, ServiceError};
use super::message::{DATE, Headers, Response};
use super::operation::Codec;
use super::shape;
use crate::redact::beginning;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use std::time::Duration;

/// An error's code, where it does not stand in the body.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// AWS's name of the request: the first of the fields that is there.
const REQUEST_ID: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// Longest part of the name of a request or of a media type that a sentence quotes,
/// in characters. DynamoDB's own are shorter.
const QUOTED: usize = 120;

/// How many fields signing and sending add.
const ADDED_LATER: usize = 4;

/// Header fields and body of the request, as the SDK writes them.
pub(super) fn serialize(codec: &Codec, input: Input) -> Result<(Headers, SdkBody), String> {
    let request = codec.serialize(input).map_err(|error| error.to_string())?;
    let mut headers = Headers::with_capacity(request.headers().len() + ADDED_LATER);
    for (name, value) in request.headers() {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
    Ok((headers, request.into_body()))
}

/// Reads an answer that arrived whole.
pub(super) fn deserialize(codec: &Codec, mut response: Response) -> Result<Output, Problem> {
    // The SDK reads an empty body as an answer without members: an item that is
    // absent. DynamoDB sends at least `{}`.
    if response.body.is_empty() && (200..300).contains(&response.status) {
        return Err(foreign(&response, "an empty body".to_owned()));
    }
    if response.status == 200
        && let Some(output) = codec.read_plain(&response.body)
    {
        return Ok(output);
    }
    if (200..300).contains(&response.status) && !shape::fits(codec.name(), &response.body) {
        return Err(foreign(&response, unreadable(&response)));
    }
    let answer = match sdk_response(&mut response) {
        Ok(answer) => answer,
        Err(cause) => return Err(foreign(&response, cause.to_owned())),
    };
    let source = match codec.deserialize(&answer) {
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
            status: response.status,
            request_id: request_id(&response).map(quoted),
            date: response.header(DATE).map(str::to_owned),
            retry_after: retry_after(&response),
            source,
        }))),
        None => Err(foreign(&response, unreadable(&response))),
    }
}

/// What there is to say of an answer that cannot be read.
fn unreadable(response: &Response) -> String {
    if let Some(encoding) = encoding(response) {
        return encoding;
    }
    match response.header("content-type") {
        Some(content_type) => format!("content type {}", quoted(content_type)),
        // A transport may have left the fields of a success out.
        None if (200..300).contains(&response.status) => "a body that cannot be read".to_owned(),
        None => "no content type".to_owned(),
    }
}

/// Describes a content encoding, which no request asks for: a proxy's own, as a rule.
pub(super) fn encoding(response: &Response) -> Option<String> {
    let encoding = response.header("content-encoding")?;
    let is_none = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!is_none).then(|| {
        format!(
            "content encoding {}, which was not asked for",
            quoted(encoding)
        )
    })
}

/// Text of the server as sentences show it: with an end, and without what a
/// terminal would obey.
pub(super) fn quoted(text: &str) -> String {
    let beginning = beginning(text, QUOTED);
    beginning.chars().flat_map(char::escape_debug).collect()
}

/// What to say of an answer that is not DynamoDB's.
fn foreign(response: &Response, cause: String) -> Problem {
    Problem::Foreign {
        status: response.status,
        cause,
        retry_after: retry_after(response),
    }
}

/// What the server asked to wait.
fn retry_after(response: &Response) -> Option<Duration> {
    let millis = response.header("x-amz-retry-after")?;
    millis.parse().ok().map(Duration::from_millis)
}

/// AWS's name of the request.
fn request_id(response: &Response) -> Option<&str> {
    REQUEST_ID.iter().find_map(|name| response.header(name))
}

/// The answer as the SDK's deserializers take it, with the fields that they
/// read of an error. Of a success they read the name of the request alone, for
/// which nobody asks. It takes the body away.
fn sdk_response(response: &mut Response) -> Result<HttpResponse, &'static str> {
    let status = response.status.try_into().map_err(|_| "no HTTP status")?;
    let body = SdkBody::from(std::mem::take(&mut response.body));
    let mut answer = HttpResponse::new(status, body);
    if answer.status().is_success() {
        return Ok(answer);
    }
    for name in REQUEST_ID.into_iter().chain([ERROR_TYPE]) {
        if let Some(value) = response.header(name) {
            let appended = answer.headers_mut().try_append(name, value.to_owned());
            appended.map_err(|_| "a malformed header field")?;
        }
    }
    Ok(answer)
}
