//! Measures each step from the component file to the first response. Connections are already open, because they belong
//! to the egress and not to the instance.

use super::Plan;
use super::cases::{Case, GET_KEY, VALUE_BYTES};
use super::contenders::{Component, Name, component, expect};
use super::statistics::{Ratio, blocks, median, ratio_of_medians};
use super::store::Store;
use super::timing::{in_turn, nanoseconds, numbers, rival, settle};
use super::tls::Reach;
use anyhow::Result;
use dapr_wasm_host::{InstanceOptions, Plugin};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

/// The number of compilations. One takes about a second.
const COMPILATIONS: usize = 3;
/// The number of loads of a compiled component.
const LOADS: usize = 30;
/// The number of instances of each build that are started.
const STARTS: usize = 300;

/// The figures of one build in the section `cold-start`: medians, in nanoseconds.
#[derive(Debug, Serialize)]
pub(super) struct ColdStartFigures {
    pub(super) name: Name,
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
    /// `start` divided by that of the portable build. Present only for the hosted build.
    pub(super) over_component: Option<Ratio>,
    /// The number of instances that were started.
    pub(super) starts: usize,
}

/// Measures all steps of both builds, which start in turn.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    reach: &Reach,
) -> Result<Vec<ColdStartFigures>> {
    plan.progress.set_message("cold start");
    let mut builds = Vec::new();
    for (name, file) in plan.builds() {
        builds.push((name, Build::load(plan, file, reach)?));
    }
    let options = component::options(reach)?;
    let metadata = component::metadata(&reach.endpoint);
    let task = store.values.task(Case::Get, 0, ("", ""));
    let starts = plan.arguments.repetitions(STARTS);
    let all = in_turn(0, starts, &mut builds, async |build, _| {
        let start = Start::measure(&build.plugin, &options, &metadata).await?;
        settle().await;
        // The start displaced the processor's caches. A few calls fill them again before the warm get is timed.
        for _ in 0..3 {
            build.warm.perform(&task).await?;
            settle().await;
        }
        let begin = Instant::now();
        build.warm.perform(&task).await?;
        let warm_get = nanoseconds(begin.elapsed());
        settle().await;
        Ok(Start { warm_get, ..start })
    })
    .await?;
    plan.progress.inc(1);
    let figures = all.iter().zip(&builds).map(|((name, starts), (_, build))| {
        let median_of = |step: fn(&Start) -> u64| median(&numbers(starts, step));
        let whole = numbers(starts, Start::whole);
        let component = rival(&all, *name, Name::Component);
        ColdStartFigures {
            name: *name,
            compile: build.compile,
            load: build.load,
            instantiate: median_of(|start| start.instantiate),
            init: median_of(|start| start.init),
            first_get: median_of(|start| start.first_get),
            start: median(&whole),
            warm_get: median_of(|start| start.warm_get),
            over_warm_get: ratio_of_medians(&blocks(
                &whole,
                &numbers(starts, |start| start.warm_get),
            )),
            over_component: component
                .map(|component| numbers(component, Start::whole))
                .and_then(|component| ratio_of_medians(&blocks(&whole, &component))),
            starts: starts.len(),
        }
    });
    Ok(figures.collect())
}

/// A build that is ready to start instances, and the times of the steps before that, in nanoseconds.
struct Build {
    compile: u64,
    load: u64,
    plugin: Plugin,
    warm: Component,
}

impl Build {
    fn load(plan: &Plan, file: &Path, reach: &Reach) -> Result<Self> {
        let bytes = std::fs::read(file)?;
        let compile = repeat(plan.arguments.repetitions(COMPILATIONS), || {
            Plugin::builder().without_cache().from_bytes(&bytes)
        })?;
        // Fills the cache if it is empty, so that no measured load compiles.
        let plugin = Plugin::from_bytes(&bytes)?;
        let load = repeat(plan.arguments.repetitions(LOADS), || {
            Plugin::from_bytes(&bytes)
        })?;
        Ok(Self {
            compile: median(&compile),
            load: median(&load),
            warm: Component::new(&plugin, reach, NonZeroUsize::MIN)?,
            plugin,
        })
    }
}

/// The times of one start, in nanoseconds.
struct Start {
    instantiate: u64,
    init: u64,
    first_get: u64,
    warm_get: u64,
}

impl Start {
    /// Returns the time from the start to the first response.
    fn whole(&self) -> u64 {
        self.instantiate + self.init + self.first_get
    }

    /// Measures all steps but the warm get.
    async fn measure(
        plugin: &Plugin,
        options: &InstanceOptions,
        metadata: &[(String, String)],
    ) -> Result<Self> {
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
        Ok(Self {
            instantiate: nanoseconds(instantiated),
            init: nanoseconds(initialised - instantiated),
            first_get: nanoseconds(answered - initialised),
            warm_get: 0,
        })
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
