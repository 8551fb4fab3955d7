//! Looks a field up by its names. It remembers which names are known, so that
//! the others can be told.

use std::cell::RefCell;
use std::fmt;

/// Names that Dapr's runtime puts into a component's metadata for itself: no
/// reason to warn.
///
/// Source: "State store components" and "Bindings" in Dapr's documentation.
const OF_DAPR: &[&str] = &["actorStateStore", "keyPrefix", "direction", "route"];

/// A value, and the name under which it was given: of a field or of an
/// environment variable.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The value; not empty.
    pub value: String,
    /// The name, for sentences.
    pub name: &'static str,
}

impl fmt::Debug for Field {
    /// Without the value: it may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}

/// Metadata and environment.
pub struct Fields<'a> {
    metadata: &'a [(String, String)],
    environment: &'a dyn Fn(&str) -> Option<String>,
    known: RefCell<Vec<&'static str>>,
}

impl fmt::Debug for Fields<'_> {
    /// Without the values: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'a> Fields<'a> {
    /// Fields of `metadata`, with `environment` behind them.
    pub fn new(
        metadata: &'a [(String, String)],
        environment: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            metadata,
            environment,
            known: RefCell::new(OF_DAPR.to_vec()),
        }
    }

    /// What the metadata gives under the first of `names` that has a value. Of
    /// several entries with one name the last counts.
    pub fn given(&self, names: &[&'static str]) -> Option<Field> {
        self.known.borrow_mut().extend(names);
        names.iter().find_map(|name| {
            self.metadata
                .iter()
                .rev()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .filter(|(_, value)| !value.is_empty())
                .map(|(_, value)| Field {
                    value: value.clone(),
                    name,
                })
        })
    }

    /// What the environment gives.
    pub fn environment(&self, variable: &'static str) -> Option<Field> {
        let value = (self.environment)(variable).filter(|value| !value.is_empty())?;
        Some(Field {
            value,
            name: variable,
        })
    }

    /// What the metadata gives, else the environment.
    pub fn field(&self, names: &[&'static str], variables: &[&'static str]) -> Option<Field> {
        self.given(names)
            .or_else(|| variables.iter().find_map(|name| self.environment(name)))
    }

    /// The names in the metadata that nobody has looked up: ask when all is
    /// parsed.
    pub fn unknown(&self) -> Vec<String> {
        let known = self.known.borrow();
        self.metadata
            .iter()
            .map(|(given, _)| given)
            .filter(|given| !known.iter().any(|known| given.eq_ignore_ascii_case(known)))
            .cloned()
            .collect()
    }
}
