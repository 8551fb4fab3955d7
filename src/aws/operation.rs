//! The SDK's own serializer and deserializer of each operation, taken from the
//! runtime plugin that the SDK makes for it. No message is built by hand, and
//! none is read by hand but the plain ones that `plain` reads as the SDK would.

use super::retry::RetryKind;
use super::{cancellation, plain};
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
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use std::cell::OnceCell;
use std::fmt;

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

    /// Whether an error that its code alone does not make worth a retry is
    /// worth one by what else it says.
    fn classify(_error: &Self::Error) -> Option<RetryKind> {
        None
    }

    /// Reads an answer in one pass where it is plain; none: the SDK reads it.
    fn read_plain(_body: &[u8]) -> Option<Self::Output> {
        None
    }

    /// Where `codecs` keeps the codec of this operation.
    fn slot(codecs: &Codecs) -> &OnceCell<Codec>;
}

/// One operation's serializer and deserializer, without its types.
pub struct Codec {
    name: &'static str,
    layer: FrozenLayer,
    serializer: SharedRequestSerializer,
    metadata: fn(&ErasedError) -> Option<&ErrorMetadata>,
    classify: fn(&ErasedError) -> Option<RetryKind>,
    read_plain: fn(&[u8]) -> Option<Output>,
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
            classify: |error| error.downcast_ref::<O::Error>().and_then(O::classify),
            read_plain: |body| O::read_plain(body).map(Output::erase),
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
    /// Where the SDK refuses the input.
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
    pub fn read_plain(&self, body: &[u8]) -> Option<Output> {
        (self.read_plain)(body)
    }

    /// Code, message and request id of a typed error of this operation.
    #[must_use]
    pub fn metadata<'a>(&self, error: &'a ErasedError) -> Option<&'a ErrorMetadata> {
        (self.metadata)(error)
    }

    /// What [`Operation::classify`] says of a typed error of this operation.
    #[must_use]
    pub fn classify(&self, error: &ErasedError) -> Option<RetryKind> {
        (self.classify)(error)
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
        fn read_plain(body: &[u8]) -> Option<Self::Output> {
            plain::get_item(body)
        }
    put_item: PutItem { PutItemInput, PutItemOutput, PutItemError }
    delete_item: DeleteItem { DeleteItemInput, DeleteItemOutput, DeleteItemError }
    batch_get_item: BatchGetItem { BatchGetItemInput, BatchGetItemOutput, BatchGetItemError }:
        fn read_plain(body: &[u8]) -> Option<Self::Output> {
            plain::batch_get_item(body)
        }
    batch_write_item: BatchWriteItem { BatchWriteItemInput, BatchWriteItemOutput, BatchWriteItemError }
    transact_write_items: TransactWriteItems { TransactWriteItemsInput, TransactWriteItemsOutput, TransactWriteItemsError }:
        fn classify(error: &Self::Error) -> Option<RetryKind> {
            cancellation::retry_kind(error)
        }
}

impl Codecs {
    /// The codec of an operation.
    ///
    /// # Errors
    ///
    /// Where the SDK's plugin is not as expected: a test of every operation
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
