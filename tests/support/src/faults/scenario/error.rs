//! What is wrong with a scenario, with file, line, field and remedy.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {sentence}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ScenarioError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub sentence: String,
}

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Option<Range<usize>>,
    pub(super) sentence: String,
}

impl Wrong {
    pub(super) fn at(span: Range<usize>, sentence: impl Into<String>) -> Self {
        Self {
            span: Some(span),
            sentence: sentence.into(),
        }
    }

    pub(super) fn in_file(self, file: &Path, text: &str) -> ScenarioError {
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
