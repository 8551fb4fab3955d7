//! The fields of a configuration: looks one up by its names in metadata and
//! environment, and knows which names there are. Each module parses its own settings
//! from them.

pub mod duration;

use crate::error::Error;
use crate::text::{quote, remember};
#[cfg(test)]
use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt;

/// The environment variable that names the table, without which a component
/// that was never told its metadata is not configured.
pub const TABLE_VARIABLE: &str = "DYNAMODB_TABLE";

/// Fields of a binding by which Dapr's runtime decides about input bindings:
/// an output binding is the same without them, so there is no reason to warn.
///
/// Source: "Bindings" in Dapr's documentation.
const OF_INPUT_BINDINGS: &[&str] = &["direction", "route"];

/// Fields of a state store that Dapr's runtime applies outside the component.
/// Without the runtime, a program that relies on one of them finds other keys, or
/// sends messages that nobody publishes.
///
/// Source: `pkg/components/state/state_config.go` and
/// `pkg/runtime/processor/state/state.go` of Dapr.
const OF_THE_RUNTIME: &[&str] = &["keyPrefix", "actorStateStore"];

/// The beginning of the names of more such fields.
///
/// Source: `pkg/runtime/pubsub/outbox.go` of Dapr, which has four.
const OUTBOX: &str = "outbox";

/// Names of the fields that this component reads. It is a table, and not what was
/// looked up, so that unknown names are told also where parsing ends at an error.
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

/// Fields whose values no sentence shows, whether they count or not.
const SECRET: &[&str] = &[
    "awsSecretKey",
    "awsSessionToken",
    "primaryEncryptionKey",
    "secondaryEncryptionKey",
    "secretKey",
    "sessionToken",
];

/// Variables of the environment whose values no sentence shows.
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

/// The names in `metadata` that mean nothing here.
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

/// A value, and the name under which it was given: of a field or of an
/// environment variable.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The value; not empty.
    pub value: String,
    /// The name, for sentences.
    pub name: &'static str,
}

impl Field {
    /// The error of a value that cannot be used, with what to give in its place.
    #[must_use]
    pub fn refused(&self, remedy: &str) -> Error {
        Error::InvalidConfiguration(format!(
            "`{}` is {}: {remedy}",
            self.name,
            quote(&self.value)
        ))
    }
}

/// The error of a required field that nothing gives.
#[must_use]
pub fn missing(field: &str, what: &str, variable: &str) -> Error {
    Error::InvalidConfiguration(format!(
        "`{field}` is missing: give {what}, or set {variable} in the environment"
    ))
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
}

impl fmt::Debug for Fields<'_> {
    /// Without the values: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'a> Fields<'a> {
    /// Fields of `metadata`, with `environment` behind them. Their secrets are
    /// remembered at once: one may also stand in a field that a sentence quotes.
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

    /// The field that the metadata gives under the first of `names` that has a value. Of
    /// several entries with one name the last counts.
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

    /// The field that the environment gives.
    pub fn environment(&self, variable: &'static str) -> Option<Field> {
        let value = (self.environment)(variable).filter(|value| !value.is_empty())?;
        Some(Field {
            value,
            name: variable,
        })
    }

    /// The field that the metadata gives, else the environment.
    pub fn field(&self, names: &[&'static str], variables: &[&'static str]) -> Option<Field> {
        self.given(names)
            .or_else(|| variables.iter().find_map(|name| self.environment(name)))
    }
}

/// The sentence about a field of the metadata that means nothing here.
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
