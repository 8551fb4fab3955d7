//! Scenarios: files that say which requests meet which fault. The first fault that matches a
//! request applies to it. A request without a matching fault is passed on.
//!
//! `file` reads the file, and `kinds` has the actions. The same requests in the same order meet the
//! same faults, because random numbers come from the seed in the file.

mod file;
mod kinds;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use self::kinds::{KINDS, Kind};
use super::{Action, Arrived, Decision, Director};

/// Receives one readable line for each request that meets a fault.
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
    /// The operations to which the fault applies. Empty for every operation.
    operations: Vec<String>,
    when: When,
    action: Action,
    /// The action as the file has it.
    words: String,
}

impl Scenario {
    /// Reads a scenario. `report` is called with the faults that it applies.
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
        // Each fault counts the requests that match it, including those to which an earlier fault
        // applies.
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

/// The choice of the matching requests that meet the fault: by count or at random.
#[derive(Debug)]
struct When {
    which: Which,
    progress: Mutex<Progress>,
}

/// The kinds of choice. Counts start at 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Which {
    All,
    Nth(u64),
    First(u64),
    Every(u64),
    Percent(f64),
}

#[derive(Debug)]
struct Progress {
    seen: u64,
    chance: fastrand::Rng,
}

impl When {
    fn new(which: Which, seed: u64) -> Self {
        Self {
            which,
            progress: Mutex::new(Progress {
                seen: 0,
                chance: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    /// Counts a request, and returns true if it meets the fault.
    fn now(&self) -> bool {
        // A panic elsewhere cannot leave the count half written.
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.seen += 1;
        match self.which {
            Which::All => true,
            Which::Nth(nth) => progress.seen == nth,
            Which::First(first) => progress.seen <= first,
            Which::Every(every) => progress.seen.is_multiple_of(every),
            Which::Percent(percent) => progress.chance.f64() * 100.0 < percent,
        }
    }
}

/// A mistake in a scenario, with its position and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {sentence}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ScenarioError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The mistake and the remedy.
    pub sentence: String,
}

/// A mistake and its position in the text.
#[derive(Debug)]
struct Wrong {
    span: Option<Range<usize>>,
    sentence: String,
}

impl Wrong {
    fn at(span: Range<usize>, sentence: impl Into<String>) -> Self {
        Self {
            span: Some(span),
            sentence: sentence.into(),
        }
    }

    fn in_file(self, file: &Path, text: &str) -> ScenarioError {
        let before = self.span.and_then(|span| text.get(..span.start));
        ScenarioError {
            file: file.to_owned(),
            line: before.map(|before| before.matches('\n').count() + 1),
            sentence: self.sentence,
        }
    }
}

impl From<toml::de::Error> for Wrong {
    fn from(error: toml::de::Error) -> Self {
        Self {
            span: error.span(),
            sentence: error.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
