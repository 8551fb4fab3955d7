//! Reads Dapr component files. Every file that Dapr accepts is accepted here. The error for an invalid file names the
//! file, the line, the field and the text to write instead.
//!
//! [`parse`] returns the components of a text. [`Component::resolve`] returns their metadata, with `envRef` and
//! `secretKeyRef` replaced by their values. The format is Dapr's:
//! <https://docs.dapr.io/reference/resource-specs/component-schema/>.
//!
//! Values may be YAML strings, numbers or booleans. A number or boolean is read as the text that the author wrote. A
//! file may hold several documents. Documents of other kinds and types are skipped, so a file may also configure other
//! components. For a component other than this workspace's own, every state store and output binding is read. A
//! [`Folder`] of files can be read too.

mod document;
mod folder;
mod secrets;

use std::path::Path;
use std::{fmt, fs};

pub use self::{folder::Folder, secrets::Secrets};
use crate::command_line::Failure;

/// The building block that a component implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentType {
    /// `state.aws.dynamodb`, or any other `state.…`
    StateStore,
    /// `bindings.aws.dynamodb`, or any other `bindings.…`
    OutputBinding,
}

impl ComponentType {
    /// Every supported type.
    pub const ALL: [Self; 2] = [Self::StateStore, Self::OutputBinding];

    /// Returns the prefix of `spec.type`.
    fn family(self) -> &'static str {
        match self {
            Self::StateStore => "state.",
            Self::OutputBinding => "bindings.",
        }
    }
}

/// The component types to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Types {
    /// DynamoDB only, which this workspace's own component implements.
    DynamoDb,
    /// Any type, because another component may implement it.
    Any,
}

impl Types {
    /// Returns the name in `spec.type`.
    pub fn name(self, component_type: ComponentType) -> String {
        let family = component_type.family();
        match self {
            Self::DynamoDb => format!("{family}aws.dynamodb"),
            Self::Any => format!("{family}*"),
        }
    }

    /// Returns the names of all of them, for messages.
    fn names(self) -> String {
        ComponentType::ALL
            .map(|known| self.name(known))
            .join(" or ")
    }

    /// Finds a type, ignoring case. Dapr looks a type up in lower case (`pkg/components/state/registry.go`).
    fn component_type(self, type_name: &str) -> Option<ComponentType> {
        let type_name = type_name.to_ascii_lowercase();
        ComponentType::ALL.into_iter().find(|known| match self {
            Self::DynamoDb => self.name(*known) == type_name,
            Self::Any => type_name.starts_with(known.family()),
        })
    }
}

/// One component as its file describes it, before its references are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The file name, as the caller gave it.
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
    /// The source of its value.
    pub value: Value,
    /// The path in the file, for messages: `spec.metadata[2].secretKeyRef`.
    path: String,
    /// The line of the value, counted from 1.
    line: usize,
}

/// The source of a field's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `value`
    Literal(String),
    /// `envRef`: the name of an environment variable.
    EnvRef(String),
    /// `secretKeyRef`: a secret and, if the secret has several values, the key of one.
    SecretKeyRef {
        /// The secret.
        name: String,
        /// The key. If absent, it is the name of the secret.
        key: Option<String>,
    },
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Users often write secret keys as plain values.
            Self::Literal(_) => f.write_str("Literal(***)"),
            Self::EnvRef(variable) => write!(f, "EnvRef({variable})"),
            Self::SecretKeyRef { name, key } => write!(f, "SecretKeyRef({name}, {key:?})"),
        }
    }
}

/// Reads the text of a file, for [`parse`].
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::here(format_args!("{}: {error}", path.display())))
}

/// Returns the components of these types in a text. Fails if there is none. `file` is for messages.
pub fn parse(file: &str, text: &str, types: Types) -> Result<Vec<Component>, Failure> {
    document::components(file, text, types)
}

/// The placeholders that daprd replaces in a value from any source (`convertItemsToProps` in `pkg/runtime/meta/meta.go`
/// of Dapr). Used unreplaced, such a value would name a table that does not exist.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("{uuid}", "a random UUID"),
    ("{podName}", "the name of its pod"),
    ("{namespace}", "its namespace, a dot and its app ID"),
    ("{appID}", "its app ID"),
];

/// The sources that references are looked up in: an environment that the caller passes in, and a secrets file. The
/// process environment is never used.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Returns the value of an environment variable, or `None` if it is not set.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The secrets file, if there is one.
    pub secrets: Option<&'a Secrets>,
}

/// A component's metadata, ready for `init`.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Names and values in the order of the file.
    pub metadata: Vec<(String, String)>,
    /// Notices for the user about variables that are not set. Their fields count as absent, as in Dapr.
    pub notices: Vec<String>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .metadata
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("Resolved")
            .field("metadata", &names)
            .field("notices", &self.notices)
            .finish()
    }
}

impl Component {
    /// Returns the metadata with every reference replaced by its value.
    pub fn resolve(&self, sources: Sources<'_>) -> Result<Resolved, Failure> {
        let mut resolved = Resolved {
            metadata: Vec::with_capacity(self.fields.len()),
            notices: Vec::new(),
        };
        for field in &self.fields {
            let value = match &field.value {
                Value::Literal(value) => value.clone(),
                Value::EnvRef(variable) => (sources.environment)(variable).unwrap_or_else(|| {
                    resolved.notices.push(self.not_set(field, variable));
                    String::new()
                }),
                Value::SecretKeyRef { name, key } => self
                    .secret(field, sources.secrets, name, key.as_deref())?
                    .to_owned(),
            };
            if let Some(placeholder) = PLACEHOLDERS.iter().find(|(name, _)| value.contains(name)) {
                return Err(self.placeholder(field, placeholder));
            }
            resolved.metadata.push((field.name.clone(), value));
        }
        Ok(resolved)
    }

    /// Returns an error without the value, which may be a secret.
    fn placeholder(&self, field: &Field, (name, replaced): &(&str, &str)) -> Failure {
        self.at(
            field,
            format_args!(
                "{} contains {name}, which only daprd replaces (with {replaced}): write the value itself",
                field.name
            ),
        )
    }

    fn not_set(&self, field: &Field, variable: &str) -> String {
        let name = &field.name;
        let told =
            format!("the environment variable {variable} is not set, so {name} counts as absent");
        self.at(field, told).to_string()
    }

    fn at(&self, field: &Field, sentence: impl fmt::Display) -> Failure {
        let (file, line, path) = (&self.file, field.line, &field.path);
        Failure::here(format_args!("{file}:{line}: {path}: {sentence}"))
    }

    fn secret<'s>(
        &self,
        field: &Field,
        secrets: Option<&'s Secrets>,
        name: &str,
        key: Option<&str>,
    ) -> Result<&'s str, Failure> {
        let found = match secrets {
            Some(secrets) => secrets.get(name, key),
            None => Err(Failure::here(format_args!(
                "refers to the secret {name:?}, but no secrets file is given: pass --secrets FILE"
            ))),
        };
        found.map_err(|failure| self.at(field, failure))
    }
}

#[cfg(test)]
mod tests;
