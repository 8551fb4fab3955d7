//! `host-test bench`: what a call of the component costs, beside the same call of others.
//!
//! `cases` says what is called, `contenders` who is, on the DynamoDB of `store`, in the clear or through `tls`.
//! `latency` calls them in turn, by `pairs`; `throughput` lets many tasks call at once; `cold_start` and `memory`
//! are about starting instances and keeping them; `dapr` adds Dapr's own component in a process of its own. The last
//! and `throughput` compare `bursts` of calls.
//! `statistics` makes figures of the times, and `report` shows them, with the `machine` that they are of.
//!
//! All clients run on one thread with a runtime of its own (`own_thread`); the DynamoDB has another one.
//!
//! Two more parts are commands (`command`), for they judge behaviour and compare nothing: `retries` and `soak` look on while
//! many tasks call through a `faulty` network, the latter with the DynamoDB in an `engine_process`.

mod arguments;
mod bursts;
mod cases;
mod cold_start;
mod command;
mod contenders;
mod dapr;
mod engine_process;
mod faulty;
mod latency;
mod machine;
mod memory;
mod open_files;
mod own_item;
mod own_thread;
mod pairs;
mod progress;
mod report;
mod retries;
mod soak;
mod statistics;
mod store;
mod throughput;
mod tls;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use dapr_wasm_host::Plugin;

pub use self::{arguments::BenchArguments, command::Bench, memory::MemoryArguments};
use self::{
    arguments::Section,
    contenders::{
        Component, Contender, DefaultHost, Means, Name, Native, Raw, component, default_host,
    },
    machine::Machine,
    progress::Progress,
    store::Store,
    tls::Reach,
};
pub(crate) use self::{
    command::BenchCommand, engine_process::serve_in_this_process, memory::measure_in_this_process,
    report::Report,
};
use crate::command_line::Failure;

/// What is to be measured, and by which component.
#[derive(Debug)]
pub(crate) struct Plan {
    arguments: BenchArguments,
    component: PathBuf,
    progress: Progress,
}

impl Plan {
    /// `shows_progress` where standard error is a terminal.
    pub(crate) fn new(arguments: BenchArguments, component: &Path, shows_progress: bool) -> Self {
        Self {
            component: component.to_owned(),
            progress: Progress::new(shows_progress, arguments.steps()),
            arguments,
        }
    }

    /// Measures, on a thread of its own.
    pub(crate) async fn run(self) -> Result<Report, Failure> {
        own_thread::run(move || self.measure()).await
    }

    async fn measure(self) -> Result<Report, Failure> {
        open_files::allow_all();
        let report = self.sections().await;
        self.progress.end();
        report
    }

    async fn sections(&self) -> Result<Report, Failure> {
        let arguments = &self.arguments;
        let worker = arguments.dapr.clone();
        if arguments.wants(Section::Dapr) && worker.is_none() {
            return Err(Failure::here(
                "the section dapr needs --dapr FILE, its worker",
            ));
        }
        let store = Store::start().await?;
        let subjects = Subjects::load(self)?;
        let (plain, secure) = (store.plain(), store.secure());
        let mut report = Report::new(Machine::of_this_process(), arguments.quick, &self.component)?;
        if arguments.wants(Section::Latency) {
            let calls = |case| arguments.calls(case);
            report.latency = latency::measure(self, &store, &subjects, &plain, calls).await?;
        }
        if arguments.wants(Section::Tls) {
            let calls = |case| arguments.calls_over_tls(case);
            report.tls = latency::measure(self, &store, &subjects, &secure, calls).await?;
        }
        if arguments.wants(Section::Throughput) {
            report.throughput = throughput::measure(self, &store, &subjects, &plain).await?;
        }
        if arguments.wants(Section::ColdStart) {
            report.cold_start = Some(cold_start::measure(self, &store, &plain).await?);
        }
        if arguments.wants(Section::Memory) {
            report.memory = memory::measure(self, &plain).await?;
        }
        if let Some(worker) = worker.filter(|_| arguments.wants(Section::Dapr)) {
            report.dapr = dapr::measure(self, &store, &subjects, &plain, &worker).await?;
        }
        Ok(report)
    }
}

/// The components that are measured, loaded once.
struct Subjects {
    default_host: wasmtime::component::Component,
    plugin: Plugin,
    baseline: Option<Plugin>,
}

impl Subjects {
    fn load(plan: &Plan) -> Result<Self, Failure> {
        let perf_map = plan.arguments.perf_map;
        let baseline = plan.arguments.baseline.as_deref();
        plan.progress.now("loading");
        Ok(Self {
            plugin: component::load(&plan.component, perf_map)?,
            default_host: default_host::compile(&plan.component)?,
            baseline: baseline
                .map(|file| component::load(file, perf_map))
                .transpose()?,
        })
    }

    /// All who take part, each with one instance or client.
    async fn contenders(&self, reach: &Reach) -> Result<Vec<Contender>, Failure> {
        let one = NonZeroUsize::MIN;
        let mut means = vec![(
            Name::Component,
            Means::Component(Component::new(&self.plugin, reach, one)?),
        )];
        if let Some(baseline) = &self.baseline {
            let baseline = Component::new(baseline, reach, one)?;
            means.push((Name::Baseline, Means::Component(baseline)));
        }
        let default_host = DefaultHost::start(&self.default_host, reach).await?;
        means.push((Name::DefaultHost, Means::DefaultHost(default_host)));
        means.push((Name::Native, Means::Native(Native::new(reach)?)));
        means.push((Name::Raw, Means::Raw(Raw::new(reach)?)));
        Ok(means
            .into_iter()
            .map(|(name, means)| Contender { name, means })
            .collect())
    }
}
