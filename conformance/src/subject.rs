//! The component that is held against the contract, and how an instance of it is configured.

use dapr_wasm_host::types::Metadata;
use dapr_wasm_host::{InstanceOptions, Plugin};
use std::time::Duration;

/// The longest time of one call, unless more is asked for: longer than the retries of a component that is well.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The component under test.
pub struct Subject {
    /// The component.
    pub plugin: Plugin,
    /// The surroundings of each instance: network, environment. Its time limit and its standard error are those of the run.
    pub options: InstanceOptions,
    /// For `init` of the state store; or why it is not configured, so that its cases do not apply.
    pub state: Result<Metadata, String>,
    /// For `init` of the binding; or why it is not configured, so that its cases do not apply.
    pub binding: Result<Metadata, String>,
    /// An operation that the binding may be asked for. Only who configures it knows what does no harm.
    pub invocation: Option<Invocation>,
    /// The longest time of one call.
    pub time_limit: Duration,
}

/// An operation of the binding that succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its name.
    pub operation: String,
    /// Its payload; [`KEY`](Self::KEY) stands for a key that nobody has used.
    pub data: String,
}

impl Invocation {
    /// The text that is replaced by a new key in each payload.
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
            _ => Err("give the operation and its data as OPERATION=DATA".to_owned()),
        }
    }
}

/// Names of metadata whose values are secrets.
const SECRETS: [&str; 3] = ["secret", "token", "password"];
/// A shorter value stands in many a sentence that has it from elsewhere.
const SHORTEST_SECRET: usize = 8;

impl Subject {
    /// The values of the configuration that no sentence may hold.
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
    fn an_invocation_is_an_operation_and_the_rest_its_data() {
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
