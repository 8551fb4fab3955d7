//! Runs a comparison: its sections one after the other, with all contenders.

use super::arguments::{BenchArguments, Section};
use super::contenders::{
    Component, Contender, DefaultHost, Name, Native, Raw, component, default_host,
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

/// The arguments of a comparison, and the two builds of the component to measure.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) arguments: BenchArguments,
    /// The portable build.
    component: PathBuf,
    /// The hosted build.
    hosted: PathBuf,
    pub(super) progress: ProgressBar,
}

impl Plan {
    /// Plans a comparison with this portable build. Set `shows_progress` if standard error is a terminal.
    pub(super) fn new(arguments: BenchArguments, component: &Path, shows_progress: bool) -> Self {
        let hosted = arguments.hosted.clone();
        Self {
            component: component.to_owned(),
            hosted: hosted.unwrap_or_else(|| fixtures::hosted().to_owned()),
            progress: progress_bar(shows_progress, arguments.steps()),
            arguments,
        }
    }

    /// Returns the files of both builds.
    pub(super) fn builds(&self) -> [(Name, &Path); 2] {
        [
            (Name::Component, &self.component),
            (Name::Hosted, &self.hosted),
        ]
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
        let mut report = Report::new(arguments.quick, &self.component, &self.hosted)?;
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
            report.cold_start = cold_start::measure(self, &store, &plain).await?;
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
    builds: Vec<(Name, Plugin)>,
    baseline: Option<Plugin>,
    default_host: wasmtime::component::Component,
}

impl Subjects {
    fn load(plan: &Plan) -> Result<Self> {
        let load = |file: &Path| component::load(file, plan.arguments.perf_map);
        plan.progress.set_message("loading");
        let mut builds = Vec::new();
        for (name, file) in plan.builds() {
            builds.push((name, load(file)?));
        }
        let baseline = plan.arguments.baseline.as_deref();
        Ok(Self {
            builds,
            baseline: baseline.map(load).transpose()?,
            default_host: default_host::compile(&plan.component)?,
        })
    }

    /// Returns both builds, each with its own pool of `size` instances. `contender` wraps them for a section.
    pub(super) fn components<C>(
        &self,
        reach: &Reach,
        size: NonZeroUsize,
        contender: impl Fn(Component) -> C,
    ) -> Result<Vec<(Name, C)>> {
        let mut components = Vec::new();
        for (name, plugin) in &self.builds {
            components.push((*name, contender(Component::new(plugin, reach, size)?)));
        }
        Ok(components)
    }

    /// Returns all contenders of a latency section, each with one instance or client.
    pub(super) async fn contenders(&self, reach: &Reach) -> Result<Vec<(Name, Contender)>> {
        let one = NonZeroUsize::MIN;
        let mut contenders = self.components(reach, one, Contender::Component)?;
        if let Some(baseline) = &self.baseline {
            let baseline = Contender::Component(Component::new(baseline, reach, one)?);
            contenders.push((Name::Baseline, baseline));
        }
        let default_host = DefaultHost::start(&self.default_host, reach).await?;
        contenders.push((Name::DefaultHost, Contender::DefaultHost(default_host)));
        contenders.push((Name::Native, Contender::Native(Native::new(reach)?)));
        contenders.push((Name::Raw, Contender::Raw(Raw::new(reach)?)));
        Ok(contenders)
    }
}
