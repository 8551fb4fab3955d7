//! Tests of valid component files, and of the errors for invalid ones.

mod faults;
mod folder;
mod references;

use super::*;

const COMPLETE: &str = r#"apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
  namespace: default
scopes:
  - app1
auth:
  secretStore: local-secrets
spec:
  type: state.aws.dynamodb
  version: v1
  metadata:
    - name: table
      value: "orders"
    - name: maxAttempts
      value: 4
    - name: flag
      value: true
    - name: endpoint
      envRef: ENDPOINT
    - name: accessKey
      secretKeyRef:
        name: aws
        key: accessKey
    - name: secretKey
      secretKeyRef: { name: "aws:secretKey" }
    - name: sessionToken
      value:
"#;

const SECRETS: &str = r#"{ "aws": { "accessKey": "AKID", "secretKey": "hush", "list": ["1", null, 5, true] }, "top": "t" }"#;

/// Parses a file for this workspace's own component.
fn parse(file: &str, text: &str) -> Result<Vec<Component>, Failure> {
    super::parse(file, text, Types::DynamoDb)
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn resolve(component: &Component, secrets: Option<&Secrets>) -> Result<Resolved, String> {
    let environment = |name: &str| (name == "ENDPOINT").then(|| "http://127.0.0.1:1".to_owned());
    component
        .resolve(Sources {
            environment: &environment,
            secrets,
        })
        .map_err(|error| error.to_string())
}

/// Returns the error for `COMPLETE` with `from` replaced by `to`.
fn sentence_with(from: &str, to: &str) -> String {
    assert!(COMPLETE.contains(from), "{from}");
    sentence(&COMPLETE.replacen(from, to, 1))
}

fn sentence(text: &str) -> String {
    parse("store.yaml", text).unwrap_err().to_string()
}

#[test]
fn complete_file_resolves_metadata_in_order() {
    let components = parse("store.yaml", COMPLETE).unwrap();
    assert_eq!(components.len(), 1);
    assert_eq!(components[0].name, "statestore");
    assert_eq!(components[0].component_type, ComponentType::StateStore);
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    let resolved = resolve(&components[0], Some(&secrets)).unwrap();
    let pairs: Vec<(&str, &str)> = resolved
        .metadata
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("table", "orders"),
            ("maxAttempts", "4"),
            ("flag", "true"),
            ("endpoint", "http://127.0.0.1:1"),
            ("accessKey", "AKID"),
            ("secretKey", "hush"),
            ("sessionToken", ""),
        ]
    );
    assert!(resolved.notices.is_empty());
}

#[test]
fn numbers_and_booleans_keep_their_spelling() {
    for written in [
        "010",
        "1.50",
        "1e3",
        "yes",
        "False",
        "12345678901234567890123",
    ] {
        let text = COMPLETE.replace("value: 4", &format!("value: {written}"));
        let component = &parse("store.yaml", &text).unwrap()[0];
        assert_eq!(
            component.fields[1].value,
            Value::Literal(written.to_owned())
        );
    }
}

#[test]
fn quoted_null_is_text_and_plain_null_is_empty() {
    for (written, value) in [("\"null\"", "null"), ("null", ""), ("~", ""), ("''", "")] {
        let text = COMPLETE.replace("value: 4", &format!("value: {written}"));
        let component = &parse("store.yaml", &text).unwrap()[0];
        assert_eq!(component.fields[1].value, Value::Literal(value.to_owned()));
    }
}

#[test]
fn anchors_and_block_scalars_are_read() {
    let text = COMPLETE
        .replace("value: \"orders\"", "value: &t orders")
        .replace("value: 4", "value: *t")
        .replace("value: true", "value: >-\n        folded\n        text");
    let component = &parse("store.yaml", &text).unwrap()[0];
    assert_eq!(
        component.fields[1].value,
        Value::Literal("orders".to_owned())
    );
    assert_eq!(
        component.fields[2].value,
        Value::Literal("folded text".to_owned())
    );
}

#[test]
fn all_components_of_a_file_are_read_and_others_skipped() {
    let binding = COMPLETE
        .replace("state.aws.dynamodb", "bindings.aws.dynamodb")
        .replace("statestore", "items");
    let other = COMPLETE.replace("state.aws.dynamodb", "pubsub.redis");
    let resiliency = "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\n";
    let text = format!("---\n{COMPLETE}---\n{other}---\n{resiliency}---\n---\n{binding}...\n");
    let components = parse("store.yaml", &text).unwrap();
    let names: Vec<_> = components
        .iter()
        .map(|component| (component.name.as_str(), component.component_type))
        .collect();
    assert_eq!(
        names,
        [
            ("statestore", ComponentType::StateStore),
            ("items", ComponentType::OutputBinding),
        ]
    );
}

#[test]
fn type_and_version_ignore_case_as_in_daprd() {
    for (type_name, version) in [
        ("State.AWS.DynamoDB", "V1"),
        ("state.aws.dynamodb", "V0"),
        ("STATE.AWS.DYNAMODB", "v1"),
    ] {
        let text = COMPLETE
            .replace("state.aws.dynamodb", type_name)
            .replace("version: v1", &format!("version: {version}"));
        let components = parse("store.yaml", &text).unwrap();
        assert_eq!(components[0].component_type, ComponentType::StateStore);
    }
    let other = COMPLETE.replace("state.aws.dynamodb", "Bindings.Kafka");
    let components = super::parse("store.yaml", &other, Types::Any).unwrap();
    assert_eq!(components[0].component_type, ComponentType::OutputBinding);
    assert!(parse("store.yaml", &other).is_err());
}

#[test]
fn byte_order_mark_in_component_file_is_ignored() {
    let text = format!("\u{feff}{COMPLETE}");
    assert_eq!(
        parse("store.yaml", &text).unwrap(),
        parse("store.yaml", COMPLETE).unwrap()
    );
}

#[test]
fn other_component_reads_any_store_or_binding() {
    let text = [
        COMPLETE.replace("state.aws.dynamodb", "state.in-memory"),
        COMPLETE.replace("state.aws.dynamodb", "bindings.kafka"),
        COMPLETE.replace("state.aws.dynamodb", "pubsub.redis"),
    ]
    .join("---\n");
    let components = super::parse("store.yaml", &text, Types::Any).unwrap();
    let types = components.iter().map(|component| component.component_type);
    assert!(types.eq(ComponentType::ALL));
    let only_others = COMPLETE.replace("state.aws.dynamodb", "pubsub.redis");
    let refused = super::parse("store.yaml", &only_others, Types::Any);
    let sentence = refused.unwrap_err().to_string();
    assert!(
        sentence.contains("only state.* or bindings.* is read"),
        "{sentence}"
    );
}
