//! The program reads and writes many items as JSON Lines, with a result for each item.

use super::Shell;

#[tokio::test]
async fn json_lines_are_read_back_as_written() {
    let shell = Shell::new().await;
    let mut lines = String::new();
    for i in 0..1200 {
        lines += &format!("{{\"key\":\"k-{i}\",\"value\":{{\"n\": {i}}}}}\n");
    }
    lines += "{\"key\":\"bytes\",\"valueBase64\":\"/wA=\"}\n{\"key\":\"text\",\"valueText\":\"as it stands\"}\n";
    let from_stdin = ["state", "bulk-set", "--jsonl", "-"];
    let set = shell.run_with(&from_stdin, lines.as_bytes(), None).await;
    assert_eq!((set.status, set.stderr.as_str()), (0, ""));
    assert!(
        set.text().starts_with("1202 items set in "),
        "{}",
        set.text()
    );

    let from_stdin = ["state", "bulk-get", "--jsonl", "-"];
    let read = shell.run_with(&from_stdin, lines.as_bytes(), None).await;
    assert_eq!(read.status, 0, "{}", read.stderr);
    let without_etags: String = read
        .json()
        .iter()
        .zip(read.text().lines())
        .map(|(item, line)| {
            let etag = item["etag"].as_str().expect("an ETag");
            line.replace(&format!(",\"etag\":\"{etag}\""), "") + "\n"
        })
        .collect();
    assert!(without_etags == lines, "{without_etags}");

    let from_stdin = ["state", "bulk-delete", "--jsonl", "-"];
    let deleted = shell.run_with(&from_stdin, &read.stdout, None).await;
    assert_eq!(deleted.status, 0, "{}", deleted.stderr);
    assert!(
        deleted.text().starts_with("1202 items deleted in "),
        "{}",
        deleted.text()
    );
    let read = shell.run(&["state", "bulk-get", "k-0", "bytes"]).await;
    assert_eq!(
        (read.status, read.text()),
        (
            0,
            "{\"key\":\"k-0\",\"absent\":true}\n{\"key\":\"bytes\",\"absent\":true}\n"
        )
    );
}

#[tokio::test]
async fn partly_failed_bulk_call_exits_with_1() {
    let shell = Shell::new().await;
    shell.run(&["state", "set", "taken", "1"]).await;
    let lines = b"{\"key\": \"taken\", \"value\": 2, \"concurrency\": \"first-write\"}\n{\"key\": \"free\", \"value\": 3}\n";
    let from_stdin = ["state", "bulk-set", "--json", "--jsonl", "-"];
    let set = shell.run_with(&from_stdin, lines, None).await;
    assert_eq!(set.status, 1);
    let answers = set.json();
    assert_eq!(answers[0]["error"]["case"], "etag-mismatch");
    assert!(answers[1]["etag"].is_string(), "{}", answers[1]);
    assert!(
        set.stderr.contains("\"taken\": etag-mismatch"),
        "{}",
        set.stderr
    );
    let values = shell
        .run(&["state", "bulk-get", "taken", "free"])
        .await
        .json();
    assert_eq!(
        (&values[0]["value"], &values[1]["value"]),
        (&1.into(), &3.into())
    );
}

#[tokio::test]
async fn invalid_line_is_named_and_nothing_is_written() {
    let shell = Shell::new().await;
    let lines = b"{\"key\": \"first\", \"value\": 1}\n{\"key\": \"second\"}\n";
    let from_stdin = ["state", "bulk-set", "--jsonl", "-"];
    let set = shell.run_with(&from_stdin, lines, None).await;
    set.assert_failed("standard input:2: ");
    assert_eq!(shell.table().raw("first").await, None);
}

#[tokio::test]
async fn transaction_is_applied_completely_or_not_at_all() {
    let shell = Shell::new().await;
    shell.run(&["state", "set", "b", "old"]).await;
    let done = shell
        .run(&["state", "transact", "set:a=1", "delete:b"])
        .await;
    assert_eq!(done.status, 0, "{}", done.stderr);
    let told: Vec<&str> = done.text().lines().collect();
    assert!(
        told[0].starts_with("set a ") && told[1] == "deleted b",
        "{told:?}"
    );

    let lines = b"{\"operation\": \"upsert\", \"request\": {\"key\": \"c\", \"value\": 3}}\n\
        {\"operation\": \"delete\", \"request\": {\"key\": \"a\", \"etag\": \"stale\"}}\n";
    let from_stdin = ["state", "transact", "--jsonl", "-"];
    let refused = shell.run_with(&from_stdin, lines, None).await;
    refused.assert_failed("etag-mismatch");
    assert_eq!(shell.run(&["state", "get", "a"]).await.text(), "1");
    assert_eq!(shell.run(&["state", "get", "c"]).await.status, 1);
}

#[tokio::test]
async fn files_are_read_from_the_preopened_folder() {
    let shell = Shell::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("value.bin"), b"\xff\0").unwrap();
    std::fs::write(
        folder.path().join("items.jsonl"),
        "{\"key\": \"b\", \"value\": 2}\n",
    )
    .unwrap();
    let opened = Some(folder.path());
    let set = ["state", "set", "a", "--value-file", "value.bin"];
    assert_eq!(shell.run_with(&set, b"", opened).await.status, 0);
    assert_eq!(shell.run(&["state", "get", "a"]).await.stdout, b"\xff\0");
    let bulk_set = ["state", "bulk-set", "--jsonl", "items.jsonl"];
    assert_eq!(shell.run_with(&bulk_set, b"", opened).await.status, 0);
    assert_eq!(shell.run(&["state", "get", "b"]).await.text(), "2");
    for opened in [None, opened] {
        let missing = ["state", "set", "a", "--value-file", "missing"];
        let refused = shell.run_with(&missing, b"", opened).await;
        refused.assert_failed("missing: ");
    }
}
