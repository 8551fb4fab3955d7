//! Each contender does the same [`Task`] on the same DynamoDB, by means of its own, and looks at the answer.

pub(super) mod component;
pub(super) mod default_host;
mod native;
mod raw;

use anyhow::{Result, ensure};
use serde::Serialize;

pub(super) use self::{component::Component, default_host::DefaultHost, native::Native, raw::Raw};
use super::cases::Task;

/// Names a contender in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Name {
    /// The component on `dapr-wasm-host`.
    Component,
    /// Another build of the component, likewise.
    Baseline,
    /// The component on wasmtime's own default way to send a request.
    DefaultHost,
    /// The AWS SDK for Rust.
    Native,
    /// Requests that were signed beforehand, on kept connections: less is not possible.
    Raw,
}

impl Name {
    /// Returns the name for people.
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

/// One of those that take part.
pub(super) struct Contender {
    pub(super) name: Name,
    pub(super) means: Means,
}

/// The means by which a contender calls.
pub(super) enum Means {
    Component(Component),
    DefaultHost(DefaultHost),
    Native(Native),
    Raw(Raw),
}

impl Contender {
    /// Does what may be done before the clock starts: signing beforehand, for the floor.
    pub(super) fn prepare(&mut self, task: &Task<'_>) {
        if let Means::Raw(raw) = &mut self.means {
            raw.prepare(task);
        }
    }

    /// Does the task, and gives the ETag that a single write left.
    pub(super) async fn perform(&mut self, task: &Task<'_>) -> Result<Option<String>> {
        match &mut self.means {
            Means::Component(component) => component.perform(task).await,
            Means::DefaultHost(component) => component::perform(component, task).await,
            Means::Native(native) => native.perform(task).await,
            Means::Raw(raw) => raw.perform().await,
        }
    }
}

/// Holds an answer against what is stored: a benchmark of wrong answers is none.
pub(super) fn expect(what: &'static str, holds: bool) -> Result<()> {
    ensure!(holds, "the answer is wrong: {what}");
    Ok(())
}
