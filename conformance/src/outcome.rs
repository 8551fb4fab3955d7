//! A case passes, fails with a sentence, or does not apply, with the reason.

use serde::Serialize;
use std::fmt;

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The component keeps what the case is about.
    Passed,
    /// It does not, and how.
    Failed(String),
    /// It promises nothing that the case is about, and why not.
    NotApplicable(String),
}

impl Outcome {
    /// Returns the name that is printed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotApplicable(_) => "not applicable",
        }
    }

    /// Returns the reason that it did not pass.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(reason) | Self::NotApplicable(reason) => Some(reason),
        }
    }
}

/// A case before its end: the first thing that is not as promised ends it.
pub(super) type Checked<T = ()> = Result<T, Unmet>;

/// The reason that a case ended early.
#[derive(Clone, Debug)]
pub(super) enum Unmet {
    Failed(String),
    NotApplicable(String),
}

impl Unmet {
    pub(super) fn failed(sentence: impl fmt::Display) -> Self {
        Self::Failed(sentence.to_string())
    }
}

impl From<Checked> for Outcome {
    fn from(checked: Checked) -> Self {
        match checked {
            Ok(()) => Self::Passed,
            Err(Unmet::Failed(reason)) => Self::Failed(reason),
            Err(Unmet::NotApplicable(reason)) => Self::NotApplicable(reason),
        }
    }
}

/// One case that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The behaviour that the case belongs to.
    pub group: &'static str,
    /// The case, as a sentence.
    pub case: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// The lines that the component wrote to its standard error meanwhile, in its order, each line once.
    pub heard: Vec<String>,
}

/// The number of cases with each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that did not apply.
    pub not_applicable: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::NotApplicable(_) => &mut self.not_applicable,
        };
        *counter += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            not_applicable,
        } = self;
        write!(
            f,
            "{passed} passed, {failed} failed, {not_applicable} not applicable"
        )
    }
}
