//! An error in a component file is reported with its file, line and field before the store is
//! called.

use crate::calls::{here, here_with};
use host_test::embedded::{Embedded, Storage};
use test_support::ran::{Ran, folder, write};

/// The component file of a state store. `TABLE` is a placeholder.
const STATE_STORE: &str = "\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.aws.dynamodb
  version: v1
  metadata:
    - name: table
      value: \"TABLE\"
    - name: region
      value: local
    - name: endpoint
      envRef: THE_ENDPOINT
    - name: accessKey
      secretKeyRef:
        name: aws
        key: accessKey
    - name: secretKey
      secretKeyRef:
        name: aws
        key: secretKey
";

const SECRETS: &str =
    "{\"aws\": {\"accessKey\": \"AKIDTEST\", \"secretKey\": \"a-secret-of-the-file\"}}";

async fn with_a_table() -> Embedded {
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("orders", "key").await.unwrap();
    engine
}

/// Calls `state …` with this component file and these secrets.
async fn with_file(endpoint: &str, file: &str, secrets: &str, call: &[&str]) -> Ran {
    let connection = ["state", "--component-yaml", file, "--secrets", secrets];
    let environment = [("THE_ENDPOINT", endpoint)];
    here_with(&[&connection, call].concat(), b"", &environment).await
}

#[tokio::test]
async fn component_file_resolves_variables_and_secrets() {
    let (kept, _) = folder();
    let engine = with_a_table().await;
    let file = write(
        kept.path(),
        "store.yaml",
        &STATE_STORE.replace("TABLE", "orders"),
    );
    let secrets = write(kept.path(), "secrets.json", SECRETS);
    let set = with_file(engine.endpoint(), &file, &secrets, &["set", "k", "v"]).await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    assert_eq!(engine.scan("orders").await.unwrap()[0]["value"]["S"], "v");
    let get = with_file(engine.endpoint(), &file, &secrets, &["get", "k"]).await;
    assert_eq!((get.status, get.text()), (0, "v"));
}

#[tokio::test]
async fn error_names_file_line_and_field() {
    let engine = with_a_table().await;
    let (kept, _) = folder();
    let secrets = write(kept.path(), "secrets.json", SECRETS);
    for (wrong, right, told) in [
        (
            "kind: Component",
            "kind: Component\n\tbroken: [",
            ["store.yaml:", ""],
        ),
        (
            "type: state.aws.dynamodb",
            "type: state.redis",
            ["store.yaml:6", "spec.type"],
        ),
        (
            "  type: state.aws.dynamodb\n",
            "",
            ["store.yaml:", "spec.type"],
        ),
        (
            "kind: Component",
            "kind: Configuration",
            ["store.yaml:2", "kind"],
        ),
        (
            "apiVersion: dapr.io/v1alpha1",
            "apiVersion: v2",
            ["store.yaml:1", "apiVersion"],
        ),
        (
            "    - name: region\n",
            "    - nam: region\n",
            ["store.yaml:1", "spec.metadata[1]"],
        ),
        (
            "key: secretKey",
            "key: no-such-key",
            ["store.yaml:2", "spec.metadata[4]"],
        ),
        (
            "      value: local",
            "      value: [local]",
            ["store.yaml:12", "spec.metadata[1].value"],
        ),
    ] {
        assert!(STATE_STORE.contains(wrong), "{wrong}");
        let file = write(
            kept.path(),
            "store.yaml",
            &STATE_STORE.replace(wrong, right),
        );
        let ran = with_file(engine.endpoint(), &file, &secrets, &["get", "k"]).await;
        assert_eq!((ran.status, ran.text()), (1, ""), "{right}");
        for part in told {
            assert!(
                ran.stderr.contains(part),
                "{right:?}: {:?} has no {part:?}",
                ran.stderr
            );
        }
        assert!(
            !ran.stderr.contains("a-secret-of-the-file"),
            "{}",
            ran.stderr
        );
    }
}

#[tokio::test]
async fn refused_configuration_is_printed_with_its_case() {
    let engine = with_a_table().await;
    let (kept, _) = folder();
    let secrets = write(kept.path(), "secrets.json", SECRETS);
    for (table, case) in [
        ("no-such-table", "not-found"),
        ("", "invalid-configuration"),
    ] {
        let file = write(
            kept.path(),
            "store.yaml",
            &STATE_STORE.replace("TABLE", table),
        );
        let ran = with_file(engine.endpoint(), &file, &secrets, &["ping"]).await;
        assert_eq!(ran.status, 1);
        assert!(ran.stderr.contains(case), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn folder_of_component_files_configures_the_store() {
    let (kept, folder) = folder();
    let engine = with_a_table().await;
    let secrets = write(kept.path(), "secrets.json", SECRETS);
    let store = STATE_STORE.replace("TABLE", "orders");
    write(kept.path(), "store.yml", &store);
    write(kept.path(), "broken.yaml", "kind: [\n");
    let pubsub = store.replace("state.aws.dynamodb", "pubsub.redis");
    write(kept.path(), "pubsub.yaml", &pubsub);
    let set = with_file(engine.endpoint(), &folder, &secrets, &["set", "k", "v"]).await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    assert_eq!(engine.scan("orders").await.unwrap()[0]["value"]["S"], "v");
    let told = format!("note: skipped: {folder}/broken.yaml:");
    assert_eq!(set.stderr.matches(&told).count(), 1, "{}", set.stderr);

    let another = store.replace("name: statestore", "name: another");
    write(kept.path(), "another.yaml", &another);
    let get = with_file(engine.endpoint(), &folder, &secrets, &["get", "k"]).await;
    let choose = "choose one with --component-name (another, statestore)";
    assert!(get.stderr.contains(choose), "{}", get.stderr);
    let named = ["get", "k", "--component-name", "another"];
    let get = with_file(engine.endpoint(), &folder, &secrets, &named).await;
    assert_eq!((get.status, get.text()), (0, "v"));
}

#[tokio::test]
async fn error_names_the_missing_file() {
    let ran = here(&["state", "--component-yaml", "no-such-file.yaml", "ping"]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("no-such-file.yaml"), "{}", ran.stderr);
}
