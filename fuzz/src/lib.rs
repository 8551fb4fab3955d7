//! Code that the fuzz targets share: a platform whose responses come from the fuzzer, and a secret that no error may show.

mod platform;
mod sdk;
mod secret;

pub use platform::{Made, Sent, run};
pub use sdk::{read_answer, read_plainly, written};
pub use secret::{MARKER, hides_the_secret};

use dapr_dynamodb::config::Config;
use dapr_dynamodb::state::Table;

/// The attribute name of the partition key.
pub const PARTITION_KEY: &str = "pk";

/// The attribute name of the expiry.
pub const EXPIRES: &str = "expires";

/// Returns a usual table.
#[must_use]
pub fn table() -> Table {
    Table {
        name: "orders".to_owned(),
        partition_key: PARTITION_KEY.to_owned(),
        ttl_attribute: Some(EXPIRES.to_owned()),
    }
}

/// Returns a configuration with [`table`] and with credentials that contain the secret.
///
/// # Panics
///
/// Never: the configuration is complete.
#[must_use]
pub fn config() -> Config {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let metadata = [
        field("table", &table().name),
        field("region", "eu-west-1"),
        field("accessKey", "AKIDEXAMPLE"),
        field("secretKey", MARKER),
        field("sessionToken", MARKER),
        field("partitionKey", PARTITION_KEY),
        field("ttlAttributeName", EXPIRES),
    ];
    Config::parse(&metadata, &|_| None, &Made::new(vec![])).expect("a complete configuration")
}
