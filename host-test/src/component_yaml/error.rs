//! An error about a component file names file, line and field, in the form that editors and
//! terminals turn into a link: `statestore.yaml:12: spec.metadata[2].name: …`.

use std::io;

use super::SecretsError;

/// Why a component file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ComponentFileError {
    /// The folder cannot be listed, or the file not be read as UTF-8 text.
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
    /// Two files of a folder have a component of the same name.
    #[error("{file}: the component name {name:?} is in {first} as well: rename one of them")]
    NameTwice {
        /// The file of the second one.
        file: String,
        /// The name of both.
        name: String,
        /// The file of the first one.
        first: String,
    },
    /// No file of a folder has a component of a type that is read.
    #[error("{folder}: no .yaml or .yml file in it holds a component of type {wanted}: add one")]
    NoComponent {
        /// The folder, as it was named.
        folder: String,
        /// The types that are read.
        wanted: String,
    },
}
