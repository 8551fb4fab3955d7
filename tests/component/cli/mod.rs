//! The component as a program, `dapr_dynamodb_cli.wasm`, run in wasmtime as from a shell.

mod bulk;
mod others;
mod surroundings;
mod wire;

use crate::fixture::{CREDENTIALS, EXPIRES_AT, PATIENCE, Table, engine, now};
use std::path::Path;
use std::sync::OnceLock;
use test_support::ran::Ran;
use test_support::wasi_command::{Given, WasiCommand};

/// Returns the program, compiled once for the whole binary.
fn program() -> &'static WasiCommand {
    static PROGRAM: OnceLock<WasiCommand> = OnceLock::new();
    PROGRAM
        .get_or_init(|| WasiCommand::load(Path::new(env!("CLI_PATH"))).expect("the program loads"))
}

/// Runs a program to its end.
pub async fn run(program: &WasiCommand, given: Given<'_>) -> Ran {
    let ran = program.run(given).await;
    ran.expect("the program runs to its end")
}

/// Runs the program with these environment variables only.
pub async fn with_environment(environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let given = Given {
        arguments,
        environment,
        ..Given::default()
    };
    run(program(), given).await
}

/// A shell in which this table is configured.
pub struct Shell {
    endpoint: String,
    table: Table,
}

impl Shell {
    pub async fn new() -> Self {
        Self {
            endpoint: engine().await.endpoint().to_owned(),
            table: Table::new().await,
        }
    }

    /// Reaches the same table through another endpoint.
    pub fn through(mut self, endpoint: &str) -> Self {
        self.endpoint = endpoint.to_owned();
        self
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"", None).await
    }

    pub async fn run_with(&self, arguments: &[&str], stdin: &[u8], folder: Option<&Path>) -> Ran {
        let mut environment = vec![
            ("DYNAMODB_TABLE", self.table.name.as_str()),
            ("DYNAMODB_TTL_ATTRIBUTE_NAME", EXPIRES_AT),
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("DYNAMODB_CONNECT_TIMEOUT", PATIENCE),
            ("DYNAMODB_REQUEST_TIMEOUT", PATIENCE),
        ];
        environment.extend(CREDENTIALS);
        let given = Given {
            arguments,
            environment: &environment,
            stdin,
            folder,
        };
        run(program(), given).await
    }
}

#[tokio::test]
async fn item_set_in_one_run_is_read_in_another() {
    let shell = Shell::new().await;
    let set = shell
        .run(&["state", "set", "order-1", "{\"total\": 12.50}"])
        .await;
    assert_eq!((set.status, set.stderr.as_str()), (0, ""));
    assert_eq!(set.text().trim().len(), 16, "the ETag: {}", set.text());
    let get = shell.run(&["state", "get", "order-1"]).await;
    assert_eq!(
        (get.status, get.text(), get.stderr.as_str()),
        (0, "{\"total\": 12.50}", "")
    );
    let delete = shell.run(&["state", "delete", "order-1"]).await;
    assert_eq!((delete.status, delete.text()), (0, ""));
    let get = shell.run(&["state", "get", "order-1"]).await;
    get.assert_failed("no item under the key \"order-1\"\n");
    let get = shell.run(&["state", "get", "--json", "order-1"]).await;
    assert_eq!((get.status, get.text()), (1, "null\n"));
}

#[tokio::test]
async fn unknown_option_is_not_stored_as_the_value() {
    let shell = Shell::new().await;
    for mistyped in ["--first-wirte", "--value=-5", "-dash"] {
        let set = shell.run(&["state", "set", "k", mistyped]).await;
        assert_eq!(set.status, 2, "{mistyped}");
        assert!(set.stderr.contains("unexpected argument"), "{}", set.stderr);
    }
    let get = shell.run(&["state", "get", "k"]).await;
    get.assert_failed("no item under the key \"k\"\n");
    for arguments in [&["-5"][..], &["--", "--first-wirte"]] {
        let set = shell
            .run(&[&["state", "set", "k"], arguments].concat())
            .await;
        assert_eq!(set.status, 0, "{}", set.stderr);
        let get = shell.run(&["state", "get", "k"]).await;
        assert_eq!(Some(&get.text()), arguments.last());
    }
}

