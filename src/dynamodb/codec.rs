//! The operations, and the SDK's own serializer and deserializer of each, taken from the
//! runtime plugin that the SDK makes for it: inputs become messages of the wire, answers
//! become outputs. No message is built by hand, and
//! none is read by hand but the plain ones that `fast_decode` reads as the SDK would.

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
    /// Its name, as in `X-Amz-Target`.
    const NAME: &'static str;
    /// The SDK's input.
    type Input: fmt::Debug + Send + Sync + 'static;
    /// The SDK's output.
    type Output: fmt::Debug + Send + Sync + 'static;
    /// The SDK's error.
    type Error: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static;

    /// The SDK's plugin, which holds the serializer and the deserializer.
    fn plugin() -> impl RuntimePlugin;

    /// Reads an answer in one pass where it is plain; none: the SDK reads it.
    fn fast_decode(_body: &[u8]) -> Option<Self::Output> {
        None
    }

    /// The place in which `codecs` keeps the codec of this operation.
    fn slot(codecs: &Codecs) -> &OnceCell<Codec>;
}

/// One operation's serializer and deserializer, without its types.
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
    /// Takes them from the SDK's plugin.
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

    /// The operation's name.
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

    /// Reads a complete answer.
    ///
    /// # Errors
    ///
    /// The typed error of the operation, also where the body is not what the
    /// SDK expects.
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

    /// Reads the body of a success in one pass; none where that takes the SDK.
    #[must_use]
    pub fn fast_decode(&self, body: &[u8]) -> Option<Output> {
        (self.fast_decode)(body)
    }

    /// Code, message and request id of a typed error of this operation.
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
        /// The codecs, each made when its operation is first called.
        #[derive(Debug, Default)]
        pub struct Codecs { $($slot: OnceCell<Codec>,)* }

        $(
            /// See the DynamoDB API reference for the operation of this name.
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
    /// The codec of an operation.
    ///
    /// # Errors
    ///
    /// If the SDK's plugin is not as expected: a test of every operation
    /// keeps that from happening.
    pub fn get<O: Operation>(&self) -> Result<&Codec, BoxError> {
        let slot = O::slot(self);
        if slot.get().is_none() {
            // Nobody can have filled it in between: there is one thread.
            let _ = slot.set(Codec::of::<O>()?);
        }
        slot.get().ok_or_else(|| "no codec".into())
    }
}

/// An error's code, where it does not stand in the body.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// AWS's name of the request: the first of the fields that is there.
const REQUEST_ID: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// Longest part of the name of a request or of a media type that a sentence quotes,
/// in characters. DynamoDB's own are shorter.
const QUOTED: usize = 120;

/// How many fields signing and sending add.
const ADDED_LATER: usize = 4;

/// Makes an input as of a moment, in seconds since the Unix epoch.
type Make<'a, I> = Box<dyn Fn(u64) -> Result<I, Error> + 'a>;

/// The input of a call. One that depends on the clock is made anew for an attempt at
/// another second, so that signature, expiry and condition of one attempt are of one
/// time.
pub enum CallInput<'a, I> {
    /// One that does not depend on the clock.
    Fixed(I),
    /// One that does.
    Timed(Make<'a, I>),
}

impl<'a, I: fmt::Debug + Send + Sync + 'static> CallInput<'a, I> {
    /// Makes one that depends on the clock.
    pub fn timed(make: impl Fn(u64) -> Result<I, Error> + 'a) -> Self {
        Self::Timed(Box::new(make))
    }

    /// The same without its type.
    pub(super) fn erase(self) -> CallInput<'a, Input> {
        match self {
            Self::Fixed(input) => CallInput::Fixed(Input::erase(input)),
            Self::Timed(make) => CallInput::timed(move |now| make(now).map(Input::erase)),
        }
    }
}

/// The message of a call, written when it is first asked for.
pub(super) struct Message<'a> {
    codec: &'a Codec,
    /// None: it was written, and does not depend on the clock.
    input: Option<CallInput<'a, Input>>,
    written: Option<Written>,
}

/// A message as the SDK writes it.
struct Written {
    /// As of this moment, in seconds since the Unix epoch.
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

    /// Header fields and body as of `now`; those of before where the message does
    /// not depend on the clock or `keep` says so.
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

/// Header fields and body of the request, as the SDK writes them.
fn serialize(codec: &Codec, input: Input) -> Result<(Headers, SdkBody), String> {
    let request = codec.serialize(input).map_err(|error| error.to_string())?;
    let mut headers = Headers::with_capacity(request.headers().len() + ADDED_LATER);
    for (name, value) in request.headers() {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
    Ok((headers, request.into_body()))
}

/// Reads an answer that arrived whole.
pub(super) fn deserialize(codec: &Codec, mut response: Response) -> Result<Output, AttemptError> {
    // The SDK reads an empty body as an answer without members: an item that is
    // absent. DynamoDB sends at least `{}`.
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

/// The cause of an answer that cannot be read.
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
    escaped(text, QUOTED)
}

/// The error of an answer that is not DynamoDB's.
fn unexpected(response: &Response, cause: String) -> AttemptError {
    AttemptError::UnexpectedResponse {
        status: response.status,
        cause,
        retry_after: retry_after(response),
    }
}

/// The wait that the server asked for.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_gives_a_codec_for_every_operation() {
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
