//! Tests of the stand-ins with clients that are not this project's: the SDK's own.

mod signature_proxy;
mod stand_ins;

use super::{Account, Key, SignatureProxy};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use host_test::embedded::{Embedded, Storage};

/// A table behind a signature proxy.
struct Guarded {
    account: Account,
    proxy: SignatureProxy,
    _engine: Embedded,
}

impl Guarded {
    async fn start() -> Self {
        let engine = Embedded::start(Storage::Memory).await.unwrap();
        engine.create_table("state", "key").await.unwrap();
        let account = Account::new();
        Self {
            proxy: SignatureProxy::start(engine.endpoint(), &account).unwrap(),
            account,
            _engine: engine,
        }
    }

    /// Reads with this key through the SDK's client, and returns `ok` or the error's code.
    async fn read_with(&self, key: &Key) -> String {
        let token = key.session_token.clone();
        let credentials = Credentials::new(&key.id, &key.secret, token, None, "test");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .endpoint_url(self.proxy.endpoint())
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let request = Client::from_conf(config).get_item().table_name("state");
        let request = request.key("key", AttributeValue::S("k".to_owned()));
        match request.send().await {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                let error = error.into_service_error();
                error.meta().code().unwrap_or("no code").to_owned()
            }
        }
    }
}
