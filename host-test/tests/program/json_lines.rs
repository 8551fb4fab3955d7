//! A JSON Lines file is checked as a whole before anything is written. Each line gets its own
//! result.

use crate::calls::{here, here_with};
use test_support::ran::{folder, write};

#[tokio::test]
async fn json_lines_file_is_set_and_read_back_in_bulk() {
    let (kept, data) = folder();
    let mut lines = String::new();
    for i in 0..1200 {
        lines += &format!("{{\"key\": \"k-{i}\", \"value\": {{\"n\": {i}}}}}\n");
    }
    lines += "{\"key\": \"bytes\", \"valueBase64\": \"/wA=\"}\n{\"key\": \"text\", \"valueText\": \"as it stands\"}\n";
    let file = write(kept.path(), "items.jsonl", &lines);
    let set = here(&[
        "state",
        "bulk-set",
        "--jsonl",
        &file,
        "--data",
        &data,
        "--count-requests",
    ])
    .await;
    assert_eq!(set.status, 0, "{}", set.stderr);
    assert!(set.text().contains("1202"), "{}", set.text());
    let expected = format!("{} BatchWriteItem", 1000 / 25 + 202_usize.div_ceil(25));
    assert!(set.stderr.contains(&expected), "{}", set.stderr);

    let arguments = [
        "state", "bulk-get", "--data", &data, "k-0", "k-1199", "bytes", "text", "absent",
    ];
    let read = here(&arguments).await;
    assert_eq!(read.status, 0, "{}", read.stderr);
    let items = read.json();
    assert_eq!(
        (&items[0]["value"]["n"], &items[1]["value"]["n"]),
        (&0.into(), &1199.into())
    );
    assert_eq!(
        (&items[2]["valueBase64"], &items[3]["valueText"]),
        (&"/wA=".into(), &"as it stands".into())
    );
    assert_eq!(items[4]["absent"], true);
}

#[tokio::test]
async fn every_bulk_command_accepts_a_json_array() {
    let (kept, data) = folder();
    let items = "\u{feff}[\n  {\"key\": \"a\", \"value\": 1},\n  {\"key\": \"b\", \"valueText\": \"t\"}\n]\n";
    let items = write(kept.path(), "items.json", items);
    let operations = "[{\"operation\": \"delete\", \"request\": {\"key\": \"a\"}}]";
    let operations = write(kept.path(), "operations.json", operations);
    for (command, file, printed) in [
        ("bulk-set", &items, "2 items set"),
        ("bulk-get", &items, "\"valueText\":\"t\""),
        ("transact", &operations, "deleted a"),
        ("bulk-delete", &items, "2 items deleted"),
    ] {
        let ran = here(&["state", command, "--jsonl", file, "--data", &data]).await;
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.text().contains(printed), "{command}: {}", ran.text());
    }
}

#[tokio::test]
async fn invalid_line_is_named_and_nothing_is_written() {
    let (kept, data) = folder();
    for wrong in [
        "not json",
        "{\"value\": 1}",
        "{\"key\": \"k\"}",
        "{\"key\": 7, \"value\": 1}",
        "[]",
        "{\"key\": \"k\", \"absent\": true}",
    ] {
        let lines = format!("{{\"key\": \"first\", \"value\": 1}}\n{wrong}\n");
        let file = write(kept.path(), "items.jsonl", &lines);
        let set = here(&["state", "bulk-set", "--jsonl", &file, "--data", &data]).await;
        assert_eq!((set.status, set.text()), (1, ""), "{wrong}");
        assert!(
            set.stderr.contains("items.jsonl:2"),
            "{wrong}: {}",
            set.stderr
        );
        let get = here(&["state", "get", "--data", &data, "first"]).await;
        assert_eq!(get.status, 1);
    }
}

#[tokio::test]
async fn bulk_get_output_can_be_set_in_another_store() {
    let (_kept, data) = folder();
    let (_kept_too, other) = folder();
    let ttl = ["--metadata", "ttlAttributeName=expiresAt"];
    let of_both = |call: &[&'static str]| [call, &ttl].concat();
    let text = ["state", "set", "text", "as it stands", "--ttl", "3600"];
    for set in [
        of_both(&text),
        of_both(&["state", "set", "json", "{\"a\": 1.0}"]),
    ] {
        let ran = here(&[&set[..], &["--data", &data]].concat()).await;
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }
    let get = of_both(&["state", "bulk-get", "text", "json"]);
    let printed = here(&[&get[..], &["--data", &data]].concat()).await;
    let set = of_both(&["state", "bulk-set", "--jsonl", "-"]);

    // In the same store each ETag still matches; in the other store there is none.
    let again = [&set[..], &["--data", &data]].concat();
    let again = here_with(&again, &printed.stdout, &[]).await;
    assert_eq!(again.status, 0, "{}", again.stderr);
    let copy = [&set[..], &["--data", &other, "--json"]].concat();
    let refused = here_with(&copy, &printed.stdout, &[]).await;
    assert_eq!(refused.json()[0]["error"]["case"], "etag-mismatch");

    let without = printed.json().into_iter().map(|mut line| {
        line.as_object_mut().unwrap().remove("etag");
        format!("{line}\n")
    });
    let without: String = without.collect();
    let copied = here_with(&copy, without.as_bytes(), &[]).await;
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    let found = here(&[&get[..], &["--data", &other]].concat()).await;
    let (found, given) = (found.json(), printed.json());
    assert_eq!(found[0]["valueText"], "as it stands");
    assert_eq!(found[1]["value"], given[1]["value"]);
    let moment = |line: &serde_json::Value| line["expiresAt"].as_u64().unwrap();
    assert!(moment(&found[0]).abs_diff(moment(&given[0])) <= 5);
    assert!(found[1]["expiresAt"].is_null());
}

#[tokio::test]
async fn partly_failed_bulk_call_is_status_1_with_results() {
    let (kept, data) = folder();
    let lines =
        "{\"key\": \"a\", \"value\": 1}\n{\"key\": \"b\", \"value\": 2, \"etag\": \"stale\"}\n";
    let file = write(kept.path(), "items.jsonl", lines);
    let set = here(&[
        "state", "bulk-set", "--jsonl", &file, "--data", &data, "--json",
    ])
    .await;
    assert_eq!(set.status, 1);
    let answers = set.json();
    assert!(answers[0]["etag"].is_string(), "{answers:?}");
    assert_eq!(answers[1]["error"]["case"], "etag-mismatch");
    let get = here(&["state", "get", "--data", &data, "a"]).await;
    assert_eq!((get.status, get.text()), (0, "1"));
}

#[tokio::test]
async fn refused_transaction_writes_nothing() {
    let (kept, data) = folder();
    here(&["state", "set", "--data", &data, "guard", "1"]).await;
    let done = here(&[
        "state",
        "transact",
        "--data",
        &data,
        "set:a=1",
        "delete:guard",
    ])
    .await;
    assert_eq!(done.status, 0, "{}", done.stderr);
    let lines = "{\"operation\": \"upsert\", \"request\": {\"key\": \"b\", \"value\": 1}}\n\
                 {\"operation\": \"delete\", \"request\": {\"key\": \"a\", \"etag\": \"stale\"}}\n";
    let file = write(kept.path(), "transaction.jsonl", lines);
    let refused = here(&["state", "transact", "--data", &data, "--jsonl", &file]).await;
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("etag-mismatch"),
        "{}",
        refused.stderr
    );
    for (key, status) in [("a", 0), ("b", 1), ("guard", 1)] {
        let get = here(&["state", "get", "--data", &data, key]).await;
        assert_eq!(get.status, status, "{key}");
    }
}
