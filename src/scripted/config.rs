//! The configuration of stores and bindings that meet a script.

use crate::aws::endpoint::Endpoint;
use crate::aws::{ClientConfig, Limits, Repeat, SERVICE};
use crate::config::{Config, Fields, Table};
use crate::credentials::Signing;
use crate::state::model::Consistency;
use aws_credential_types::Credentials;
use std::time::Duration;

/// A secret that every request carries.
pub(crate) const SESSION_TOKEN: &str = "session-token-canary";

/// Four attempts of ten seconds.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(10),
    max_attempts: 4,
};

/// The component signs, with those.
pub(crate) fn signing(credentials: &Credentials) -> Signing {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let metadata = [
        field("accessKey", credentials.access_key_id()),
        field("secretKey", credentials.secret_access_key()),
        field(
            "sessionToken",
            credentials.session_token().unwrap_or_default(),
        ),
    ];
    let fields = Fields::new(&metadata, &|_| None);
    Signing::parse(&fields, "eu-west-1", LIMITS).expect("whole keys")
}

/// Table `orders` with the partition key `pk` and its expiry in `expires`;
/// four attempts of ten seconds, so that an operation has forty.
pub(crate) fn config() -> Config {
    Config {
        client: ClientConfig {
            endpoint: Endpoint::of_region(SERVICE, "eu-west-1").expect("a region"),
            region: "eu-west-1".to_owned(),
            signing: signing(&Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                Some(SESSION_TOKEN.to_owned()),
                None,
                "scripted",
            )),
            limits: LIMITS,
        },
        table: Table {
            name: "orders".to_owned(),
            partition_key: "pk".to_owned(),
            ttl_attribute: Some("expires".to_owned()),
        },
        consistency: Consistency::Eventual,
        unconfirmed_writes: Repeat::Never,
    }
}
