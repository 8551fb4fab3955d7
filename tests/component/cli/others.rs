//! Other components of the contract as programs. They can be composed and called like ours, and a
//! missing export is reported.

use super::run;
use std::path::Path;
use std::sync::OnceLock;
use test_support::ran::Ran;
use test_support::wasi_command::{Given, WasiCommand};

fn loaded(file: &Path) -> WasiCommand {
    WasiCommand::load(file).expect("the program loads")
}

/// Runs the memory store as a program. Its items are lost when the run ends.
async fn memory_store(arguments: &[&str], stdin: &[u8]) -> Ran {
    static PROGRAM: OnceLock<WasiCommand> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| loaded(Path::new(env!("MEMORY_STORE_CLI_PATH"))));
    let given = Given {
        arguments,
        stdin,
        ..Given::default()
    };
    run(program, given).await
}

/// Runs a component that exports a state store without ETags and no binding.
async fn state_store_alone(arguments: &[&str]) -> Ran {
    static PROGRAM: OnceLock<WasiCommand> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| loaded(Path::new(env!("MISBEHAVING_CLI_PATH"))));
    let given = Given {
        arguments,
        ..Given::default()
    };
    run(program, given).await
}

#[tokio::test]
async fn memory_store_supports_every_state_command() {
    let set = memory_store(&["state", "set", "k", "-"], b"\xff\0").await;
    assert_eq!((set.status, set.stderr.as_str()), (0, ""));
    assert!(!set.text().trim().is_empty(), "its ETag");
    let get = memory_store(&["state", "get", "k", "--json"], b"").await;
    assert_eq!((get.status, get.text()), (1, "null\n"));
    let stale = ["state", "delete", "k", "--etag", "stale"];
    let refused = memory_store(&stale, b"").await;
    refused.assert_failed("etag-mismatch: ");

    // Requests for one key within one call take effect in their order.
    let lines = b"{\"key\": \"k\", \"value\": 1, \"concurrency\": \"first-write\"}\n\
        {\"key\": \"k\", \"value\": 2, \"concurrency\": \"first-write\"}\n";
    let bulk_set = ["state", "bulk-set", "--jsonl", "-", "--json"];
    let set = memory_store(&bulk_set, lines).await;
    assert_eq!(set.status, 1);
    assert!(set.json()[0]["etag"].is_string(), "{}", set.text());
    assert_eq!(set.json()[1]["error"]["case"], "etag-mismatch");

    let bulk_get = memory_store(&["state", "bulk-get", "a"], b"").await;
    assert_eq!(
        (bulk_get.status, bulk_get.text()),
        (0, "{\"key\":\"a\",\"absent\":true}\n")
    );
    let bulk_delete = memory_store(&["state", "bulk-delete", "a", "b"], b"").await;
    assert!(
        bulk_delete.text().starts_with("2 items deleted in "),
        "{}",
        bulk_delete.text()
    );
    let transact = memory_store(&["state", "transact", "set:a=1"], b"").await;
    transact.assert_failed("unsupported: ");
    assert_eq!(
        memory_store(&["state", "features"], b"").await.text(),
        "etag\nttl\n"
    );
    assert_eq!(memory_store(&["state", "ping"], b"").await.status, 0);
}

#[tokio::test]
async fn memory_stores_binding_can_be_called() {
    let operations = memory_store(&["binding", "operations", "--json"], b"").await;
    assert_eq!(operations.text(), "[\"create\",\"get\"]\n");
    let create = ["binding", "invoke", "create", "-", "--json"];
    let created = memory_store(&create, b"\xff").await;
    assert_eq!(created.status, 0, "{}", created.stderr);
    assert_eq!(
        created.text(),
        "{\"value\":0,\"contentType\":\"text/plain\",\"metadata\":{\"name\":\"0\"}}\n"
    );
    let get = ["binding", "invoke", "get", "--parameter", "name=7"];
    let refused = memory_store(&get, b"").await;
    refused.assert_failed("invalid-argument: name is \"7\"");
    assert_eq!(memory_store(&["binding", "ping"], b"").await.status, 0);
    let refused = memory_store(&["binding", "invoke", "no-such-operation"], b"").await;
    refused.assert_failed("unsupported: ");
}

#[tokio::test]
async fn missing_exports_are_unsupported_and_others_work() {
    let set = state_store_alone(&["state", "set", "k", "v"]).await;
    assert_eq!((set.status, set.text()), (0, "\n"), "a store without ETags");
    let get = state_store_alone(&["state", "get", "k"]).await;
    assert_eq!(
        (get.status, get.stderr.as_str()),
        (1, "error: no item under the key \"k\"\n")
    );
    for command in [
        ["binding", "ping"].as_slice(),
        &["binding", "invoke", "create"],
    ] {
        let refused = state_store_alone(command).await;
        assert_eq!((refused.status, refused.text()), (1, ""));
        assert_eq!(
            refused.stderr,
            "error: unsupported: the component has no binding\n"
        );
    }
    let operations = state_store_alone(&["binding", "operations"]).await;
    assert_eq!((operations.status, operations.text()), (0, ""));
}

#[test]
fn adapter_contains_nothing_about_dynamodb() {
    let program = std::fs::read(Path::new(env!("MEMORY_STORE_CLI_PATH"))).unwrap();
    for word in ["dynamodb", "amazon", "aws_"] {
        let letters = word.as_bytes();
        let found = program
            .windows(letters.len())
            .any(|window| window.eq_ignore_ascii_case(letters));
        assert!(!found, "{word}");
    }
}
