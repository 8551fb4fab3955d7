//! Calls of one operation through the pipeline and through the SDK, with the same input.
//! "The pipeline" is this component's own client.

use super::inputs;
use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::dynamodb::client::CallResult;
use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, Operation, PutItem, TransactWriteItems,
};
use crate::dynamodb::{Client, ClientConfig, SERVICE};
use crate::http::Platform;
use crate::test_support::{Scripted, signing};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::operation as sdk;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use std::fmt::Debug;
use std::time::Duration;

/// The endpoint of requests and the credentials that sign them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) endpoint: Option<&'static str>,
    pub(crate) region: &'static str,
    pub(crate) session_token: Option<&'static str>,
}

impl Site {
    /// A region of AWS.
    pub(crate) const AWS: Self = Self {
        endpoint: None,
        region: "eu-west-1",
        session_token: None,
    };

    /// A region of AWS, with temporary credentials.
    pub(crate) const TEMPORARY: Self = Self {
        session_token: Some(
            "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==",
        ),
        ..Self::AWS
    };

    /// A self-hosted endpoint.
    pub(crate) const OWN: Self = Self {
        endpoint: Some("http://localhost:8000"),
        region: "us-east-1",
        session_token: None,
    };

    /// An endpoint with a path.
    pub(crate) const PATH: Self = Self {
        endpoint: Some("https://gateway.example/dynamo-db/v1"),
        ..Self::OWN
    };

    /// Returns the credentials of the examples in AWS's documentation.
    pub(crate) fn credentials(self) -> Credentials {
        Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            self.session_token.map(str::to_owned),
            None,
            "parity",
        )
    }

    /// Returns the pipeline's client for this site.
    pub(crate) fn client(self, platform: Scripted, max_attempts: u32) -> Client<Scripted> {
        let endpoint = match self.endpoint {
            Some(url) => Endpoint::parse(url).ok(),
            None => Endpoint::of_region(SERVICE, self.region),
        };
        let config = ClientConfig {
            endpoint: endpoint.expect("an endpoint"),
            region: self.region.to_owned(),
            signing: signing(&self.credentials()),
            limits: Limits {
                connect_timeout: Duration::from_secs(3),
                request_timeout: Duration::from_secs(10),
                max_attempts,
            },
        };
        Client::new(platform, config)
    }
}

/// An operation that both the pipeline and the SDK can call. Outputs are compared, so they
/// must implement `PartialEq`.
pub(crate) trait Call: Operation<Output: PartialEq> {
    /// The SDK's builder of the input.
    type Builder: Clone + Debug;

    /// Returns the input for the pipeline.
    fn input(builder: Self::Builder) -> Self::Input;

    /// Calls the operation with the SDK.
    async fn send(
        builder: Self::Builder,
        client: &aws_sdk_dynamodb::Client,
    ) -> Result<Self::Output, SdkError<Self::Error, HttpResponse>>;
}

macro_rules! calls {
    ($($operation:ident: $module:ident, $builder:ident;)*) => {
        $(
            impl Call for $operation {
                type Builder = sdk::$module::builders::$builder;

                fn input(builder: Self::Builder) -> Self::Input {
                    builder.build().expect("a complete input")
                }

                async fn send(
                    builder: Self::Builder,
                    client: &aws_sdk_dynamodb::Client,
                ) -> Result<Self::Output, SdkError<Self::Error, HttpResponse>> {
                    builder.send_with(client).await
                }
            }
        )*
    };
}

calls! {
    GetItem: get_item, GetItemInputBuilder;
    PutItem: put_item, PutItemInputBuilder;
    DeleteItem: delete_item, DeleteItemInputBuilder;
    BatchGetItem: batch_get_item, BatchGetItemInputBuilder;
    BatchWriteItem: batch_write_item, BatchWriteItemInputBuilder;
    TransactWriteItems: transact_write_items, TransactWriteItemsInputBuilder;
}

/// Reads an item through the pipeline.
pub(crate) async fn get<P: Platform>(client: &Client<P>) -> CallResult<GetItem> {
    let [builder, _] = inputs::get_item();
    client.call::<GetItem>(GetItem::input(builder)).await
}

/// Writes an item through the pipeline, with a write that may be repeated.
pub(crate) async fn put<P: Platform>(client: &Client<P>) -> CallResult<PutItem> {
    let [builder, ..] = inputs::put_item();
    client.call::<PutItem>(PutItem::input(builder)).await
}
