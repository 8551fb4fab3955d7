//! The outcome of a case: it passes, fails with a message, or does not apply for a reason.

use serde::Serialize;
use std::fmt;

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The component keeps the promise of the case.
    Passed,
    /// The component breaks it. Holds the message.
    Failed(String),
    /// The component does not make this promise. Holds the reason.
    NotApplicable(String),
}

impl Outcome {
    /// Returns the name for the output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotApplicable(_) => "not applicable",
        }
    }

    /// Returns the reason that the case did not pass.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(reason) | Self::NotApplicable(reason) => Some(reason),
        }
    }
}

/// The result of a check. The first failed check ends a case.
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
    /// The lines that the component wrote to its standard error during the case, in order and
    /// without repetitions.
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
    /// Counts one outcome.
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
