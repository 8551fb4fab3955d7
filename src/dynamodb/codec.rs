//! The operations, each with the SDK's own serializer and deserializer. They come from the
//! runtime plugin that the SDK makes for the operation. The serializer turns an input into
//! a request, and the deserializer turns a response into an output. The component builds
//! no request by hand. It reads only plain responses by hand: `fast_decode` reads them as
//! the SDK would.

use super::error::{AttemptError, ServiceError};
use super::{fast_decode, response_check};
use crate::error::Error;
use crate::http::{DATE, Headers, Response};
use crate::text::escaped;
use aws_sdk_dynamodb::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation as sdk;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    Error as ErasedError, Input, Output, OutputOrError,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use std::cell::OnceCell;
use std::fmt;
use std::time::Duration;

/// An operation of DynamoDB that the project uses.
pub trait Operation {
    /// The name of the operation, as in `X-Amz-Target`.
    const NAME: &'static str;
    /// The SDK's input.
    type Input: fmt::Debug + Send + Sync + 'static;
    /// The SDK's output.
    type Output: fmt::Debug + Send + Sync + 'static;
    /// The SDK's error.
    type Error: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static;

    /// The SDK's plugin, which holds the serializer and the deserializer.
    fn plugin() -> impl RuntimePlugin;

    /// Reads a plain response in one pass. Returns `None` if the SDK must read it.
    fn fast_decode(_body: &[u8]) -> Option<Self::Output> {
        None
    }

    /// Returns the place in which `codecs` keeps the codec of this operation.
    fn slot(codecs: &Codecs) -> &OnceCell<Codec>;
}

/// The serializer and deserializer of one operation, with erased types.
pub struct Codec {
    name: &'static str,
    layer: FrozenLayer,
    serializer: SharedRequestSerializer,
    metadata: fn(&ErasedError) -> Option<&ErrorMetadata>,
    fast_decode: fn(&[u8]) -> Option<Output>,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").field("name", &self.name).finish()
    }
}

impl Codec {
    /// Takes the serializer and the deserializer from the SDK's plugin.
    fn of<O: Operation>() -> Result<Self, BoxError> {
        let layer = O::plugin()
            .config()
            .ok_or("the SDK's plugin has no layer")?;
        let serializer = layer.load::<SharedRequestSerializer>().cloned();
        Ok(Self {
            name: O::NAME,
            serializer: serializer.ok_or("the SDK's plugin has no serializer")?,
            layer,
            metadata: |error| {
                error
                    .downcast_ref::<O::Error>()
                    .map(ProvideErrorMetadata::meta)
            },
            fast_decode: |body| O::fast_decode(body).map(Output::erase),
        })
    }

    /// Returns the name of the operation.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Writes the request: method, path, content type, target, length, body.
    ///
    /// # Errors
    ///
    /// If the SDK refuses the input.
    pub fn serialize(&self, input: Input) -> Result<HttpRequest, BoxError> {
        self.serializer.serialize_input(input, &mut self.bag())
    }

    /// Reads a complete response.
    ///
    /// # Errors
    ///
    /// The typed error of the operation, also if the body is not what the SDK expects.
    pub fn deserialize(&self, response: &HttpResponse) -> OutputOrError {
        match self.layer.load::<SharedResponseDeserializer>() {
            Some(deserializer) => {
                deserializer.deserialize_nonstreaming_with_config(response, &self.bag())
            }
            None => Err(OrchestratorError::other(
                "the SDK's plugin has no deserializer",
            )),
        }
    }

    /// Reads the body of a success in one pass. Returns `None` if the SDK must read it.
    #[must_use]
    pub fn fast_decode(&self, body: &[u8]) -> Option<Output> {
        (self.fast_decode)(body)
    }

    /// Returns code, message and request id of a typed error of this operation.
    #[must_use]
    pub fn metadata<'a>(&self, error: &'a ErasedError) -> Option<&'a ErrorMetadata> {
        (self.metadata)(error)
    }

    fn bag(&self) -> ConfigBag {
        let mut bag = ConfigBag::base();
        bag.push_shared_layer(self.layer.clone());
        bag
    }
}

macro_rules! operations {
    ($($slot:ident: $name:ident { $input:ident, $output:ident, $error:ident } $(: $own:item)?)*) => {
        /// The codecs of all operations. Each is made at the first call of its operation.
        #[derive(Debug, Default)]
        pub struct Codecs { $($slot: OnceCell<Codec>,)* }

        $(
            /// The operation of this name in the DynamoDB API reference.
            #[derive(Debug)]
            pub struct $name;

            impl Operation for $name {
                const NAME: &'static str = stringify!($name);
                type Input = sdk::$slot::$input;
                type Output = sdk::$slot::$output;
                type Error = sdk::$slot::$error;

                $($own)?

                fn plugin() -> impl RuntimePlugin {
                    sdk::$slot::$name::new()
                }

                fn slot(codecs: &Codecs) -> &OnceCell<Codec> {
                    &codecs.$slot
                }
            }
        )*
    };
}

