//! Component files configure `conformance` as they configure a call. A file that configures nothing
//! to run is refused.

use crate::{conformance, path};
use serde_json::json;
use test_support::ran::{folder, write};

#[tokio::test]
async fn component_file_configures_it_like_a_call() {
    let (_kept, data) = folder();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/statestore.yaml");
    let secrets = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/secrets.json");
    let about = [
        "--component-yaml",
        file,
        "--secrets",
        secrets,
        "--data",
        &data,
    ];
    let line = [&["--json", "ping"][..], &about].concat();
    let ran = conformance(&line).await;
    assert_eq!(ran.status, 0, "{}{}", ran.text(), ran.stderr);
    let reason = "the component file configures no bindings.aws.dynamodb";
    assert_eq!(
        ran.json(),
        [
            json!({ "group": "features", "case": "a configured store answers ping", "outcome": "passed" }),
            json!({
                "group": "binding", "case": "a configured binding answers ping",
                "outcome": "not applicable", "reason": reason,
            }),
            json!({ "passed": 1, "failed": 0, "notApplicable": 1 }),
        ]
    );
}

#[tokio::test]
async fn file_of_another_type_configures_only_other_components() {
    let (kept, _) = folder();
    let yaml = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: broken\nspec:\n  \
                type: state.in-memory\n  metadata:\n    - name: break\n      value: absence-is-no-error\n";
    let file = write(kept.path(), "broken.yaml", yaml);
    let component = path(fixtures::broken_promises());
    let line = ["--component-yaml", &file, "absent key is none"];
    let other = conformance(&[&line[..], &["--component", component]].concat()).await;
    assert_eq!(other.status, 1, "{}", other.stderr);
    assert!(other.text().contains(": not-found: "), "{}", other.text());
    let ours = conformance(&line).await;
    assert_eq!((ours.status, ours.text()), (1, ""));
    assert!(
        ours.stderr.contains("only state.aws.dynamodb"),
        "{}",
        ours.stderr
    );
}

/// Creates a pipe whose text only the first reader gets, as with `<(envsubst < store.yaml)`.
#[cfg(unix)]
fn piped(folder: &std::path::Path, name: &str, text: &str) -> String {
    let pipe = folder.join(name);
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (path, mut text) = (pipe.to_str().unwrap().to_owned(), text.to_owned());
    std::thread::spawn(move || {
        while pipe.exists() && std::fs::write(&pipe, std::mem::take(&mut text)).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    path
}

#[cfg(unix)]
#[tokio::test]
async fn component_file_and_secrets_may_be_pipes() {
    let (kept, data) = folder();
    let component = |family| {
        let text = include_str!("../../../examples/statestore.yaml");
        text.replace("state.aws", &format!("{family}.aws"))
    };
    let two = format!("{}---\n{}", component("state"), component("bindings"));
    let secrets = include_str!("../../../examples/secrets.json");
    let ours = path(host_test::component_path());
    for (i, about) in [&[][..], &["--component", ours]].into_iter().enumerate() {
        let file = piped(kept.path(), &format!("two-{i}.yaml"), &two);
        let secrets = piped(kept.path(), &format!("secrets-{i}.json"), secrets);
        let line = ["answers ping", "--data", &data];
        let files = ["--component-yaml", &file, "--secrets", &secrets];
        let ran = conformance(&[&line[..], &files, about].concat()).await;
        assert_eq!(ran.status, 0, "{}{}", ran.text(), ran.stderr);
        let told = "2 passed, 0 failed, 0 not applicable\n";
        assert!(ran.text().ends_with(told), "{}", ran.text());
    }
}

/// Returns a component file of another type than DynamoDB, with this field.
fn of_another_type(family: &str, field: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: a-{family}\nspec:\n  \
         type: {family}.in-memory\n  metadata:\n    - {field}\n"
    )
}

#[tokio::test]
async fn unset_variable_of_a_component_file_is_reported() {
    let (kept, _) = folder();
    let component = path(fixtures::memory_store());
    let unset = |family| of_another_type(family, "{ name: ignored, envRef: NOT_SET }");
    let two = format!("{}---\n{}", unset("state"), unset("bindings"));
    let file = write(kept.path(), "unset.yaml", &two);
    let line = ["--component", component, "answers ping"];
    let ran = conformance(&[&line[..], &["--component-yaml", &file]].concat()).await;
    assert_eq!(ran.status, 0, "{}{}", ran.text(), ran.stderr);
    let told = "the environment variable NOT_SET is not set, so ignored counts as absent\n";
    assert_eq!(ran.stderr.matches(told).count(), 2, "{}", ran.stderr);
}

#[tokio::test]
async fn binding_for_another_dynamodb_does_not_apply() {
    let (kept, _) = folder();
    let component = path(fixtures::memory_store());
    let at = |family, port| {
        let field = format!("{{ name: endpoint, value: 'http://127.0.0.1:{port}' }}");
        of_another_type(family, &field)
    };
    for (port, summary, reason) in [
        (2, "1 passed, 0 failed, 1 not applicable", true),
        (1, "2 passed, 0 failed, 0 not applicable", false),
    ] {
        let two = format!("{}---\n{}", at("state", 1), at("bindings", port));
        let file = write(kept.path(), "two.yaml", &two);
        let line = ["--component", component, "answers ping"];
        let ran = conformance(&[&line[..], &["--component-yaml", &file]].concat()).await;
        let told = "not applicable  binding: a configured binding answers ping: the binding is \
                    configured for another DynamoDB than the state store";
        assert_eq!(ran.text().contains(told), reason, "{}", ran.text());
        assert!(ran.text().contains(summary), "{}{}", ran.text(), ran.stderr);
    }
}

#[tokio::test]
async fn run_that_would_test_nothing_is_refused() {
    let (kept, _) = folder();
    let component = |name, family| {
        format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  \
             type: {family}.aws.dynamodb\n  metadata:\n    - name: table\n      value: state\n"
        )
    };
    let binding = component("b", "bindings");
    let two = format!("{}---\n{binding}", component("a", "state"));
    let two = write(kept.path(), "two.yaml", &two);
    let ping = ["answers ping", "--component-yaml"];
    let refused = async |about: &[&str], told: &str| {
        let ran = conformance(&[&ping[..], about].concat()).await;
        assert_eq!((ran.status, ran.text()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    };
    let unknown = [two.as_str(), "--component-name", "nosuch"];
    refused(
        &unknown,
        "two.yaml: has no component \"nosuch\": choose one of a, b",
    )
    .await;
    // This component is only a state store.
    let store = path(fixtures::misbehaving());
    let binding = write(kept.path(), "binding.yaml", &binding);
    let told = "no case applies: the component file configures no state.*";
    refused(&[binding.as_str(), "--component", store], told).await;
}
