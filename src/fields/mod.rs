//! The fields of a configuration. Looks up a field by its names in metadata and environment,
//! and lists the names that exist. Each module parses its own settings from the fields.

pub mod duration;

use crate::error::Error;
use crate::text::{quote, remember};
#[cfg(test)]
use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt;

/// The environment variable that names the table. A component without metadata counts as
/// configured only if this variable is set.
pub const TABLE_VARIABLE: &str = "DYNAMODB_TABLE";

/// Fields of a binding that Dapr's runtime reads to decide about input bindings. They make
/// no difference to an output binding, so there is no reason to warn about them.
///
/// Source: "Bindings" in Dapr's documentation.
const OF_INPUT_BINDINGS: &[&str] = &["direction", "route"];

/// Fields of a state store that Dapr's runtime applies outside the component. If a program
/// relies on one of them without the runtime, it reads and writes other keys, or its outbox
/// messages are not published.
///
/// Source: `pkg/components/state/state_config.go` and
/// `pkg/runtime/processor/state/state.go` of Dapr.
const OF_THE_RUNTIME: &[&str] = &["keyPrefix", "actorStateStore"];

/// The prefix of further fields that Dapr's runtime applies.
///
/// Source: `pkg/runtime/pubsub/outbox.go` of Dapr, which has four.
const OUTBOX: &str = "outbox";

/// The names of the fields that this component reads. They are listed here, rather than
/// collected from look-ups, so that unknown names are reported even if parsing fails early.
pub(crate) const KNOWN: &[&str] = &[
    "accessKey",
    "assumeRoleArn",
    "assumeRoleSessionName",
    "awsAccessKey",
    "awsRegion",
    "awsSecretKey",
    "awsSessionToken",
    "connectTimeout",
    "consistency",
    "endpoint",
    "externalId",
    "maxAttempts",
    "partitionKey",
    "primaryEncryptionKey",
    "region",
    "requestTimeout",
    "secondaryEncryptionKey",
    "secretKey",
    "sessionName",
    "sessionToken",
    "signing",
    "table",
    "trustAnchorArn",
    "trustProfileArn",
    "ttlAttributeName",
    "unconfirmedWrites",
];

/// Fields whose values no error or log sentence shows, even if another value overrides them.
const SECRET: &[&str] = &[
    "awsSecretKey",
    "awsSessionToken",
    "primaryEncryptionKey",
    "secondaryEncryptionKey",
    "secretKey",
    "sessionToken",
];

/// Environment variables whose values no error or log sentence shows.
const SECRET_VARIABLES: &[&str] = &[
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

#[cfg(test)]
thread_local! {
    /// The names that a test has looked up.
    pub(crate) static LOOKED_UP: RefCell<BTreeSet<&'static str>> = RefCell::default();
}

/// Returns the names in `metadata` that this component does not read.
#[must_use]
pub fn unknown(metadata: &[(String, String)]) -> Vec<&str> {
    let is_unknown =
        |given: &&str| !is_one_of(given, KNOWN) && !is_one_of(given, OF_INPUT_BINDINGS);
    let given = metadata.iter().map(|(given, _)| given.as_str());
    given.filter(is_unknown).collect()
}

fn is_one_of(given: &str, names: &[&str]) -> bool {
    names.iter().any(|name| given.eq_ignore_ascii_case(name))
}

/// A value, and the name of the field or environment variable that sets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The value; not empty.
    pub value: String,
    /// The name, as error sentences show it.
    pub name: &'static str,
}

impl Field {
    /// Returns the error for an invalid value. `remedy` says what to set instead.
    #[must_use]
    pub fn refused(&self, remedy: &str) -> Error {
        Error::InvalidConfiguration(format!(
            "invalid `{}` {}: {remedy}",
            self.name,
            quote(&self.value)
        ))
    }
}

/// Returns the error for a required field that is not set; `what` is a value for it.
#[must_use]
pub fn missing(field: &str, what: &str, variable: &str) -> Error {
    Error::InvalidConfiguration(format!(
        "`{field}` is missing: set it to {what}, or set {variable} in the environment"
    ))
}

impl fmt::Debug for Field {
    /// Omits the value, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}

/// The metadata and the environment, in which fields are looked up.
pub struct Fields<'a> {
    metadata: &'a [(String, String)],
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Fields<'_> {
    /// Omits the values, some of which are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'a> Fields<'a> {
    /// Fields of `metadata`, with `environment` as the fallback. Registers their secrets for
    /// redaction at once, because a secret may also be in a field that a sentence quotes.
    pub fn new(
        metadata: &'a [(String, String)],
        environment: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let secret = |(name, _): &&(String, String)| is_one_of(name, SECRET);
        for (_, value) in metadata.iter().filter(secret) {
            remember(value);
        }
        for value in SECRET_VARIABLES.iter().filter_map(|name| environment(name)) {
            remember(&value);
        }
        Self {
            metadata,
            environment,
        }
    }

    /// Returns the field that the metadata sets under the first of `names` that has a value.
    /// If an entry repeats, the last one counts.
    pub fn given(&self, names: &[&'static str]) -> Option<Field> {
        #[cfg(test)]
        LOOKED_UP.with_borrow_mut(|asked| asked.extend(names));
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

    /// Returns the field that an environment variable sets.
    pub fn environment(&self, variable: &'static str) -> Option<Field> {
        let value = (self.environment)(variable).filter(|value| !value.is_empty())?;
        Some(Field {
            value,
            name: variable,
        })
    }

    /// Returns the field from the metadata, or from the environment as the fallback.
    pub fn field(&self, names: &[&'static str], variables: &[&'static str]) -> Option<Field> {
        self.given(names)
            .or_else(|| variables.iter().find_map(|name| self.environment(name)))
    }
}

/// Returns the warning about a metadata field that this component does not read.
pub fn ignored(name: &str) -> String {
    let of_the_runtime = |known: &&str| name.eq_ignore_ascii_case(known);
    let of_the_outbox = name
        .get(..OUTBOX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OUTBOX));
    let quoted = quote(name);
    match of_the_outbox || OF_THE_RUNTIME.iter().any(of_the_runtime) {
        true => format!(
            "the metadata field {quoted} is for Dapr's runtime and is ignored: apply it in the host, or remove it"
        ),
        false => format!(
            "the metadata field {quoted} is unknown and is ignored: check its spelling, or remove it"
        ),
    }
}
