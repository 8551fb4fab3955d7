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
    /// The portable build of the component on `dapr-wasm-host`.
    Component,
    /// The hosted build of the component on `dapr-wasm-host`.
    Hosted,
    /// Another build of the component on `dapr-wasm-host`.
    Baseline,
    /// The portable build on plain wasmtime, which sends requests in its default way.
    DefaultHost,
    /// The AWS SDK for Rust.
    Native,
    /// Requests prepared beforehand, on keep-alive connections: the lower bound.
    Raw,
    /// Dapr's own component, in the worker process of the section `dapr`.
    Dapr,
}

impl Name {
    /// Returns the name shown in tables and pictures.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Hosted => "component, hosted",
            Self::Baseline => "baseline",
            Self::DefaultHost => "component, default host",
            Self::Native => "native SDK",
            Self::Raw => "raw HTTP",
            Self::Dapr => "Dapr (Go)",
        }
    }

    /// Returns true if the report has a ratio of this contender over `other`. It compares both builds with any other
    /// contender, and each contender with the native SDK.
    pub(super) fn is_compared_with(self, other: Self) -> bool {
        let is_build = matches!(self, Self::Component | Self::Hosted);
        self != other && (is_build || other == Self::Native)
    }
}

/// One contender: the client through which it calls.
pub(super) enum Contender {
    Component(Component),
    DefaultHost(DefaultHost),
    Native(Native),
    Raw(Raw),
}

impl Contender {
    /// Does the work that is not timed. Only `Raw` has any: it prepares its requests.
    pub(super) fn prepare(&mut self, task: &Task<'_>) {
        if let Self::Raw(raw) = self {
            raw.prepare(task);
        }
    }

    /// Performs the task. Returns the new ETag if the task writes a single item.
    pub(super) async fn perform(&mut self, task: &Task<'_>) -> Result<Option<String>> {
        match self {
            Self::Component(component) => component.perform(task).await,
            Self::DefaultHost(component) => component::perform(component, task).await,
            Self::Native(native) => native.perform(task).await,
            Self::Raw(raw) => raw.perform().await,
        }
    }
}

/// Fails if a response is wrong. The time of a wrong response means nothing.
pub(super) fn expect(what: &'static str, holds: bool) -> Result<()> {
    ensure!(holds, "wrong response to {what}");
    Ok(())
}
