//! The configuration of stores and bindings that meet a script.

use crate::aws::ClientConfig;
use crate::aws::endpoint::Endpoint;
use crate::config::{Config, Table};
use crate::state::model::Consistency;
use aws_credential_types::Credentials;
use std::time::Duration;

/// A secret that every request carries.
pub(crate) const SESSION_TOKEN: &str = "session-token-canary";

/// Table `orders` with the partition key `pk` and its expiry in `expires`;
/// four attempts of ten seconds, so that an operation has forty.
pub(crate) fn config() -> Config {
    Config {
        client: ClientConfig {
            endpoint: Endpoint::of_region("eu-west-1").expect("a region"),
            region: "eu-west-1".to_owned(),
            credentials: Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                Some(SESSION_TOKEN.to_owned()),
                None,
                "scripted",
            ),
            max_attempts: 4,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(10),
        },
        table: Table {
            name: "orders".to_owned(),
            partition_key: "pk".to_owned(),
            ttl_attribute: Some("expires".to_owned()),
        },
        consistency: Consistency::Eventual,
    }
}
