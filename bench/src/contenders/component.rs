//! A component on `dapr-wasm-host`, as an embedder has it: a pool of instances, and an egress that they share.

use std::{num::NonZeroUsize, path::Path};

use dapr_wasm_host::{Egress, InstanceOptions, InstancePool, Plugin};

use super::exports::perform;
use crate::{
    cases::Task,
    store::{ACCESS_KEY, REGION, SECRET_KEY, TABLE},
    tls::Reach,
};
use host_test::command_line::Failure;

/// The component in its pool. A clone is the same pool.
#[derive(Clone)]
pub(crate) struct Component {
    pool: InstancePool,
}

/// Loads a component as an embedder does: from the cache where it was compiled before.
pub(crate) fn load(file: &Path, perf_map: bool) -> Result<Plugin, Failure> {
    let builder = Plugin::builder().perf_map(perf_map);
    builder.from_file(file).map_err(Failure::here)
}

/// The configuration of state store and binding alike.
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

/// The surroundings of an instance: the endpoint, and no more.
pub(crate) fn options(reach: &Reach) -> Result<InstanceOptions, Failure> {
    let mut egress = Egress::builder().allow_url(&reach.endpoint);
    if let Some(root) = &reach.root {
        egress = egress.root_certificate(root.pem.as_str());
    }
    let egress = egress.build().map_err(Failure::here)?;
    Ok(InstanceOptions::new().egress(egress))
}

impl Component {
    /// Starts no instance yet.
    pub(crate) fn new(plugin: &Plugin, reach: &Reach, size: NonZeroUsize) -> Result<Self, Failure> {
        let metadata = metadata(&reach.endpoint);
        let pool = InstancePool::builder(plugin)
            .options(options(reach)?)
            .state(metadata.clone())
            .binding(metadata)
            .max_instances(size)
            .build();
        Ok(Self { pool })
    }

    pub(crate) async fn perform(&self, task: &Task<'_>) -> Result<Option<String>, Failure> {
        let mut instance = self.pool.acquire().await.map_err(Failure::here)?;
        perform(&mut instance, task).await
    }
}
