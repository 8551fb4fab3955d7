//! An error about a component file names file, line and field, in the form that editors and
//! terminals turn into a link: `statestore.yaml:12: spec.metadata[2].name: …`.

use std::io;

use super::SecretsError;

/// Why a component file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ComponentFileError {
    /// The file cannot be read as UTF-8 text.
    #[error("{file}: {source}")]
    Unreadable {
        /// The file, as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no YAML.
    #[error("{file}:{line}: not YAML: {problem}")]
    Syntax {
        /// The file, as it was named.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        problem: String,
    },
    /// A field is missing, misplaced, or not what it should be.
    #[error("{file}:{line}: {field}: {problem}")]
    Field {
        /// The file, as it was named.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The field: `spec.metadata[2].name`.
        field: String,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// A secret that a field refers to cannot be had.
    #[error("{file}:{line}: {field}: {source}")]
    Secret {
        /// The file, as it was named.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The field: `spec.metadata[2].secretKeyRef`.
        field: String,
        /// What is wrong.
        source: Box<SecretsError>,
    },
}
