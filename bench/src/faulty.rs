//! A pool of instances whose requests all pass a proxy, which does to them what a director says.

use std::{num::NonZeroUsize, path::Path, time::Duration};

use dapr_wasm_host::{InstanceOptions, InstancePool};

use super::{contenders::component, tls::Reach};
use host_test::command_line::Failure;
use test_support::faults::{Director, FaultProxy};

pub(super) struct Faulty {
    pub(super) pool: InstancePool,
    pub(super) proxy: FaultProxy,
}

impl Faulty {
    /// Before the DynamoDB at `upstream`, with more options and metadata than it takes to reach it. Starts no instance yet.
    pub(super) fn start(
        file: &Path,
        upstream: &str,
        director: impl Director,
        size: NonZeroUsize,
        options: impl FnOnce(InstanceOptions) -> InstanceOptions,
        more: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let proxy = FaultProxy::start(upstream, director).map_err(Failure::here)?;
        let reach = Reach {
            endpoint: proxy.endpoint().to_owned(),
            root: None,
        };
        let mut metadata = component::metadata(&reach.endpoint);
        let more = more.iter().map(|(name, value)| (*name, *value));
        metadata.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let plugin = component::load(file, false)?;
        let pool = InstancePool::builder(&plugin)
            .options(options(component::options(&reach)?))
            .state(metadata)
            .max_instances(size)
            // Tasks that are refused ask again at once: a remembered failure would count many times.
            .retry_pause(Duration::ZERO)
            .build();
        Ok(Self { pool, proxy })
    }

    /// Starts all instances, so that none starts while something is measured.
    pub(super) async fn fill(&self) -> Result<(), Failure> {
        let all = self.pool.max_instances().get();
        self.pool.warm_up(all).await.map_err(Failure::here)
    }
}
