//! A build of the component on `dapr-wasm-host`, set up as an embedder does it: a pool of instances that share one egress.
//!
//! [`perform`] turns a task into one call of the component's [`Exports`]. The default host uses it too.

use super::expect;
use crate::cases::{Task, VALUE_BYTES};
use crate::store::{ACCESS_KEY, REGION, SECRET_KEY, TABLE};
use crate::tls::Reach;
use anyhow::Result;
use dapr_wasm_host::types::{Error, Item, Operation, Response, SetOptions, SetRequest};
use dapr_wasm_host::{Egress, InstanceOptions, InstancePool, Plugin, PooledInstance};
use std::num::NonZeroUsize;
use std::path::Path;

/// A build of the component and its instance pool. Clones share the pool.
#[derive(Clone)]
pub(crate) struct Component {
    pool: InstancePool,
}

/// Loads a component as an embedder does: from the cache if it was compiled before.
pub(crate) fn load(file: &Path, perf_map: bool) -> Result<Plugin> {
    let builder = Plugin::builder().perf_map(perf_map);
    Ok(builder.from_file(file)?)
}

/// Returns the metadata for both the state store and the binding.
pub(crate) fn metadata(endpoint: &str) -> Vec<(String, String)> {
    [
        ("table", TABLE),
        ("region", REGION),
        ("accessKey", ACCESS_KEY),
        ("secretKey", SECRET_KEY),
        ("endpoint", endpoint),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Returns the options of an instance: it may reach the endpoint and nothing else.
pub(crate) fn options(reach: &Reach) -> Result<InstanceOptions> {
    let mut egress = Egress::builder().allow_url(&reach.endpoint);
    if let Some(root) = &reach.root {
        egress = egress.root_certificate(root.pem.as_str());
    }
    Ok(InstanceOptions::new().egress(egress.build()?))
}

impl Component {
    /// Makes the pool. It starts no instance yet.
    pub(crate) fn new(plugin: &Plugin, reach: &Reach, size: NonZeroUsize) -> Result<Self> {
        let metadata = metadata(&reach.endpoint);
        let pool = InstancePool::builder(plugin)
            .options(options(reach)?)
            .state(metadata.clone())
            .binding(metadata)
            .max_instances(size)
            .build();
        Ok(Self { pool })
    }

    pub(crate) async fn perform(&self, task: &Task<'_>) -> Result<Option<String>> {
        perform(&mut self.pool.acquire().await?, task).await
    }
}

/// The calls of an initialised component.
pub(crate) trait Exports {
    async fn get(&mut self, key: &str) -> Result<Option<Item>>;
    async fn set(&mut self, key: &str, value: &[u8], options: Option<SetOptions>)
    -> Result<String>;
    async fn delete(&mut self, key: &str) -> Result<()>;
    async fn bulk_get(&mut self, keys: &[String]) -> Result<Vec<Result<Option<Item>, Error>>>;
    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Result<Vec<Result<String, Error>>>;
    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>>;
    async fn invoke(&mut self, operation: &str, data: &[u8]) -> Result<Response>;
}

impl Exports for PooledInstance {
    async fn get(&mut self, key: &str) -> Result<Option<Item>> {
        Ok(self.state()?.get(key, None).await?)
    }

    async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String> {
        Ok(self.state()?.set(key, value, options).await?)
    }

    async fn delete(&mut self, key: &str) -> Result<()> {
        Ok(self.state()?.delete(key, None).await?)
    }

    async fn bulk_get(&mut self, keys: &[String]) -> Result<Vec<Result<Option<Item>, Error>>> {
        Ok(self.state()?.bulk_get(keys, None).await?)
    }

    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Result<Vec<Result<String, Error>>> {
        Ok(self.state()?.bulk_set(requests).await?)
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>> {
        Ok(self.state()?.transact(operations).await?)
    }

    async fn invoke(&mut self, operation: &str, data: &[u8]) -> Result<Response> {
        Ok(self.binding()?.invoke(operation, data, None).await?)
    }
}

/// Performs a task. Returns the new ETag if the task writes a single item.
pub(crate) async fn perform(exports: &mut impl Exports, task: &Task<'_>) -> Result<Option<String>> {
    match *task {
        Task::Get { key, exists } => {
            let bytes = exports.get(key).await?.map(|item| item.value.len());
            expect("get", bytes == exists.then_some(VALUE_BYTES))?;
        }
        Task::Set { key, value, etag } => {
            let options = etag.map(|etag| SetOptions {
                etag: Some(etag.to_owned()),
                ..SetOptions::default()
            });
            let etag = exports.set(key, value.as_bytes(), options).await?;
            return Ok(Some(etag));
        }
        Task::Delete { key } => exports.delete(key).await?,
        Task::BulkGet { keys } => {
            let items = exports.bulk_get(keys).await?;
            let found = items
                .iter()
                .filter(|item| matches!(item, Ok(Some(item)) if item.value.len() == VALUE_BYTES));
            expect("bulk-get", found.count() == keys.len())?;
        }
        Task::BulkSet { keys, value } => {
            let requests: Vec<_> = keys.iter().map(|key| request(key, value)).collect();
            let written = exports.bulk_set(&requests).await?;
            let written = written.iter().filter(|written| written.is_ok());
            expect("bulk-set", written.count() == keys.len())?;
        }
        Task::Transact { keys, value } => {
            let operations: Vec<_> = keys
                .iter()
                .map(|key| Operation::Set(request(key, value)))
                .collect();
            let etags = exports.transact(&operations).await?;
            expect("transact", etags.len() == keys.len())?;
        }
        Task::Create { item } => {
            exports.invoke("create", item.as_bytes()).await?;
        }
    }
    Ok(None)
}

fn request(key: &str, value: &str) -> SetRequest {
    SetRequest {
        key: key.to_owned(),
        value: value.as_bytes().to_vec(),
        options: None,
    }
}
