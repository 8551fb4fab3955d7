//! What the benchmark does when it does not compare calls: it looks on while many tasks call a DynamoDB that has bad days.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::{
    own_thread,
    retries::{self, RetriesArguments},
    soak::{self, SoakArguments},
};
use host_test::command_line::Failure;

/// Instead of a comparison.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Count what retries add to the load when half of all requests are throttled, then all, and how
    /// soon throughput is back
    Retries(RetriesArguments),
    /// Write and read for a while with faults, kills and cut connections; see that nothing is lost
    /// and that memory stays flat
    Soak(SoakArguments),
}

/// What came of it.
pub(crate) struct Outcome {
    /// For people.
    pub(crate) text: String,
    /// All figures.
    pub(crate) json: Value,
    /// What should not be so, a sentence each.
    pub(crate) broken: Vec<String>,
}

impl BenchCommand {
    /// Where all figures are to be written.
    pub(crate) fn json(&self) -> Option<&Path> {
        let json = match self {
            Self::Retries(arguments) => &arguments.json,
            Self::Soak(arguments) => &arguments.json,
        };
        json.as_deref()
    }

    /// Does it. `shows_progress` where standard error is a terminal.
    pub(crate) async fn run(
        self,
        component: &Path,
        shows_progress: bool,
    ) -> Result<Outcome, Failure> {
        let component = component.to_owned();
        own_thread::run(move || async move {
            super::open_files::allow_all();
            match self {
                Self::Retries(arguments) => {
                    retries::run(&component, &arguments, shows_progress).await
                }
                Self::Soak(arguments) => soak::run(&component, &arguments, shows_progress).await,
            }
        })
        .await
    }
}