operations! {
    get_item: GetItem { GetItemInput, GetItemOutput, GetItemError }:
        fn fast_decode(body: &[u8]) -> Option<Self::Output> {
            fast_decode::get_item(body)
        }
    put_item: PutItem { PutItemInput, PutItemOutput, PutItemError }
    delete_item: DeleteItem { DeleteItemInput, DeleteItemOutput, DeleteItemError }
    batch_get_item: BatchGetItem { BatchGetItemInput, BatchGetItemOutput, BatchGetItemError }:
        fn fast_decode(body: &[u8]) -> Option<Self::Output> {
            fast_decode::batch_get_item(body)
        }
    batch_write_item: BatchWriteItem { BatchWriteItemInput, BatchWriteItemOutput, BatchWriteItemError }
    transact_write_items: TransactWriteItems { TransactWriteItemsInput, TransactWriteItemsOutput, TransactWriteItemsError }
}

impl Codecs {
    /// Returns the codec of an operation.
    ///
    /// # Errors
    ///
    /// If the SDK's plugin lacks an expected part. A test of every operation rules this
    /// out.
    pub fn get<O: Operation>(&self) -> Result<&Codec, BoxError> {
        let slot = O::slot(self);
        if slot.get().is_none() {
            // Nothing can have filled the slot in between: there is one thread.
            let _ = slot.set(Codec::of::<O>()?);
        }
        slot.get().ok_or_else(|| "no codec".into())
    }
}

/// The header that holds the code of an error, if the body does not.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The headers that hold AWS's request id. The first one that is present counts.
const REQUEST_ID: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// Maximum length of a request id or a media type in an error sentence, in characters.
/// DynamoDB's own are shorter.
const QUOTED: usize = 120;

/// The number of headers that signing and sending add.
const ADDED_LATER: usize = 4;

/// Makes an input for a given time, in seconds since the Unix epoch.
type Make<'a, I> = Box<dyn Fn(u64) -> Result<I, Error> + 'a>;

/// The input of a call. If it depends on the clock, it is made again for an attempt in
/// another second. So the signature, expiry and condition of an attempt use the same time.
pub enum CallInput<'a, I> {
    /// An input that does not depend on the clock.
    Fixed(I),
    /// An input that depends on the clock.
    Timed(Make<'a, I>),
}

impl<'a, I: fmt::Debug + Send + Sync + 'static> CallInput<'a, I> {
    /// Creates an input that depends on the clock.
    pub fn timed(make: impl Fn(u64) -> Result<I, Error> + 'a) -> Self {
        Self::Timed(Box::new(make))
    }

    /// Erases the type of the input.
    pub(super) fn erase(self) -> CallInput<'a, Input> {
        match self {
            Self::Fixed(input) => CallInput::Fixed(Input::erase(input)),
            Self::Timed(make) => CallInput::timed(move |now| make(now).map(Input::erase)),
        }
    }
}

/// The message of a call. It is written at the first attempt.
pub(super) struct Message<'a> {
    codec: &'a Codec,
    /// `None` once a message that does not depend on the clock is written.
    input: Option<CallInput<'a, Input>>,
    written: Option<Written>,
}

/// A message as the SDK writes it.
struct Written {
    /// The time for which it was written, in seconds since the Unix epoch.
    now: u64,
    headers: Headers,
    /// The number of `headers` that the serializer wrote.
    own_headers: usize,
    body: SdkBody,
}

impl<'a> Message<'a> {
    pub(super) fn new(codec: &'a Codec, input: CallInput<'a, Input>) -> Self {
        Self {
            codec,
            input: Some(input),
            written: None,
        }
    }

    /// Returns headers and body for the time `now`. Reuses those of the previous attempt
    /// if the message does not depend on the clock, or if `keep` is true.
    ///
    /// # Errors
    ///
    /// If the SDK refuses the input.
    pub(super) fn at(&mut self, now: u64, keep: bool) -> Result<(&mut Headers, &[u8]), Error> {
        let written = match self.written.take() {
            Some(written) if keep || written.now == now || self.input.is_none() => written,
            _ => self.write(now)?,
        };
        let written = self.written.insert(written);
        written.headers.truncate(written.own_headers);
        let body = written.body.bytes().unwrap_or_default();
        Ok((&mut written.headers, body))
    }

