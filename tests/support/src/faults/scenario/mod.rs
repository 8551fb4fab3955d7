//! A scenario is a file that says in plain words which requests meet which fault; the first fault whose
//! words fit a request is the one that it meets, and a request that none fits is passed on.
//!
//! `file` is what stands in it, `kinds` what can be done to a request, with which `fields`, `when`
//! to which, and `error` what is wrong with it. The same requests in the same order meet the same faults: chance is
//! drawn from the seed of the file.

mod error;
mod fields;
mod file;
mod kinds;
mod when;

use std::path::Path;

pub use self::error::ScenarioError;
pub use self::kinds::{KINDS, Kind};
use self::when::When;
use super::{Action, Arrived, Decision, Director};

/// Told of every request that meets a fault: a line for people.
pub type Report = Box<dyn Fn(String) + Send + Sync>;

/// A scenario, ready to direct a proxy.
pub struct Scenario {
    faults: Vec<Fault>,
    report: Report,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// One fault of a scenario.
#[derive(Debug)]
struct Fault {
    /// None: every operation.
    operations: Vec<String>,
    when: When,
    action: Action,
    /// As it stands in the file.
    words: String,
}

impl Scenario {
    /// Reads a scenario. `report` is told what it does.
    pub fn from_file(file: &Path, report: Report) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(file).map_err(|error| ScenarioError {
            file: file.to_owned(),
            line: None,
            sentence: error.to_string(),
        })?;
        let faults = file::read(&text).map_err(|wrong| wrong.in_file(file, &text))?;
        Ok(Self { faults, report })
    }
}

impl Director for Scenario {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let mut met: Option<&Fault> = None;
        // Each counts the requests that it is about, also those that an earlier one takes.
        for fault in self.faults.iter().filter(|fault| fault.is_about(arrived)) {
            if fault.when.now() && met.is_none() {
                met = Some(fault);
            }
        }
        let action = met.map_or_else(Action::pass, |fault| {
            let Arrived {
                operation,
                nth,
                nth_of_all,
                ..
            } = arrived;
            let words = &fault.words;
            (self.report)(format!("{operation} {nth} (request {nth_of_all}): {words}"));
            fault.action.clone()
        });
        Box::pin(async { action })
    }
}

impl Fault {
    fn is_about(&self, arrived: &Arrived) -> bool {
        self.operations.is_empty() || self.operations.contains(&arrived.operation)
    }
}

#[cfg(test)]
mod tests;
