//! Measures each step from the component file to the first response. Connections are already open, because they belong
//! to the egress and not to the instance.

use super::Plan;
use super::cases::{Case, GET_KEY, VALUE_BYTES};
use super::contenders::{Component, component, expect};
use super::statistics::{Ratio, blocks, median, ratio_of_medians};
use super::store::Store;
use super::timing::{nanoseconds, settle};
use super::tls::Reach;
use anyhow::Result;
use dapr_wasm_host::{InstanceOptions, Plugin};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Instant;

/// The number of compilations. One takes about a second.
const COMPILATIONS: usize = 3;
/// The number of loads of a compiled component.
const LOADS: usize = 30;
/// The number of instances that are started.
const STARTS: usize = 300;

/// The figures of the section `cold-start`: medians, in nanoseconds.
#[derive(Debug, Serialize)]
pub(super) struct ColdStartFigures {
    /// Loads a component and compiles it.
    pub(super) compile: u64,
    /// Loads a component whose machine code is in the cache.
    pub(super) load: u64,
    /// Starts an instance.
    pub(super) instantiate: u64,
    /// Calls `init`, which reads the table once.
    pub(super) init: u64,
    /// Makes the first `get`, of 1 KiB.
    pub(super) first_get: u64,
    /// The sum of `instantiate`, `init` and `first_get` of each start.
    pub(super) start: u64,
    /// Makes a `get` on an instance that has answered many calls.
    pub(super) warm_get: u64,
    /// `start` divided by `warm_get`, from pairs of both.
    pub(super) over_warm_get: Option<Ratio>,
    /// The number of instances that were started.
    pub(super) starts: usize,
}

/// Measures all steps.
pub(super) async fn measure(plan: &Plan, store: &Store, reach: &Reach) -> Result<ColdStartFigures> {
    plan.progress.set_message("cold start");
    let bytes = std::fs::read(&plan.component)?;
    let compile = repeat(plan.arguments.repetitions(COMPILATIONS), || {
        Plugin::builder().without_cache().from_bytes(&bytes)
    })?;
    // Fills the cache if it is empty, so that no measured load compiles.
    Plugin::from_bytes(&bytes)?;
    let load = repeat(plan.arguments.repetitions(LOADS), || {
        Plugin::from_bytes(&bytes)
    })?;

    let plugin = Plugin::from_bytes(&bytes)?;
    let options = component::options(reach)?;
    let warm = Component::new(&plugin, reach, NonZeroUsize::MIN)?;
    let metadata = component::metadata(&reach.endpoint);
    let starts = plan.arguments.repetitions(STARTS);
    let mut steps = Steps::default();
    for _ in 0..starts {
        steps.start(&plugin, &options, &metadata).await?;
        settle().await;
        let task = store.values.task(Case::Get, 0, ("", ""));
        // The start displaced the processor's caches. A few calls fill them again before the warm get is timed.
        for _ in 0..3 {
            warm.perform(&task).await?;
            settle().await;
        }
        let begin = Instant::now();
        warm.perform(&task).await?;
        steps.warm_get.push(nanoseconds(begin.elapsed()));
        settle().await;
    }
    plan.progress.inc(1);
    Ok(ColdStartFigures {
        compile: median(&compile),
        load: median(&load),
        instantiate: median(&steps.instantiate),
        init: median(&steps.init),
        first_get: median(&steps.first_get),
        start: median(&steps.all),
        warm_get: median(&steps.warm_get),
        over_warm_get: ratio_of_medians(&blocks(&steps.all, &steps.warm_get)),
        starts,
    })
}

/// The times of all starts, in nanoseconds. Entry i of each list belongs to start i.
#[derive(Default)]
struct Steps {
    instantiate: Vec<u64>,
    init: Vec<u64>,
    first_get: Vec<u64>,
    all: Vec<u64>,
    warm_get: Vec<u64>,
}

impl Steps {
    async fn start(
        &mut self,
        plugin: &Plugin,
        options: &InstanceOptions,
        metadata: &[(String, String)],
    ) -> Result<()> {
        let begin = Instant::now();
        let mut instance = plugin.instantiate(options).await?;
        let instantiated = begin.elapsed();
        let mut state = instance.state()?;
        state.init(metadata).await?;
        let initialised = begin.elapsed();
        let item = state.get(GET_KEY, None).await?;
        let bytes = item.map(|item| item.value.len());
        expect("get", bytes == Some(VALUE_BYTES))?;
        let answered = begin.elapsed();
        self.instantiate.push(nanoseconds(instantiated));
        self.init.push(nanoseconds(initialised - instantiated));
        self.first_get.push(nanoseconds(answered - initialised));
        self.all.push(nanoseconds(answered));
        Ok(())
    }
}

/// Calls `load` `times` times. Returns the times in nanoseconds.
fn repeat(
    times: usize,
    load: impl Fn() -> Result<Plugin, dapr_wasm_host::HostError>,
) -> Result<Vec<u64>> {
    (0..times)
        .map(|_| {
            let begin = Instant::now();
            let plugin = load()?;
            let time = nanoseconds(begin.elapsed());
            // Dropping the plugin is not part of the measured time.
            drop(plugin);
            Ok(time)
        })
        .collect()
}
