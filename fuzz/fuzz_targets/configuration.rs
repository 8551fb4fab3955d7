//! Fuzzes the configuration. The input has lines of `field=value` for the metadata and `$VARIABLE=value` for the environment.
//!
//! - An accepted configuration, written as metadata, is accepted again with the same meaning.
//! - The error of a refused configuration names a field.
//! - No secret is shown.

#![no_main]

use dapr_dynamodb::config::Config;
use dapr_dynamodb::credentials::Signing;
use dapr_dynamodb::error::Error;
use dapr_dynamodb::fields::unknown;
use dapr_dynamodb::state::Consistency;
use dapr_dynamodb::text::redact;
use dapr_dynamodb_fuzz::{MARKER, Made, hides_the_secret};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::time::Duration;

/// The fields and variables that contain a secret.
const SECRET: &[&str] = &[
    "secretKey",
    "awsSecretKey",
    "sessionToken",
    "awsSessionToken",
    "primaryEncryptionKey",
    "secondaryEncryptionKey",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// All other fields and variables.
const OPEN: &[&str] = &[
    "accessKey",
    "awsAccessKey",
    "table",
    "region",
    "awsRegion",
    "endpoint",
    "partitionKey",
    "ttlAttributeName",
    "consistency",
    "signing",
    "assumeRoleArn",
    "sessionName",
    "assumeRoleSessionName",
    "externalId",
    "trustAnchorArn",
    "trustProfileArn",
    "maxAttempts",
    "connectTimeout",
    "requestTimeout",
    "unconfirmedWrites",
    "AWS_ACCESS_KEY_ID",
    "DYNAMODB_TABLE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL",
    "DYNAMODB_PARTITION_KEY",
    "DYNAMODB_TTL_ATTRIBUTE_NAME",
    "DYNAMODB_CONSISTENCY",
    "DYNAMODB_SIGNING",
    "AWS_MAX_ATTEMPTS",
    "DYNAMODB_CONNECT_TIMEOUT",
    "DYNAMODB_REQUEST_TIMEOUT",
    "DYNAMODB_UNCONFIRMED_WRITES",
];

fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns the configuration as metadata for `Config::parse`.
fn written(config: &Config) -> Vec<(String, String)> {
    let duration = |duration: Duration| match duration.subsec_nanos() {
        0 => duration.as_secs().to_string(),
        nanos => format!("{}s{nanos}ns", duration.as_secs()),
    };
    let (client, table) = (&config.client, &config.state.table);
    let mut fields = vec![
        ("TABLE", table.name.clone()),
        ("region", client.region.clone()),
        ("endpoint", client.endpoint.url()),
        ("partitionKey", table.partition_key.clone()),
        ("maxAttempts", client.limits.max_attempts.to_string()),
        ("connectTimeout", duration(client.limits.connect_timeout)),
        ("requestTimeout", duration(client.limits.request_timeout)),
    ];
    fields.push(match config.state.consistency {
        Consistency::Eventual => ("consistency", "eventual".to_owned()),
        Consistency::Strong => ("consistency", "strong".to_owned()),
    });
    match &client.signing {
        Signing::Host => fields.push(("signing", "host".to_owned())),
        Signing::Guest(settings) => {
            if let Some(keys) = settings.keys() {
                fields.push(("accessKey", keys.access_key_id().to_owned()));
                fields.push(("secretKey", keys.secret_access_key().to_owned()));
                let token = keys.session_token().unwrap_or_default();
                fields.push(("sessionToken", token.to_owned()));
            }
        }
    }
    if let Some(name) = &table.ttl_attribute {
        fields.push(("ttlAttributeName", name.clone()));
    }
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fuzz_target!(|text: &str| {
    // libFuzzer finds the marker in comparisons and tries it, also in fields that may be shown.
    if text.contains(MARKER) {
        return;
    }
    let mut metadata = Vec::new();
    let mut environment = HashMap::new();
    for line in text.split('\n') {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let variable = name.strip_prefix('$');
        let secret = is_secret(variable.unwrap_or(name)) && !value.is_empty();
        let value = if secret {
            format!("{value}{MARKER}")
        } else {
            value.to_owned()
        };
        match variable {
            Some(variable) => drop(environment.insert(variable.to_owned(), value)),
            None => metadata.push((name.to_owned(), value)),
        }
    }
    let environment = |name: &str| environment.get(name).cloned();
    for name in unknown(&metadata) {
        let mut known = SECRET.iter().chain(OPEN);
        // Environment variables are not fields.
        let known = known.any(|k| k.eq_ignore_ascii_case(name) && !k.contains('_'));
        assert!(!known, "{name} is known");
    }
    match Config::parse(&metadata, &environment, &Made::new(vec![])) {
        Ok(config) => {
            hides_the_secret(&format!("{config:?}"));
            let written = written(&config);
            assert_eq!(unknown(&written), Vec::<&str>::new());
            let again = Config::parse(&written, &|_| None, &Made::new(vec![]));
            let again = again.expect("the written configuration is accepted");
            assert_eq!(self::written(&again), written);
            assert_eq!(again.client.endpoint, config.client.endpoint);
        }
        Err(Error::InvalidConfiguration(sentence)) => {
            let sentence = redact(&sentence);
            hides_the_secret(&sentence);
            let mut names = SECRET.iter().chain(OPEN);
            assert!(names.any(|name| sentence.contains(name)), "{sentence}");
            assert!(sentence.len() < 1_000, "{sentence}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
        }
        Err(error) => panic!("{error}"),
    }
});
