//! Each line is checked before the first call, and an error names its line.

use super::*;
use crate::model::{DeleteRequest, Operation, SetRequest};

fn set(line: &str) -> SetRequest {
    let mut requests: Vec<SetRequest> = read("f", line.as_bytes()).unwrap();
    requests.remove(0)
}

fn told<L: Line>(text: impl AsRef<[u8]>) -> String {
    match read::<L>("f.jsonl", text.as_ref()) {
        Ok(_) => panic!("it is accepted"),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn all_kinds_of_json_are_stored_unchanged() {
    for json in [
        "{\"b\": 1.50, \"a\" : [1e400, 12345678901234567890123]}",
        "\"a text\\u00e9\"",
        "-0.0",
        "true",
        "null",
        "[ ]",
    ] {
        let request = set(&format!("{{\"key\": \"k\", \"value\": {json} }}"));
        assert_eq!(String::from_utf8(request.value).unwrap(), json);
    }
}

#[test]
fn text_loses_its_quotes_and_base64_is_decoded() {
    assert_eq!(
        set(r#"{"key": "k", "valueText": "a\n\"b"}"#).value,
        b"a\n\"b"
    );
    assert_eq!(
        set(r#"{"key": "k", "valueBase64": "/wA="}"#).value,
        [0xff, 0]
    );
}

#[test]
fn options_accept_contract_and_dapr_spelling() {
    let expected = SetRequest {
        key: "k".to_owned(),
        value: b"1".to_vec(),
        etag: Some("e".to_owned()),
        first_write: true,
        ttl: Some(-1),
        content_type: Some("text/plain".to_owned()),
    };
    let own = r#"{"key": "k", "value": 1, "etag": "e", "ttl": -1, "contentType": "text/plain", "concurrency": "first-write"}"#;
    let daprs = r#"{"key": "k", "value": 1, "etag": "e", "metadata": {"ttlInSeconds": "-1", "contentType": "text/plain"}, "options": {"concurrency": "first-write", "consistency": "strong"}}"#;
    assert_eq!(set(own), expected);
    assert_eq!(set(daprs), expected);
}

#[test]
fn blank_lines_crlf_and_byte_order_mark_are_ignored() {
    let text = "\u{feff}{\"key\": \"a\", \"value\": 1}\r\n\n  \r\n{\"key\": \"b\", \"value\": 2}";
    let requests: Vec<SetRequest> = read("f", text.as_bytes()).unwrap();
    let keys: Vec<&str> = requests
        .iter()
        .map(|request| request.key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b"]);
    assert!(read::<SetRequest>("f", b"").unwrap().is_empty());
    let after_the_mark = "\u{feff} {\"key\": \"a\", \"value\": 1}";
    assert_eq!(set(after_the_mark).key, "a");
}

#[test]
fn json_array_reads_like_its_elements_as_lines() {
    let objects = [
        "{\"key\": \"a\", \"value\": {\"x\": 1.50}, \"etag\": \"e\"}",
        "{\"key\": \"b\", \"valueText\": \"t\"}",
    ];
    let lines: Vec<SetRequest> = read("f", objects.join("\n").as_bytes()).unwrap();
    for array in [
        format!("[{}]", objects.join(",")),
        format!("\u{feff}\r\n[\r\n  {}\r\n]\r\n", objects.join(",\r\n  ")),
    ] {
        assert_eq!(read::<SetRequest>("f", array.as_bytes()).unwrap(), lines);
        let keys = read::<KeyLine>("f", array.as_bytes()).unwrap();
        let keys: Vec<_> = keys.into_iter().map(DeleteRequest::from).collect();
        assert_eq!((keys[0].key.as_str(), keys[1].key.as_str()), ("a", "b"));
        assert_eq!(keys[0].etag.as_deref(), Some("e"));
    }
    let keys = read::<KeyLine>("f", b"[\"a\", {\"key\": \"[b]\"}]").unwrap();
    let keys: Vec<&str> = keys.iter().map(|line| line.key.as_str()).collect();
    assert_eq!(keys, ["a", "[b]"]);
    let operations = "[{\"operation\": \"delete\",\n \"request\": {\"key\": \"a\"}}]";
    assert_eq!(
        read::<OperationLine>("f", operations.as_bytes())
            .unwrap()
            .len(),
        1
    );
    assert!(read::<SetRequest>("f", b" [ ]\n").unwrap().is_empty());
}

#[test]
fn multi_line_value_in_array_is_stored_unchanged() {
    let text = "[\n  {\n    \"key\": \"a\",\n    \"value\": [\n      1\n    ]\n  }\n]";
    let requests: Vec<SetRequest> = read("f", text.as_bytes()).unwrap();
    assert_eq!(requests[0].value, b"[\n      1\n    ]");
}

#[test]
fn error_in_array_names_line_and_column_of_the_file() {
    let good = "[ {\"key\": \"a\", \"value\": 1},\n";
    for (rest, expected) in [
        (
            "  {\"key\": \"b\"}]",
            "2: the value is missing: set value, valueText or valueBase64",
        ),
        ("  {\"value\": 1}]", "2:14: missing field `key`"),
        (
            "  {\"key\": \"b\",\n   \"value\": 1,\n   \"ttl\": 1.5}]",
            "4:13: invalid type: floating point `1.5`, expected i64",
        ),
        ("  [\"b\", 1]]", "2: expected a JSON object"),
        ("  null]", "2: expected a JSON object"),
        (
            "  {\"key\": \"b\" \"value\": 1}]",
            "2:15: expected `,` or `}`; the file begins with `[`, so it is read as one JSON array",
        ),
        (
            "  {\"key\": \"b\", \"value\": 1}]\n[]",
            "3:1: trailing characters; the file begins with `[`, so it is read as one JSON array",
        ),
        (
            "",
            "2:1: EOF while parsing a value; the file begins with `[`, so it is read as one JSON array",
        ),
    ] {
        let told = told::<SetRequest>(format!("{good}{rest}"));
        assert_eq!(told, format!("f.jsonl:{expected}"), "{rest}");
    }
    assert_eq!(
        told::<SetRequest>(b"[\n\"\xff\"]"),
        "f.jsonl:2: not valid UTF-8"
    );
    for element in ["17", "null", "[\"a\"]", "true"] {
        let told = told::<KeyLine>(format!("[\"a\",\n{element}]"));
        assert_eq!(told, "f.jsonl:2: expected a JSON object or string");
    }
    let text = told::<KeyLine>("[a]\n[b]\n");
    assert_eq!(
        text,
        "f.jsonl:1:2: expected value; the file begins with `[`, so it is read as one JSON array"
    );
}

#[test]
fn error_names_file_line_and_column_of_invalid_json() {
    let good = "{\"key\": \"a\", \"value\": 1}\n";
    for (line, expected) in [
        (
            "{\"key\": \"a\", \"value\":",
            "2:21: EOF while parsing a value; write one JSON object per line, with no comma after it",
        ),
        ("{\"value\": 1}", "2:12: missing field `key`"),
        (
            "{\"key\": \"a\"}",
            "2: the value is missing: set value, valueText or valueBase64",
        ),
        (
            "{\"key\": \"a\", \"value\": 1, \"valueText\": \"\"}",
            "2: more than one value: set only one of value, valueText and valueBase64",
        ),
        (
            "{\"key\": \"a\", \"value\": 1, \"ttl\": 1.5}",
            "2:35: invalid type: floating point `1.5`, expected i64",
        ),
        (
            "{\"key\": \"a\", \"value\": 1, \"metadata\": {\"ttlInSeconds\": \"x\"}}",
            "2: ttlInSeconds: \"x\" is not a whole number",
        ),
        (
            "{\"key\": \"a\", \"value\": 1, \"ttl\": 1, \"metadata\": {\"ttlInSeconds\": \"1\"}}",
            "2: more than one expiry: set only one of ttl, ttlInSeconds and expiresAt",
        ),
        (
            "{\"key\": \"a\", \"value\": 1, \"ttl\": 1, \"expiresAt\": 9999999999}",
            "2: more than one expiry: set only one of ttl, ttlInSeconds and expiresAt",
        ),
        (
            "{\"key\":\"a\",\"absent\":true}",
            "2: absent: there was no item under the key; there is nothing to set: remove the line",
        ),
        (
            "{\"key\":\"a\",\"error\":{\"case\":\"timeout\"}}",
            "2: error: the item could not be read; there is nothing to set: remove the line",
        ),
        (
            "{\"key\":\"a\",\"value\":1,\"expiresAt\":1}",
            "2: expiresAt: the item expired at 1; there is nothing to set: remove the line",
        ),
    ] {
        assert_eq!(
            told::<SetRequest>(format!("{good}{line}\n")),
            format!("f.jsonl:{expected}")
        );
    }
    let misspelt = told::<SetRequest>(format!("{good}{{\"key\": \"a\", \"vaule\": 1}}"));
    assert!(
        misspelt.starts_with("f.jsonl:2:20: unknown field `vaule`"),
        "{misspelt}"
    );
    let base64 = told::<SetRequest>("{\"key\": \"a\", \"valueBase64\": \"?\"}");
    assert!(base64.starts_with("f.jsonl:1: valueBase64: "), "{base64}");
    assert_eq!(
        told::<SetRequest>(b"\n\xff\n"),
        "f.jsonl:2: not valid UTF-8"
    );
}

#[test]
fn key_is_an_object_a_json_string_or_the_whole_line() {
    let text = "{\"key\": \"a\", \"value\": 1, \"etag\": \"e\"}\n\"b c\"\nd e\n17\n";
    let deletes: Vec<DeleteRequest> = read::<KeyLine>("f", text.as_bytes())
        .unwrap()
        .into_iter()
        .map(DeleteRequest::from)
        .collect();
    let pairs: Vec<(&str, Option<&str>)> = deletes
        .iter()
        .map(|delete| (delete.key.as_str(), delete.etag.as_deref()))
        .collect();
    assert_eq!(
        pairs,
        [("a", Some("e")), ("b c", None), ("d e", None), ("17", None)]
    );
    assert!(told::<KeyLine>("{\"value\": 1}").starts_with("f.jsonl:1:12: missing field `key`"));
}

#[test]
fn operation_has_the_form_of_a_dapr_transaction() {
    let text = r#"{"operation": "upsert", "request": {"key": "a", "value": {"x": 1}}}
{"operation": "delete", "request": {"key": "b", "etag": "e", "options": {"concurrency": "first-write"}}}
{"operation": "set", "request": {"key": "c", "valueText": "t"}}"#;
    let operations: Vec<Operation> = read::<OperationLine>("f", text.as_bytes())
        .unwrap()
        .into_iter()
        .map(|line| line.0)
        .collect();
    let set = |key: &str, value: &str| {
        Operation::Set(SetRequest {
            key: key.to_owned(),
            value: value.as_bytes().to_vec(),
            ..SetRequest::default()
        })
    };
    let delete = Operation::Delete(DeleteRequest {
        key: "b".to_owned(),
        etag: Some("e".to_owned()),
    });
    assert_eq!(operations, [set("a", "{\"x\": 1}"), delete, set("c", "t")]);
}

#[test]
fn concurrency_of_a_delete_is_accepted_and_ignored() {
    let delete = |more: &str| {
        let request = format!("{{\"key\": \"b\"{more}}}");
        let line = format!("{{\"operation\": \"delete\", \"request\": {request}}}");
        let mut operations = read::<OperationLine>("f", line.as_bytes()).unwrap();
        operations.remove(0).0
    };
    for concurrency in ["first-write", "last-write"] {
        let given = format!("\"concurrency\": \"{concurrency}\"");
        assert_eq!(delete(&format!(", {given}")), delete(""));
        assert_eq!(delete(&format!(", \"options\": {{{given}}}")), delete(""));
        let line = format!("{{\"key\": \"b\", {given}}}");
        let keys = read::<KeyLine>("f", line.as_bytes()).unwrap();
        let deletes: Vec<_> = keys.into_iter().map(DeleteRequest::from).collect();
        assert_eq!(Operation::Delete(deletes[0].clone()), delete(""));
    }
}

#[test]
fn error_in_an_operation_names_its_line() {
    let told = told::<OperationLine>(
        "{\"operation\": \"delete\", \"request\": {\"key\": \"b\"}}\n{\"operation\": \"upsert\", \"request\": {\"key\": \"b\"}}",
    );
    assert_eq!(
        told,
        "f.jsonl:2: request: the value is missing: set value, valueText or valueBase64"
    );
    for line in [
        "{\"operation\": \"update\", \"request\": {}}",
        "{\"operation\": \"delete\"}",
        "[{}]",
    ] {
        assert!(
            super::read::<OperationLine>("f", line.as_bytes()).is_err(),
            "{line}"
        );
    }
}

#[test]
fn line_that_is_not_an_object_is_refused() {
    let good = "{\"key\": \"a\", \"value\": 1}\n";
    for line in ["[\"a\", 1]", "[]", "\"a\"", "17", "null", "a=1"] {
        let told = told::<SetRequest>(format!("{good}{line}\n"));
        assert_eq!(told, "f.jsonl:2: expected a JSON object");
    }
    for line in ["[\"upsert\", {\"key\": \"a\", \"value\": 1}]", "\"delete\""] {
        // At the start of a file, an array would be the list of operations.
        let told = told::<OperationLine>(line);
        assert_eq!(told, "f.jsonl:1: expected a JSON object");
    }
    for (operation, request) in [("delete", "[\"a\", null, null, {}]"), ("upsert", "\"a\"")] {
        let line = format!("{{\"operation\": \"{operation}\", \"request\": {request}}}");
        let told = told::<OperationLine>(line);
        assert_eq!(told, "f.jsonl:1: request: expected a JSON object");
    }
}
