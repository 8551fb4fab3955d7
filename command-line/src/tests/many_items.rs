//! Many items are sent in batches, in their order.

use super::*;

#[tokio::test]
async fn bulk_requests_go_in_batches_and_report_progress() {
    #[derive(Default)]
    struct Heard(std::cell::RefCell<Vec<u64>>);
    impl Progress for Heard {
        fn begin(&self, total: u64) {
            self.0.borrow_mut().push(total);
        }
        fn advance(&self, done: u64) {
            self.0.borrow_mut().push(done);
        }
        fn end(&self) {
            self.0.borrow_mut().push(0);
        }
    }
    let lines: String = (0..2500)
        .map(|n| format!("{{\"key\": \"k{n}\", \"value\": {n}}}\n"))
        .collect();
    let request = request(&["bulk-set", "--jsonl", "-"], lines.as_bytes()).unwrap();
    let (mut store, heard) = (Store::default(), Heard::default());
    let set = with_output(Format::Plain, async |output| {
        request.perform(&mut store, output, &heard).await
    })
    .await;
    assert!(
        set.stdout.starts_with("2500 items set in "),
        "{}",
        set.stdout
    );
    assert_eq!(
        store.calls,
        [("bulk-set", 1000), ("bulk-set", 1000), ("bulk-set", 500)]
    );
    assert_eq!(heard.0.into_inner(), [2500, 1000, 1000, 500, 0]);

    store.calls.clear();
    let get = from_stdin(&mut store, "bulk-get", lines.as_bytes()).await;
    assert_eq!(get.stdout.lines().count(), 2500);
    assert_eq!(
        get.stdout.lines().nth(2499),
        Some(r#"{"key":"k2499","value":2499,"etag":"etag-k2499"}"#)
    );
    assert_eq!(store.calls.len(), 3);
}

#[tokio::test]
async fn bulk_get_and_bulk_delete_read_bulk_get_output() {
    let mut store = Store::default();
    plain(&mut store, &["bulk-set", "a=1", "b=x=y"]).await;
    let get = plain(&mut store, &["bulk-get", "a", "b", "c"]).await;
    let lines = "{\"key\":\"a\",\"value\":1,\"etag\":\"etag-a\"}\n{\"key\":\"b\",\"valueText\":\"x=y\",\"etag\":\"etag-b\"}\n{\"key\":\"c\",\"absent\":true}\n";
    assert_eq!(get, told(lines));
    for command in ["bulk-get", "bulk-delete"] {
        let again = from_stdin(&mut store, command, lines.as_bytes()).await;
        assert_eq!(again.outcome, Ok(Outcome::Done));
    }
}

#[tokio::test]
async fn bulk_set_reads_bulk_get_output_with_items() {
    let mut store = Store::default();
    let lines =
        b"{\"key\":\"a\",\"value\":{\"n\": 1},\"ttl\":9999999999,\"contentType\":\"t/t\"}\n\
                  {\"key\":\"b\",\"valueBase64\":\"/wA=\"}\n";
    let from_stdin = ["bulk-set", "--jsonl", "-"];
    state(&mut store, Format::Plain, &from_stdin, lines).await;
    let get = ["bulk-get", "a", "b", "c"];
    let printed = plain(&mut store, &get).await.stdout;
    let (items, absent) = printed.trim_end().rsplit_once('\n').unwrap();

    let whole = request(&from_stdin, printed.as_bytes()).unwrap_err();
    assert_eq!(
        whole.to_string(),
        "standard input:3: absent: there was no item under the key; there is nothing to set: remove the line",
        "{absent}"
    );
    let StateRequest::BulkSet(requests) = request(&from_stdin, items.as_bytes()).unwrap() else {
        panic!("not a bulk-set");
    };
    let (a, b) = (&requests[0], &requests[1]);
    assert_eq!(
        (a.value.as_slice(), b.value.as_slice()),
        (&b"{\"n\": 1}"[..], &[0xff, 0][..])
    );
    assert_eq!(a.content_type.as_deref(), Some("t/t"));
    assert_eq!(a.etag.as_deref(), Some("etag-a"));
    let left = a.ttl.unwrap();
    assert!((1..9999999999).contains(&left), "{left}");
    assert_eq!(b.ttl, None);
}

#[tokio::test]
async fn bulk_get_output_sets_the_same_bytes() {
    for value in [
        "  {\"a\":1}\n",
        "{\n  \"a\": 1\r\n}",
        "{\"a\" : [ 1.50,\t-0.0, 1E400 ], \"a\": 12345678901234567890123}",
        "\"\\u00e9\\/\\ud800 \u{2028}\"",
        "\u{feff}1",
        "\u{a0}1",
        "\0",
        " ",
        "",
    ] {
        let mut store = Store::default();
        let set = ["set", "k", "-"];
        state(&mut store, Format::Plain, &set, value.as_bytes()).await;
        let get = ["bulk-get", "k"];
        let printed = plain(&mut store, &get).await.stdout;
        assert_eq!(printed.lines().count(), 1, "{printed}");
        let set_again = ["bulk-set", "--jsonl", "-"];
        let request = request(&set_again, printed.as_bytes()).unwrap();
        let StateRequest::BulkSet(requests) = request else {
            panic!("not a bulk-set");
        };
        assert_eq!(requests[0].value, value.as_bytes(), "{printed}");
    }
}

#[tokio::test]
async fn partly_failed_bulk_call_names_the_failed_keys() {
    let mut store = Store::default();
    let line = ["bulk-set", "a=1", "refused=2"];
    let plain = plain(&mut store, &line).await;
    assert_eq!(plain.outcome, Ok(Outcome::PartlyFailed));
    assert!(
        plain.stdout.starts_with("1 item set, 1 failed in "),
        "{}",
        plain.stdout
    );
    assert_eq!(
        plain.stderr,
        "error: \"refused\": etag-mismatch: it differs\n"
    );
    let json = state(&mut store, Format::Json, &line, b"").await;
    assert_eq!(
        json.stdout,
        "{\"key\":\"a\",\"etag\":\"etag-a\"}\n{\"key\":\"refused\",\"error\":{\"case\":\"etag-mismatch\",\"message\":\"it differs\"}}\n"
    );
}

#[tokio::test]
async fn file_error_is_found_before_any_write() {
    let mut store = Store::default();
    let lines = b"{\"key\": \"a\", \"value\": 1}\n{\"key\": \"b\"}\n";
    let set = from_stdin(&mut store, "bulk-set", lines).await;
    assert_eq!(
        set.outcome,
        Err(
            "standard input:2: the value is missing: set value, valueText or valueBase64"
                .to_owned()
        )
    );
    assert!(store.calls.is_empty());
    let absent = request(&["bulk-set", "--jsonl", "no/such.jsonl"], b"").unwrap_err();
    assert!(
        absent.to_string().starts_with("no/such.jsonl: "),
        "{absent}"
    );
}

#[tokio::test]
async fn transaction_prints_new_etags_by_position() {
    let mut store = Store::default();
    let line = ["transact", "set:a=1", "delete:b"];
    let plain = plain(&mut store, &line).await;
    assert_eq!(plain, told("set a etag-a\ndeleted b\n"));
    let json = state(&mut store, Format::Json, &line, b"").await;
    assert_eq!(
        json,
        told("{\"key\":\"a\",\"etag\":\"etag-a\"}\n{\"key\":\"b\"}\n")
    );
}

#[tokio::test]
async fn features_are_listed_with_the_size_of_a_transaction() {
    let mut store = Store::default();
    let plain = plain(&mut store, &["features"]).await;
    assert_eq!(plain, told("etag\ntransactional (up to 7 operations)\n"));
    let json = state(&mut store, Format::Json, &["features"], b"").await;
    assert_eq!(
        json,
        told("{\"features\":[\"etag\",\"transactional\"],\"maxTransactionSize\":7}\n")
    );
}
