//! A Dapr component file that Dapr takes is taken here, and one that is not says which file, field
//! and line is at fault and what to write instead.
//!
//! [`parse`] gives the components of a text, [`Component::resolve`] their metadata, with `envRef`
//! and `secretKeyRef` replaced by what they stand for. The format is Dapr's:
//! <https://docs.dapr.io/reference/resource-specs/component-schema/>.
//!
//! Values may be YAML strings, numbers or booleans; a number or boolean counts as it is written.
//! A file may hold several documents. Those of other kinds and types are passed over, so that a
//! file that configures more than DynamoDB can be given as it is. For a component that is not this
//! workspace's own, every state store and output binding counts. A [`Folder`] of files is read as
//! well.

mod document;
mod error;
mod folder;
mod node;
mod resolve;
mod secrets;

use std::{fmt, fs, path::Path};

pub use self::{
    error::ComponentFileError,
    folder::Folder,
    resolve::{Resolved, Sources},
    secrets::{Secrets, SecretsError},
};

/// Which building block a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentType {
    /// `state.aws.dynamodb`, or any other `state.…`
    StateStore,
    /// `bindings.aws.dynamodb`, or any other `bindings.…`
    OutputBinding,
}

impl ComponentType {
    /// Every type that is read here.
    pub const ALL: [Self; 2] = [Self::StateStore, Self::OutputBinding];

    /// How `spec.type` begins.
    fn family(self) -> &'static str {
        match self {
            Self::StateStore => "state.",
            Self::OutputBinding => "bindings.",
        }
    }
}

/// Which types of components are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Types {
    /// DynamoDB: what this workspace's own component implements.
    DynamoDb,
    /// Anything: another component may implement it.
    Any,
}

impl Types {
    /// As `spec.type` names it.
    pub fn name(self, component_type: ComponentType) -> String {
        let family = component_type.family();
        match self {
            Self::DynamoDb => format!("{family}aws.dynamodb"),
            Self::Any => format!("{family}*"),
        }
    }

    /// All of them, for messages.
    fn names(self) -> String {
        ComponentType::ALL
            .map(|known| self.name(known))
            .join(" or ")
    }

    /// Dapr looks a type up in lower case (`pkg/components/state/registry.go`).
    fn component_type(self, type_name: &str) -> Option<ComponentType> {
        let type_name = type_name.to_ascii_lowercase();
        ComponentType::ALL.into_iter().find(|known| match self {
            Self::DynamoDb => self.name(*known) == type_name,
            Self::Any => type_name.starts_with(known.family()),
        })
    }
}

/// One component as its file describes it, its references not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The file, as it was named.
    pub file: String,
    /// `metadata.name`
    pub name: String,
    /// `spec.type`
    pub component_type: ComponentType,
    /// `spec.metadata`, in the order of the file.
    pub fields: Vec<Field>,
}

/// One item of `spec.metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `name`
    pub name: String,
    /// What it is set to.
    pub value: Value,
    /// The place in the file for messages: `spec.metadata[2].secretKeyRef`.
    path: String,
    /// The line of the value, counted from 1.
    line: usize,
}

/// What a field is set to.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `value`
    Literal(String),
    /// `envRef`: the name of an environment variable.
    EnvRef(String),
    /// `secretKeyRef`: a secret and, where the secret has several values, the key among them.
    SecretKeyRef {
        /// The secret.
        name: String,
        /// The key; the name of the secret where absent.
        key: Option<String>,
    },
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Files hold secret keys as plain values more often than they should.
            Self::Literal(_) => f.write_str("Literal(***)"),
            Self::EnvRef(variable) => write!(f, "EnvRef({variable})"),
            Self::SecretKeyRef { name, key } => write!(f, "SecretKeyRef({name}, {key:?})"),
        }
    }
}

/// The text of a file, for [`parse`].
pub fn read_text(path: &Path) -> Result<String, ComponentFileError> {
    fs::read_to_string(path).map_err(|source| ComponentFileError::Unreadable {
        file: path.display().to_string(),
        source,
    })
}

/// Reads the components of a text that are of these types, at least one. `file` is for messages.
pub fn parse(file: &str, text: &str, types: Types) -> Result<Vec<Component>, ComponentFileError> {
    document::components(file, node::documents(file, text)?, types)
}

#[cfg(test)]
mod tests;
