//! The AWS SDK for Rust in its usual set-up: default retries, static credentials, its own HTTP/1 client with rustls.
//!
//! It writes the same items and sends the same requests as the component, so that the engine has the same work.

use super::expect;
use crate::cases::{Task, VALUE_BYTES};
use crate::store::{ACCESS_KEY, PARTITION_KEY, REGION, SECRET_KEY, TABLE};
use crate::tls::Reach;
use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use futures_util::future::try_join_all;
use std::collections::HashMap;

/// The maximum number of requests in one BatchWriteItem
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
pub(super) const BATCH_WRITE_REQUESTS: usize = 25;

type Attributes = HashMap<String, AttributeValue>;

/// The SDK's client. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Native {
    client: Client,
}

impl Native {
    /// Makes the client. It opens no connection yet.
    pub(crate) fn new(reach: &Reach) -> Result<Self> {
        let mut trusted = TrustStore::default();
        if let Some(root) = &reach.root {
            trusted.add_pem_certificate(root.pem.as_str());
        }
        let tls = TlsContext::builder().with_trust_store(trusted).build()?;
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build_https();
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "benchmark");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(&reach.endpoint)
            .http_client(http)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
        })
    }

    /// Returns the SDK's client, for requests that are not tasks.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) async fn perform(&self, task: &Task<'_>) -> Result<Option<String>> {
        match *task {
            Task::Get { key, exists } => self.get(key, exists).await,
            Task::Set { key, value, etag } => self.set(key, value, etag).await,
            Task::Delete { key } => {
                let request = self.client.delete_item().table_name(TABLE);
                let request = request.key(PARTITION_KEY, AttributeValue::S(key.to_owned()));
                request.send().await.map_err(failure)?;
                Ok(None)
            }
            Task::BulkGet { keys } => self.bulk_get(keys).await,
            Task::BulkSet { keys, value } => self.bulk_set(keys, value).await,
            Task::Transact { keys, value } => self.transact(keys, value).await,
            Task::Create { item } => self.create(item).await,
        }
    }

    async fn get(&self, key: &str, exists: bool) -> Result<Option<String>> {
        let request = self.client.get_item().table_name(TABLE);
        let request = request.key(PARTITION_KEY, AttributeValue::S(key.to_owned()));
        let answer = request.send().await.map_err(failure)?;
        let bytes = answer.item.and_then(value_bytes);
        expect("get", bytes == exists.then_some(VALUE_BYTES))?;
        Ok(None)
    }

    async fn set(&self, key: &str, value: &str, etag: Option<&str>) -> Result<Option<String>> {
        let new_etag = random_etag();
        let request = self.client.put_item().table_name(TABLE);
        let mut request = request.set_item(Some(item(key, value, new_etag.clone())));
        if let Some(etag) = etag {
            request = request
                .condition_expression("#e = :e")
                .expression_attribute_names("#e", "etag")
                .expression_attribute_values(":e", AttributeValue::S(etag.to_owned()))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
        }
        request.send().await.map_err(failure)?;
        Ok(Some(new_etag))
    }

    async fn bulk_get(&self, keys: &[String]) -> Result<Option<String>> {
        let mut asked = KeysAndAttributes::builder();
        for key in keys {
            let key = AttributeValue::S(key.clone());
            asked = asked.keys(HashMap::from([(PARTITION_KEY.to_owned(), key)]));
        }
        let asked = asked.build()?;
        let request = self.client.batch_get_item().request_items(TABLE, asked);
        let mut answer = request.send().await.map_err(failure)?.responses;
        let items = answer.as_mut().and_then(|tables| tables.remove(TABLE));
        // Look items up by key, because DynamoDB returns them in any order.
        let mut items: HashMap<_, _> = items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mut item| match item.remove(PARTITION_KEY) {
                Some(AttributeValue::S(key)) => Some((key, item)),
                _ => None,
            })
            .collect();
        let found = keys
            .iter()
            .filter(|key| items.remove(*key).and_then(value_bytes) == Some(VALUE_BYTES));
        expect("bulk-get", found.count() == keys.len())?;
        Ok(None)
    }

    /// Sends all batches at the same time, as the component does.
    async fn bulk_set(&self, keys: &[String], value: &str) -> Result<Option<String>> {
        let batches = keys.chunks(BATCH_WRITE_REQUESTS).map(async |keys| {
            let mut writes = Vec::with_capacity(keys.len());
            for key in keys {
                let put = PutRequest::builder().set_item(Some(item(key, value, random_etag())));
                let put = put.build()?;
                writes.push(WriteRequest::builder().put_request(put).build());
            }
            let request = self.client.batch_write_item();
            let request = request.request_items(TABLE, writes);
            let answer = request.send().await.map_err(failure)?;
            let left = answer.unprocessed_items.unwrap_or_default();
            expect("bulk-set", left.is_empty())
        });
        try_join_all(batches).await?;
        Ok(None)
    }

    async fn transact(&self, keys: &[String], value: &str) -> Result<Option<String>> {
        let mut request = self.client.transact_write_items();
        for key in keys {
            let put = Put::builder().table_name(TABLE);
            let put = put.set_item(Some(item(key, value, random_etag())));
            let put = put.build()?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        request.send().await.map_err(failure)?;
        Ok(None)
    }

    /// Turns the members of the JSON object into string attributes. The benchmark writes no other types.
    async fn create(&self, item: &str) -> Result<Option<String>> {
        let members: HashMap<String, String> = serde_json::from_str(item)?;
        let item = members
            .into_iter()
            .map(|(name, value)| (name, AttributeValue::S(value)))
            .collect();
        let request = self.client.put_item().table_name(TABLE);
        let request = request.set_item(Some(item));
        request.send().await.map_err(failure)?;
        Ok(None)
    }
}

fn item(key: &str, value: &str, etag: String) -> Attributes {
    HashMap::from([
        (PARTITION_KEY.to_owned(), AttributeValue::S(key.to_owned())),
        ("value".to_owned(), AttributeValue::S(value.to_owned())),
        ("etag".to_owned(), AttributeValue::S(etag)),
    ])
}

fn random_etag() -> String {
    format!("{:016x}", fastrand::u64(..))
}

fn value_bytes(mut item: Attributes) -> Option<usize> {
    match item.remove("value") {
        Some(AttributeValue::S(value)) => Some(value.into_bytes().len()),
        _ => None,
    }
}

fn failure(error: impl std::error::Error) -> anyhow::Error {
    let mut sentence = format!("the native SDK: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.push_str(&format!(": {error}"));
        cause = error.source();
    }
    anyhow!(sentence)
}
