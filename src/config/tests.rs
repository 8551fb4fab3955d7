use super::*;
use crate::credentials::Signing;
use crate::fields::{self, ignored, unknown};
use crate::test_support::{Folder, assert_tells};
use aws_credential_types::Credentials;
use std::time::Duration;

fn parse(metadata: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Config, Error> {
    let metadata: Vec<_> = metadata
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let lookup = |wanted: &str| {
        environment
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::parse(&metadata, &lookup, &Folder::default())
}

fn keys(config: &Config) -> &Credentials {
    match &config.client.signing {
        Signing::Guest(settings) => settings.keys().expect("keys that are given"),
        Signing::Host => panic!("the host signs"),
    }
}

const REQUIRED: &[(&str, &str)] = &[
    ("table", "orders"),
    ("region", "eu-west-1"),
    ("accessKey", "AKID"),
    ("secretKey", "c4n4ry-secret"),
];

fn with(more: &[(&'static str, &'static str)]) -> Result<Config, Error> {
    parse(&[REQUIRED, more].concat(), &[])
}

fn message(result: Result<Config, Error>) -> String {
    match result {
        Err(Error::InvalidConfiguration(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn required_fields_suffice_and_the_rest_has_defaults() {
    let config = with(&[]).unwrap();
    assert_eq!(config.state.table.name, "orders");
    assert_eq!(config.state.table.partition_key, "key");
    assert_eq!(config.state.table.ttl_attribute, None);
    assert_eq!(config.state.consistency, Consistency::Eventual);
    assert_eq!(config.state.unconfirmed_writes, Repeat::Never);
    assert_eq!(
        config.client.endpoint.url(),
        "https://dynamodb.eu-west-1.amazonaws.com/"
    );
    assert_eq!(config.client.limits.max_attempts, 4);
    assert_eq!(config.client.limits.connect_timeout, Duration::from_secs(3));
    assert_eq!(
        config.client.limits.request_timeout,
        Duration::from_secs(10)
    );
}

#[test]
fn names_match_in_any_case_and_precede_their_aliases() {
    let config = parse(
        &[
            ("TABLE", "orders"),
            ("AWSREGION", "us-west-2"),
            ("awsAccessKey", "AKID"),
            ("awssecretkey", "c4n4ry-alias"),
            ("PartitionKey", "pk"),
            ("TTLattributeNAME", "expires"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(config.client.region, "us-west-2");
    assert_eq!(keys(&config).access_key_id(), "AKID");
    assert_eq!(config.state.table.partition_key, "pk");
    assert_eq!(config.state.table.ttl_attribute.as_deref(), Some("expires"));
    let config = with(&[("awsRegion", "us-west-2")]).unwrap();
    assert_eq!(config.client.region, "eu-west-1");
}

#[test]
fn environment_fills_unset_and_empty_metadata_fields() {
    let environment = [
        ("DYNAMODB_TABLE", "from-env"),
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", "eu-north-1"),
        ("AWS_ACCESS_KEY_ID", "ENVID"),
        ("AWS_SECRET_ACCESS_KEY", "c4n4ry-env"),
        ("AWS_SESSION_TOKEN", "c4n4ry-token"),
        ("DYNAMODB_PARTITION_KEY", "pk"),
        ("DYNAMODB_TTL_ATTRIBUTE_NAME", "expires"),
        ("DYNAMODB_CONSISTENCY", "strong"),
        ("DYNAMODB_UNCONFIRMED_WRITES", "repeat"),
        ("AWS_MAX_ATTEMPTS", "2"),
        ("DYNAMODB_CONNECT_TIMEOUT", "500ms"),
        ("DYNAMODB_REQUEST_TIMEOUT", "1s"),
    ];
    let config = parse(&[("table", ""), ("partitionKey", "own")], &environment).unwrap();
    assert_eq!(config.state.table.name, "from-env");
    assert_eq!(config.client.region, "eu-north-1");
    assert_eq!(keys(&config).session_token().map(str::len), Some(12));
    assert_eq!(config.state.table.partition_key, "own");
    assert_eq!(config.state.table.ttl_attribute.as_deref(), Some("expires"));
    assert_eq!(config.state.consistency, Consistency::Strong);
    assert_eq!(config.state.unconfirmed_writes, Repeat::Always);
    assert_eq!(config.client.limits.max_attempts, 2);
    assert_eq!(
        config.client.limits.connect_timeout,
        Duration::from_millis(500)
    );
    assert_eq!(config.client.limits.request_timeout, Duration::from_secs(1));
}

#[test]
fn service_endpoint_overrides_common_one_and_needs_no_region() {
    let environment = [
        ("AWS_ENDPOINT_URL", "http://common:1"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://db:2"),
    ];
    let given = [("table", "t"), ("accessKey", "a"), ("secretKey", "b")];
    let config = parse(&given, &environment).unwrap();
    assert_eq!(config.client.endpoint.url(), "http://db:2/");
    assert_eq!(config.client.region, "us-east-1");
    let config = with(&[("endpoint", "http://db:3"), ("region", "any thing")]).unwrap();
    assert_eq!(config.client.region, "any thing");
}

#[test]
fn missing_field_is_named_with_its_variable() {
    let sentence = message(parse(&[("region", "eu-west-1")], &[]));
    assert_tells(&sentence, &["`table`", "DYNAMODB_TABLE"]);
    let sentence = message(parse(&[("table", "orders")], &[]));
    assert_tells(&sentence, &["`region`", "AWS_REGION"]);
}

#[test]
fn half_a_key_pair_is_refused_despite_other_sources() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", "ENVID"),
        ("AWS_SECRET_ACCESS_KEY", "c4n4ry-env"),
    ];
    for (given, named) in [
        (("accessKey", "AKID"), "`secretKey`"),
        (("secretKey", "c4n4ry-secret"), "`accessKey`"),
        (("sessionToken", "c4n4ry-token"), "`accessKey`"),
    ] {
        let metadata = [("table", "t"), ("region", "eu-west-1"), given];
        let sentence = message(parse(&metadata, &environment));
        assert_tells(&sentence, &[named]);
    }
    let half = [("AWS_SECRET_ACCESS_KEY", "c4n4ry-env")];
    let sentence = message(parse(&REQUIRED[..2], &half));
    assert_tells(&sentence, &["AWS_ACCESS_KEY_ID"]);
}

#[test]
fn secret_is_in_neither_errors_nor_debug_output() {
    let config = with(&[("sessionToken", "c4n4ry-token")]).unwrap();
    assert!(!format!("{config:?}").contains("c4n4ry"));
    let sentence = message(with(&[("secretKey", "c4n4ry secret")]));
    assert_tells(&sentence, &["`secretKey`"]);
}

#[test]
fn invalid_value_is_refused_by_its_field() {
    for (name, value) in [
        ("region", "Frankfurt am Main"),
        ("table", "my table"),
        ("table", "x\u{1b}[31m"),
        ("endpoint", "localhost:8000"),
        ("endpoint", "http://user:c4n4ry@localhost"),
        ("partitionKey", "value"),
        ("partitionKey", "etag"),
        ("partitionKey", "contentType"),
        ("ttlAttributeName", "etag"),
        ("ttlAttributeName", "key"),
        ("consistency", "sometimes"),
        ("maxAttempts", "0"),
        ("maxAttempts", "many"),
        ("connectTimeout", "soon"),
        ("requestTimeout", "0s"),
        ("requestTimeout", "18446744073709551615"),
        ("requestTimeout", "151s"),
    ] {
        let sentence = message(with(&[(name, value)]));
        assert!(sentence.contains(&format!("`{name}`")), "{sentence}");
        assert!(!sentence.contains("c4n4ry"), "{sentence}");
    }
}

#[test]
fn invalid_environment_value_is_refused_by_its_variable() {
    for (variable, value) in [
        ("AWS_ENDPOINT_URL", "localhost:8000"),
        ("AWS_DEFAULT_REGION", "Frankfurt"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("DYNAMODB_PARTITION_KEY", "etag"),
        ("DYNAMODB_REQUEST_TIMEOUT", "soon"),
    ] {
        let given = [REQUIRED[0], REQUIRED[2], REQUIRED[3]];
        let environment = [(variable, value), ("AWS_DEFAULT_REGION", "eu-west-1")];
        let sentence = message(parse(&given, &environment));
        assert!(sentence.contains(&format!("`{variable}`")), "{sentence}");
    }
}

#[test]
fn unknown_names_are_reported_except_for_input_bindings() {
    let names = ["tabel", "TABLE", "direction", "Route"];
    let metadata = names.map(|name| (name.to_owned(), String::new()));
    assert_eq!(unknown(&metadata), ["tabel"]);
    assert_eq!(
        ignored("tabel"),
        "the metadata field \"tabel\" is unknown and is ignored: check its spelling, or remove it"
    );
}

#[test]
fn fields_of_daprs_runtime_are_reported_alike() {
    let names = [
        "keyPrefix",
        "KEYPREFIX",
        "actorStateStore",
        "outboxPublishPubsub",
        "outboxPublishTopic",
        "outboxPubsub",
        "outboxDiscardWhenMissingState",
    ];
    let metadata = names.map(|name| (name.to_owned(), "x".to_owned()));
    assert_eq!(unknown(&metadata), names);
    for name in names {
        assert_eq!(
            ignored(name),
            format!(
                "the metadata field \"{name}\" is for Dapr's runtime and is ignored: apply it in the host, or remove it"
            )
        );
    }
    for other in ["keyPréfix", "keyPrefixes", "outbö", ""] {
        assert!(ignored(other).contains("unknown"), "{other}");
    }
}

#[test]
fn known_names_equal_the_names_that_parsing_looks_up() {
    with(&[]).unwrap();
    fields::LOOKED_UP.with_borrow(|asked| {
        let asked: Vec<_> = asked.iter().copied().collect();
        assert_eq!(asked, fields::KNOWN);
    });
}

#[test]
fn dapr_encryption_keys_are_refused_and_not_shown() {
    for name in ["primaryEncryptionKey", "SECONDARYENCRYPTIONKEY"] {
        let error = with(&[(name, "c4n4ry-of-32-hexadecimal-digits")]).unwrap_err();
        let sentence = message(Err(error.clone()));
        let named = sentence.to_lowercase().contains(&name.to_lowercase());
        assert!(named && sentence.contains("before `init`"), "{sentence}");
        assert!(!sentence.contains("c4n4ry"), "{sentence}");
        assert!(with(&[(name, "")]).is_ok(), "an empty value is unset");
    }
}

#[test]
fn secret_in_another_field_is_not_shown() {
    let secret = "c4n4ry/secret+key/of/40/characters/as/AWS";
    let long = format!("c4n4ry{}", "x".repeat(600));
    for (name, secret) in [
        ("secretKey", secret),
        ("awsSecretKey", secret),
        ("SESSIONTOKEN", &long),
        ("awsSessionToken", "  c4n4ry-with-blanks\n"),
        ("primaryEncryptionKey", "c4n4ry-0123456789"),
    ] {
        for wrong in ["region", "consistency", "maxAttempts", "signing"] {
            let error = parse(
                &[REQUIRED, &[(name, secret), (wrong, secret)]].concat(),
                &[],
            );
            let sentence = error.unwrap_err().redacted().to_string();
            assert!(
                !sentence.contains("c4n4ry"),
                "{name} in {wrong}: {sentence}"
            );
        }
    }
    for variable in [
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        let given = [REQUIRED, &[("region", secret)]].concat();
        let error = parse(&given, &[(variable, secret)]).unwrap_err();
        let sentence = error.redacted().to_string();
        assert!(sentence.contains("invalid `region` \"***\""), "{sentence}");
    }
}

#[test]
fn last_value_of_a_repeated_name_counts() {
    let config = with(&[("table", "first"), ("Table", "second")]).unwrap();
    assert_eq!(config.state.table.name, "second");
}

#[test]
fn table_can_be_an_arn() {
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
    assert_eq!(with(&[("table", arn)]).unwrap().state.table.name, arn);
}

#[test]
fn unconfirmed_writes_are_reported_or_repeated() {
    for (value, repeat) in [
        ("report", Repeat::Never),
        ("Repeat", Repeat::Always),
        ("", Repeat::Never),
    ] {
        let config = with(&[("unconfirmedWrites", value)]).unwrap();
        assert_eq!(config.state.unconfirmed_writes, repeat, "{value}");
    }
    let sentence = message(with(&[("UnconfirmedWrites", "retry")]));
    assert_eq!(
        sentence,
        "invalid `unconfirmedWrites` \"retry\": must be `report` or `repeat`"
    );
}

/// Parses a configuration in which the value of `field` has `length` bytes.
fn of_length(field: &str, length: usize) -> Result<Config, Error> {
    let given = [
        ("endpoint", "http://localhost:8000"),
        (field, &*"9".repeat(length)),
    ];
    parse(&[REQUIRED, &given].concat(), &[])
}

#[test]
fn value_of_any_length_is_accepted_or_refused_by_its_field() {
    for (field, longest) in [
        ("table", 1_024),
        ("region", 255),
        ("accessKey", 65_536),
        ("secretKey", 65_536),
        ("sessionToken", 65_536),
        ("partitionKey", 255),
        ("ttlAttributeName", 255),
    ] {
        assert!(of_length(field, longest).is_ok(), "{field}");
        for length in [longest + 1, 1_000_000] {
            let Err(Error::InvalidConfiguration(sentence)) = of_length(field, length) else {
                panic!("{field} of {length}");
            };
            assert!(sentence.contains(field), "{sentence}");
            assert!(sentence.len() < 400, "{} bytes", sentence.len());
        }
    }
}

#[test]
fn long_invalid_value_is_quoted_in_part() {
    for field in [
        "endpoint",
        "consistency",
        "maxAttempts",
        "connectTimeout",
        "requestTimeout",
    ] {
        let error = of_length(field, 1_000_000).unwrap_err().to_string();
        assert!(error.contains(field) && error.len() < 400, "{field}");
    }
}