#[tokio::test]
async fn ttl_must_be_a_whole_number_of_seconds() {
    let shell = Shell::new().await;
    let set = shell.run(&["state", "set", "k", "v", "--ttl", "1h"]).await;
    assert_eq!(set.status, 2);
    let told = "must be a whole number of seconds";
    assert!(set.stderr.contains(told), "{}", set.stderr);
}

#[tokio::test]
async fn bytes_from_stdin_are_read_back_unchanged() {
    let shell = Shell::new().await;
    // More bytes than one read or write of a stream transfers.
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let set = shell
        .run_with(&["state", "set", "bytes", "-"], &bytes, None)
        .await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    let get = shell.run(&["state", "get", "bytes"]).await;
    assert_eq!(get.status, 0, "{}", get.stderr);
    assert!(get.stdout == bytes, "{} bytes", get.stdout.len());
}

#[tokio::test]
async fn json_output_has_every_field_of_the_item() {
    let shell = Shell::new().await;
    let set = [
        "state",
        "set",
        "k",
        "{\"a\": 1.0}",
        "--ttl",
        "3600",
        "--content-type",
        "application/json",
        "--json",
    ];
    let etag = shell.run(&set).await.json().remove(0)["etag"].clone();
    let get = ["--json", "state", "get", "k", "--consistency", "strong"];
    let item = shell.run(&get).await.json().remove(0);
    assert_eq!((&item["key"], &item["etag"]), (&"k".into(), &etag));
    assert_eq!(item["value"]["a"].to_string(), "1.0");
    assert_eq!(item["contentType"], "application/json");
    let expiry = item["expiresAt"].as_u64().unwrap();
    assert!(expiry > now() + 3500, "{expiry}");
}

#[tokio::test]
async fn failed_condition_exits_with_1() {
    let shell = Shell::new().await;
    let set = ["state", "set", "order-1", "v"];
    let etag = shell.run(&set).await.text().trim().to_owned();
    let replaced = shell.run(&[&set[..], &["--etag", &etag]].concat()).await;
    assert_eq!(replaced.status, 0, "{}", replaced.stderr);
    for condition in [["--etag", etag.as_str()].as_slice(), &["--first-write"]] {
        let refused = shell.run(&[&set, condition].concat()).await;
        refused.assert_failed("etag-mismatch: ");
        assert!(refused.stderr.contains("order-1"), "{}", refused.stderr);
        let refused = shell.run(&[&set, condition, &["--json"]].concat()).await;
        assert_eq!(refused.status, 1);
        assert_eq!(refused.json()[0]["error"]["case"], "etag-mismatch");
    }
    let delete = ["state", "delete", "order-1", "--etag", "stale"];
    let refused = shell.run(&delete).await;
    refused.assert_failed("etag-mismatch");
}

#[tokio::test]
async fn features_and_ping_print_their_results() {
    let shell = Shell::new().await;
    let features = shell.run(&["state", "features"]).await;
    assert_eq!(
        features.text(),
        "etag\ntransactional (up to 100 operations)\nttl\n"
    );
    for half in ["state", "binding"] {
        let ping = shell.run(&[half, "ping"]).await;
        assert_eq!(ping.status, 0, "{}", ping.stderr);
        assert!(ping.text().starts_with("ok in "), "{}", ping.text());
    }
}

#[tokio::test]
async fn binding_is_invoked_and_its_errors_are_printed() {
    let shell = Shell::new().await;
    let operations = shell.run(&["binding", "operations"]).await;
    assert!(
        operations.text().lines().any(|name| name == "create"),
        "{}",
        operations.text()
    );
    let payload = b"{\"key\": \"k\", \"value\": \"7\"}";
    let create = ["binding", "invoke", "create", "-"];
    let created = shell.run_with(&create, payload, None).await;
    assert_eq!(created.status, 0, "{}", created.stderr);
    assert_eq!(shell.run(&["state", "get", "k"]).await.text(), "7");
    for (operation, payload, case) in [
        ("create", "[]", "invalid-argument"),
        ("destroy", "{}", "unsupported"),
    ] {
        let refused = shell.run(&["binding", "invoke", operation, payload]).await;
        refused.assert_failed(case);
    }
}
