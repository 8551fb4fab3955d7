//! References are looked up where the caller says, never in the process itself: an environment
//! that is passed in, and a secrets file.

use super::{Component, ComponentFileError, Field, Secrets, SecretsError, Value};

/// The placeholders that daprd replaces in a value, wherever it comes from (`convertItemsToProps` in
/// `pkg/runtime/meta/meta.go` of Dapr). Taken as it is written, it would name a table that nobody has.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("{uuid}", "a random UUID"),
    ("{podName}", "the name of its pod"),
    ("{namespace}", "its namespace, a dot and its app ID"),
    ("{appID}", "its app ID"),
];

/// Where references are looked up.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Tells the value of an environment variable, `None` where it is not set.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The secrets file, if there is one.
    pub secrets: Option<&'a Secrets>,
}

/// A component's metadata, ready for `init`.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Names and values in the order of the file.
    pub metadata: Vec<(String, String)>,
    /// What a person may want to know: a variable that is not set, so that its field counts as
    /// absent (which is what Dapr makes of it, too).
    pub notices: Vec<String>,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
    /// The metadata with every reference replaced by its value.
    pub fn resolve(&self, sources: Sources<'_>) -> Result<Resolved, ComponentFileError> {
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

    /// Without the value: it may be a secret.
    fn placeholder(&self, field: &Field, (name, replaced): &(&str, &str)) -> ComponentFileError {
        ComponentFileError::Field {
            file: self.file.clone(),
            line: field.line,
            field: field.path.clone(),
            problem: format!(
                "{} holds {name}, which only daprd replaces (by {replaced}): write the text itself",
                field.name
            ),
        }
    }

    fn not_set(&self, field: &Field, variable: &str) -> String {
        format!(
            "{}:{}: {}: the environment variable {variable} is not set, so {} counts as absent",
            self.file, field.line, field.path, field.name
        )
    }

    fn secret<'s>(
        &self,
        field: &Field,
        secrets: Option<&'s Secrets>,
        name: &str,
        key: Option<&str>,
    ) -> Result<&'s str, ComponentFileError> {
        let found = match secrets {
            Some(secrets) => secrets.get(name, key),
            None => Err(SecretsError::NoFile {
                secret: name.to_owned(),
            }),
        };
        found.map_err(|source| ComponentFileError::Secret {
            file: self.file.clone(),
            line: field.line,
            field: field.path.clone(),
            source: Box::new(source),
        })
    }
}
