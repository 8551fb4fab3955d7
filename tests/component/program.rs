//! The program `host-test`, run through its library entry as a person at a shell would run it.

use std::path::Path;

use host_test::program::{Surroundings, Terminal, run};
use serde_json::Value;

use crate::fixture::told;

/// What a run left behind.
pub struct Ran {
    pub status: u8,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    /// What it said of errors is text.
    pub fn new(status: u8, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        let stderr = String::from_utf8(stderr).expect("errors are text");
        told(&stderr);
        Self {
            status,
            stdout,
            stderr,
        }
    }

    /// It failed, and all that it printed begins with the reason.
    #[track_caller]
    pub fn assert_failed(&self, reason: &str) {
        assert_eq!((self.status, self.text()), (1, ""), "{}", self.stderr);
        let says = format!("error: {reason}");
        assert!(self.stderr.starts_with(&says), "{}", self.stderr);
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Standard output as JSON, one value a line.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.text().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub async fn host_test(arguments: &[&str]) -> Ran {
    host_test_with(arguments, b"", &[]).await
}

pub async fn host_test_with(
    arguments: &[&str],
    mut stdin: &[u8],
    environment: &[(&str, &str)],
) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let whole = ["host-test"].iter().chain(arguments);
    let status = run(
        whole,
        Surroundings {
            environment: &|asked| {
                let found = environment.iter().find(|(name, _)| *name == asked);
                found.map(|(_, value)| (*value).to_owned())
            },
            stdin: &mut stdin,
            stdout: &mut stdout,
            stderr: &mut stderr,
            terminal: Terminal::default(),
        },
    )
    .await;
    Ran::new(status.code(), stdout, stderr)
}

/// A folder for `--data`, gone with the test.
pub fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

pub fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_one_run_sets_another_run_gets() {
    let (_kept, data) = folder();
    let set = host_test(&[
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
    let get = host_test(&["state", "get", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (0, "{\"total\": 12.50}"));
    let delete = host_test(&["state", "delete", "--data", &data, "order-1"]).await;
    assert_eq!(delete.status, 0, "{}", delete.stderr);
    let get = host_test(&["state", "get", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (1, ""));
    assert!(get.stderr.contains("order-1"), "{}", get.stderr);
    let get = host_test(&["state", "get", "--json", "--data", &data, "order-1"]).await;
    assert_eq!((get.status, get.text()), (1, "null\n"));
}

#[tokio::test]
async fn bytes_from_standard_input_come_back_byte_for_byte() {
    let (_kept, data) = folder();
    let bytes: Vec<u8> = (0..=255).collect();
    let arguments = ["state", "set", "--data", &data, "bytes", "-"];
    let set = host_test_with(&arguments, &bytes, &[]).await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    let get = host_test(&["state", "get", "--data", &data, "bytes"]).await;
    assert_eq!((get.status, get.stdout), (0, bytes));
}

#[tokio::test]
async fn json_output_is_one_value_with_everything_about_the_item() {
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
    let set = host_test(&[&set[..], &json].concat()).await;
    let etag = set.json().remove(0)["etag"].clone();
    let get = host_test(&[&["state", "get", "k"][..], &json].concat()).await;
    let item = get.json().remove(0);
    assert_eq!((&item["key"], &item["etag"]), (&"k".into(), &etag));
    assert_eq!(
        (&item["value"]["a"].to_string(), &item["contentType"]),
        (&"1.0".to_owned(), &"application/json".into())
    );
    let expiry = item["expiresAt"].as_u64().unwrap();
    assert!(expiry > crate::fixture::now() + 3500, "{expiry}");
}

#[tokio::test]
async fn a_refusal_is_exit_status_1_with_its_case_and_its_sentence() {
    let (_kept, data) = folder();
    let set = ["state", "set", "--data", &data, "order-1", "v"];
    host_test(&set).await;
    for (more, case, named) in [
        (["--first-write"].as_slice(), "etag-mismatch", "order-1"),
        (&["--etag", "stale"], "etag-mismatch", "order-1"),
        (&["--ttl", "-2"], "invalid-argument", "order-1"),
    ] {
        let refused = host_test(&[&set, more].concat()).await;
        assert_eq!((refused.status, refused.text()), (1, ""));
        assert!(refused.stderr.contains(case), "{}", refused.stderr);
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
        let refused = host_test(&[&set, more, &["--json"]].concat()).await;
        let error = &refused.json()[0]["error"];
        assert_eq!((refused.status, error["case"].as_str()), (1, Some(case)));
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{error}"
        );
    }
}

#[tokio::test]
async fn without_arguments_it_shows_the_main_job_and_ends_with_success() {
    let shown = host_test(&[]).await;
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
async fn a_binding_is_invoked_and_its_refusals_are_told() {
    let (_kept, data) = folder();
    let invoke = |operation, payload| ["binding", "invoke", "--data", &data, operation, payload];
    let created = host_test(&invoke("create", "{\"key\": \"k\", \"value\": \"7\"}")).await;
    assert_eq!(created.status, 0, "{}", created.stderr);
    let get = host_test(&["state", "get", "--data", &data, "k"]).await;
    assert_eq!(get.text(), "7");
    for (operation, payload, case) in [
        ("create", "[]", "invalid-argument"),
        ("destroy", "{}", "unsupported"),
    ] {
        let refused = host_test(&invoke(operation, payload)).await;
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains(case), "{}", refused.stderr);
    }
    let operations = host_test(&["binding", "operations"]).await;
    assert!(
        operations.text().lines().any(|name| name == "create"),
        "{}",
        operations.text()
    );
}

#[tokio::test]
async fn a_file_that_is_no_component_is_named() {
    let (kept, _) = folder();
    let file = write(kept.path(), "not.wasm", "\0asm, or so it says");
    let ran = host_test(&["state", "ping", "--component", &file]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("component"), "{}", ran.stderr);
}
