//! Tests of the program `host-test`, run through its library entry like a user at a shell would run
//! it.

use host_test::program::run;
use std::time::SystemTime;
use test_support::ran::{Ran, folder, run_here, write};

pub(super) async fn here(arguments: &[&str]) -> Ran {
    here_with(arguments, b"", &[]).await
}

pub(super) async fn here_with(
    arguments: &[&str],
    stdin: &[u8],
    environment: &[(&str, &str)],
) -> Ran {
    let words = [&["host-test"], arguments].concat();
    run_here(run, &words, stdin, environment).await
}

#[tokio::test]
async fn one_run_reads_the_value_of_another() {
    let (_kept, data) = folder();
    let set = here(&[
        "state",
        "set",
        "--data",
        &data,
        "order-1",
        "{\"total\": 12.50}",
    ])
    .await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    assert_eq!(set.text().trim().len(), 16, "the ETag: {}", set.text());
    let get = here(&["state", "get", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (0, "{\"total\": 12.50}"));
    let delete = here(&["state", "delete", "--data", &data, "order-1"]).await;
    assert_eq!(delete.status, 0, "{}", delete.stderr);
    let get = here(&["state", "get", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (1, ""));
    assert!(get.stderr.contains("order-1"), "{}", get.stderr);
    let get = here(&["state", "get", "--json", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (1, "null\n"));
}

#[tokio::test]
async fn bytes_from_stdin_come_back_unchanged() {
    let (_kept, data) = folder();
    let bytes: Vec<u8> = (0..=255).collect();
    let arguments = ["state", "set", "--data", &data, "bytes", "-"];
    let set = here_with(&arguments, &bytes, &[]).await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    let get = here(&["state", "get", "--data", &data, "bytes"]).await;
    assert_eq!((get.status, get.stdout), (0, bytes));
}

#[tokio::test]
async fn json_output_shows_all_fields_of_the_item() {
    let (_kept, data) = folder();
    let json = ["--data", &data, "--json"];
    let set = [
        "state",
        "set",
        "k",
        "{\"a\": 1.0}",
        "--ttl",
        "3600",
        "--content-type",
        "application/json",
    ];
    let set = here(&[&set[..], &json].concat()).await;
    let etag = set.json().remove(0)["etag"].clone();
    let get = here(&[&["state", "get", "k"][..], &json].concat()).await;
    let item = get.json().remove(0);
    assert_eq!((&item["key"], &item["etag"]), (&"k".into(), &etag));
    assert_eq!(
        (&item["value"]["a"].to_string(), &item["contentType"]),
        (&"1.0".to_owned(), &"application/json".into())
    );
    let expiry = item["expiresAt"].as_u64().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(expiry > now + 3500, "{expiry}");
}

#[tokio::test]
async fn refusal_is_status_1_with_case_and_sentence() {
    let (_kept, data) = folder();
    let set = ["state", "set", "--data", &data, "order-1", "v"];
    here(&set).await;
    for (more, case, named) in [
        (["--first-write"].as_slice(), "etag-mismatch", "order-1"),
        (&["--etag", "stale"], "etag-mismatch", "order-1"),
        (&["--ttl", "-2"], "invalid-argument", "order-1"),
    ] {
        let refused = here(&[&set, more].concat()).await;
        assert_eq!((refused.status, refused.text()), (1, ""));
        assert!(refused.stderr.contains(case), "{}", refused.stderr);
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
        let refused = here(&[&set, more, &["--json"]].concat()).await;
        let error = &refused.json()[0]["error"];
        assert_eq!((refused.status, error["case"].as_str()), (1, Some(case)));
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{error}"
        );
    }
}

#[tokio::test]
async fn demo_runs_without_arguments_and_succeeds() {
    let shown = here(&[]).await;
    assert_eq!(shown.status, 0, "{}\n{}", shown.text(), shown.stderr);
    let text = shown.text().to_lowercase();
    for part in [
        "set",
        "get",
        "etag-mismatch",
        "first",
        "bulk",
        "transact",
        "create",
        "ms",
    ] {
        assert!(
            text.contains(part),
            "{part} is not shown:\n{}",
            shown.text()
        );
    }
    assert!(!shown.text().contains('\u{1b}'), "a pipe gets no colours");
}

#[tokio::test]
async fn binding_is_invoked_and_refusals_are_printed() {
    let (_kept, data) = folder();
    let invoke = |operation, payload| ["binding", "invoke", "--data", &data, operation, payload];
    let created = here(&invoke("create", "{\"key\": \"k\", \"value\": \"7\"}")).await;
    assert_eq!(created.status, 0, "{}", created.stderr);
    let get = here(&["state", "get", "--data", &data, "k"]).await;
    assert_eq!(get.text(), "7");
    for (operation, payload, case) in [
        ("create", "[]", "invalid-argument"),
        ("destroy", "{}", "unsupported"),
    ] {
        let refused = here(&invoke(operation, payload)).await;
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains(case), "{}", refused.stderr);
    }
    let operations = here(&["binding", "operations"]).await;
    assert!(
        operations.text().lines().any(|name| name == "create"),
        "{}",
        operations.text()
    );
}

#[tokio::test]
async fn error_names_the_file_that_is_not_a_component() {
    let (kept, _) = folder();
    let file = write(kept.path(), "not.wasm", "\0asm, or so it says");
    let ran = here(&["state", "ping", "--component", &file]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("component"), "{}", ran.stderr);
}

#[tokio::test]
async fn other_component_is_called_and_its_stderr_shown() {
    let file = fixtures::memory_store().to_str().unwrap();
    let set = ["state", "set", "k", "-", "--component", file];
    let set = here_with(&set, b"v", &[]).await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    assert!(!set.text().trim().is_empty(), "its ETag");
    // The harness passes the configuration of a DynamoDB store. This store does not know those
    // fields and must ignore them by the contract.
    let ignored = "the component says: memory-store ignores the metadata";
    assert!(set.stderr.contains(ignored), "{}", set.stderr);
    let get = here(&["state", "get", "k", "--component", file]).await;
    assert_eq!(get.status, 1, "another run has another instance");
    assert!(
        get.stderr.contains("no item under the key \"k\""),
        "{}",
        get.stderr
    );
    let features = here(&["state", "features", "--component", file]).await;
    assert_eq!((features.status, features.text()), (0, "etag\nttl\n"));
    let refused = [
        "binding",
        "invoke",
        "no-such-operation",
        "--component",
        file,
    ];
    let refused = here(&refused).await;
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("error: unsupported: "),
        "{}",
        refused.stderr
    );
}
