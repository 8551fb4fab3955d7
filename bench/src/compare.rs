//! Runs a comparison: its sections one after the other, with all contenders.

use super::arguments::{BenchArguments, Section};
use super::contenders::{
    Component, Contender, DefaultHost, Means, Name, Native, Raw, component, default_host,
};
use super::process::{on_own_thread, progress_bar};
use super::report::Report;
use super::store::Store;
use super::tls::Reach;
use super::{cold_start, dapr, latency, memory, throughput};
use anyhow::{Result, bail};
use dapr_wasm_host::Plugin;
use indicatif::ProgressBar;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The arguments of a comparison, and the component to measure.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) arguments: BenchArguments,
    pub(super) component: PathBuf,
    pub(super) progress: ProgressBar,
}

impl Plan {
    /// Plans a comparison. Set `shows_progress` if standard error is a terminal.
    pub(super) fn new(arguments: BenchArguments, component: &Path, shows_progress: bool) -> Self {
        Self {
            component: component.to_owned(),
            progress: progress_bar(shows_progress, arguments.steps()),
            arguments,
        }
    }

    /// Measures all sections on a dedicated thread.
    pub(super) async fn run(self) -> Result<Report> {
        on_own_thread(async move || {
            let report = self.sections().await;
            self.progress.finish_and_clear();
            report
        })
        .await
    }

    async fn sections(&self) -> Result<Report> {
        let arguments = &self.arguments;
        let worker = arguments.dapr.clone();
        if arguments.wants(Section::Dapr) && worker.is_none() {
            bail!(
                "the section dapr needs its worker: set --dapr to the program built from bench/dapr-worker"
            );
        }
        let store = Store::start().await?;
        let subjects = Subjects::load(self)?;
        let (plain, secure) = (store.plain(), store.secure());
        let mut report = Report::new(arguments.quick, &self.component)?;
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

/// The components to measure, loaded once.
pub(super) struct Subjects {
    pub(super) default_host: wasmtime::component::Component,
    pub(super) plugin: Plugin,
    pub(super) baseline: Option<Plugin>,
}

impl Subjects {
    fn load(plan: &Plan) -> Result<Self> {
        let perf_map = plan.arguments.perf_map;
        let baseline = plan.arguments.baseline.as_deref();
        plan.progress.set_message("loading");
        Ok(Self {
            plugin: component::load(&plan.component, perf_map)?,
            default_host: default_host::compile(&plan.component)?,
            baseline: baseline
                .map(|file| component::load(file, perf_map))
                .transpose()?,
        })
    }

    /// Returns all contenders, each with one instance or client.
    pub(super) async fn contenders(&self, reach: &Reach) -> Result<Vec<Contender>> {
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