    fn write(&mut self, now: u64) -> Result<Written, Error> {
        let input = match self.input.take() {
            Some(CallInput::Fixed(input)) => input,
            Some(CallInput::Timed(make)) => {
                let input = make(now);
                self.input = Some(CallInput::Timed(make));
                input?
            }
            None => return Err(Error::unbuilt("its input is gone")),
        };
        let (headers, body) = serialize(self.codec, input).map_err(Error::Other)?;
        Ok(Written {
            now,
            own_headers: headers.len(),
            headers,
            body,
        })
    }
}

/// Returns headers and body of the request, as the SDK writes them.
fn serialize(codec: &Codec, input: Input) -> Result<(Headers, SdkBody), String> {
    let request = codec.serialize(input).map_err(|error| error.to_string())?;
    let mut headers = Headers::with_capacity(request.headers().len() + ADDED_LATER);
    for (name, value) in request.headers() {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
    Ok((headers, request.into_body()))
}

/// Reads a complete response.
pub(super) fn deserialize(codec: &Codec, mut response: Response) -> Result<Output, AttemptError> {
    // The SDK reads an empty body as a response without members, which means an absent
    // item. DynamoDB sends at least `{}`.
    if response.body.is_empty() && (200..300).contains(&response.status) {
        return Err(unexpected(&response, "an empty body".to_owned()));
    }
    if response.status == 200
        && let Some(output) = codec.fast_decode(&response.body)
    {
        return Ok(output);
    }
    if (200..300).contains(&response.status) && !response_check::fits(codec.name(), &response.body)
    {
        return Err(unexpected(&response, unreadable(&response)));
    }
    let answer = match sdk_response(&mut response) {
        Ok(answer) => answer,
        Err(cause) => return Err(unexpected(&response, cause.to_owned())),
    };
    let source = match codec.deserialize(&answer) {
        Ok(output) => return Ok(output),
        Err(source) => source,
    };
    let metadata = source
        .as_operation_error()
        .and_then(|error| codec.metadata(error));
    match metadata.and_then(|metadata| metadata.code()) {
        Some(code) => Err(AttemptError::Service(Box::new(ServiceError {
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
        None => Err(unexpected(&response, unreadable(&response))),
    }
}

/// Returns the cause for a response that cannot be read.
fn unreadable(response: &Response) -> String {
    if let Some(encoding) = encoding(response) {
        return encoding;
    }
    match response.header("content-type") {
        Some(content_type) => format!("content type {}", quoted(content_type)),
        // The transport may have left out the headers of a success.
        None if (200..300).contains(&response.status) => "a body that cannot be read".to_owned(),
        None => "no content type".to_owned(),
    }
}

/// Describes the content encoding of a response, if it has one. No request asks for one,
/// so it usually comes from a proxy.
pub(super) fn encoding(response: &Response) -> Option<String> {
    let encoding = response.header("content-encoding")?;
    let is_none = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!is_none).then(|| {
        format!(
            "content encoding {}, which was not requested",
            quoted(encoding)
        )
    })
}

/// Returns text of the server as error sentences show it: limited in length, and with
/// control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    escaped(text, QUOTED)
}

/// Returns the error for a response that is not DynamoDB's.
fn unexpected(response: &Response, cause: String) -> AttemptError {
    AttemptError::UnexpectedResponse {
        status: response.status,
        cause,
        retry_after: retry_after(response),
    }
}

/// Returns the wait that the server asked for.
fn retry_after(response: &Response) -> Option<Duration> {
    let millis = response.header("x-amz-retry-after")?;
    millis.parse().ok().map(Duration::from_millis)
}

/// Returns AWS's request id.
fn request_id(response: &Response) -> Option<&str> {
    REQUEST_ID.iter().find_map(|name| response.header(name))
}

/// Converts the response for the SDK's deserializers, and takes its body. The result has
/// the headers that the deserializers read from an error. From a success they read only
/// the request id, which the component does not use.
fn sdk_response(response: &mut Response) -> Result<HttpResponse, &'static str> {
    let status = response
        .status
        .try_into()
        .map_err(|_| "an invalid HTTP status")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_codec() {
        let codecs = Codecs::default();
        let names = [
            codecs.get::<GetItem>().unwrap().name(),
            codecs.get::<PutItem>().unwrap().name(),
            codecs.get::<DeleteItem>().unwrap().name(),
            codecs.get::<BatchGetItem>().unwrap().name(),
            codecs.get::<BatchWriteItem>().unwrap().name(),
            codecs.get::<TransactWriteItems>().unwrap().name(),
        ];
        assert_eq!(names[5], "TransactWriteItems");
    }
}
