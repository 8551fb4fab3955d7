//! The component under test, and the configuration of its instances.

use dapr_wasm_host::types::Metadata;
use dapr_wasm_host::{InstanceOptions, Plugin};
use std::time::Duration;

/// The default time limit of one call. It is longer than the retries of a working component.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The component under test.
pub struct Subject {
    /// The component.
    pub plugin: Plugin,
    /// The surroundings of each instance: network and environment. The run sets its time limit and
    /// standard error.
    pub options: InstanceOptions,
    /// The metadata for `init` of the state store. Or the reason that it is not configured and its
    /// cases do not apply.
    pub state: Result<Metadata, String>,
    /// The metadata for `init` of the binding. Or the reason that it is not configured and its
    /// cases do not apply.
    pub binding: Result<Metadata, String>,
    /// An operation of the binding that may be performed. Only the user knows an operation that
    /// does no harm.
    pub invocation: Option<Invocation>,
    /// The time limit of one call.
    pub time_limit: Duration,
}

/// An operation of the binding that succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its name.
    pub operation: String,
    /// Its payload. [`KEY`](Self::KEY) stands for a new key.
    pub data: String,
}

impl Invocation {
    /// The placeholder that each payload replaces with a new key.
    pub const KEY: &str = "{key}";
}

impl std::str::FromStr for Invocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((operation, data)) if !operation.is_empty() => Ok(Self {
                operation: operation.to_owned(),
                data: data.to_owned(),
            }),
            _ => Err("write the operation and its data as OPERATION=DATA".to_owned()),
        }
    }
}

/// Parts of the names of metadata whose values are secrets.
const SECRETS: [&str; 3] = ["secret", "token", "password"];
/// The length of the shortest secret that is searched for. A shorter value may be part of a message
/// by chance.
const SHORTEST_SECRET: usize = 8;

impl Subject {
    /// Returns the values of the configuration that no message may contain.
    pub(super) fn secrets(&self) -> Vec<String> {
        let metadata = [&self.state, &self.binding].into_iter().flatten().flatten();
        metadata
            .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST_SECRET)
            .map(|(_, value)| value.clone())
            .collect()
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocation_is_split_at_the_first_equals_sign() {
        let parsed: Invocation = "create={\"a\":\"=\"}".parse().unwrap();
        assert_eq!(
            (parsed.operation, parsed.data),
            ("create".to_owned(), "{\"a\":\"=\"}".to_owned())
        );
        for wrong in ["create", "={}", ""] {
            assert!(wrong.parse::<Invocation>().is_err(), "{wrong}");
        }
    }
}
