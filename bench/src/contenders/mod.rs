//! The contenders. Each performs the same [`Task`] on the same DynamoDB in its own way and checks the response.

pub(super) mod component;
pub(super) mod default_host;
mod native;
mod raw;

use anyhow::{Result, ensure};
use serde::Serialize;

pub(super) use self::{component::Component, default_host::DefaultHost, native::Native, raw::Raw};
use super::cases::Task;

/// The name of a contender in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Name {
    /// The component on `dapr-wasm-host`.
    Component,
    /// Another build of the component on `dapr-wasm-host`.
    Baseline,
    /// The component on plain wasmtime, which sends requests in its default way.
    DefaultHost,
    /// The AWS SDK for Rust.
    Native,
    /// Requests prepared beforehand, on keep-alive connections: the lower bound.
    Raw,
}

impl Name {
    /// Returns the name shown in tables and pictures.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Baseline => "baseline",
            Self::DefaultHost => "component, default host",
            Self::Native => "native SDK",
            Self::Raw => "raw HTTP",
        }
    }
}

/// One contender.
pub(super) struct Contender {
    pub(super) name: Name,
    pub(super) means: Means,
}

/// The client through which a contender calls.
pub(super) enum Means {
    Component(Component),
    DefaultHost(DefaultHost),
    Native(Native),
    Raw(Raw),
}

impl Contender {
    /// Does the work that is not timed. Only `Raw` has any: it prepares its requests.
    pub(super) fn prepare(&mut self, task: &Task<'_>) {
        if let Means::Raw(raw) = &mut self.means {
            raw.prepare(task);
        }
    }

    /// Performs the task. Returns the new ETag if the task writes a single item.
    pub(super) async fn perform(&mut self, task: &Task<'_>) -> Result<Option<String>> {
        match &mut self.means {
            Means::Component(component) => component.perform(task).await,
            Means::DefaultHost(component) => component::perform(component, task).await,
            Means::Native(native) => native.perform(task).await,
            Means::Raw(raw) => raw.perform().await,
        }
    }
}

/// Fails if a response is wrong. The time of a wrong response means nothing.
pub(super) fn expect(what: &'static str, holds: bool) -> Result<()> {
    ensure!(holds, "wrong response to {what}");
    Ok(())
}
