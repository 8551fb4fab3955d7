//! The operation `create` of the binding. It stores a JSON object as an item, with one attribute
//! per member, and refuses any other data. A number keeps every digit that DynamoDB can store. A
//! number that DynamoDB cannot store is refused with an error that names the member.

use crate::fixture::{SECRET_KEY, Settings, Store, Table, assert_refused};
use serde_json::json;

/// Returns a table and a binding to it.
async fn bound() -> (Table, Store) {
    let table = Table::new().await;
    let binding = table.settings().await.binding().await;
    (table, binding)
}

#[tokio::test]
async fn each_member_becomes_an_attribute_of_its_type() {
    let (table, mut binding) = bound().await;
    let data = r#"{
        "key": "order-1", "text": "täxt \u23f1", "empty": "", "whole": 7, "negative": -1.5,
        "yes": true, "no": false, "nothing": null,
        "list": ["a", 1, true, null, [], {}], "map": {"inner": {"deep": [1]}, "none": {}}
    }"#;
    binding.create(data).await.unwrap();
    let expected = json!({
        "key": { "S": "order-1" }, "text": { "S": "täxt ⏱" }, "empty": { "S": "" },
        "whole": { "N": "7" }, "negative": { "N": "-1.5" },
        "yes": { "BOOL": true }, "no": { "BOOL": false }, "nothing": { "NULL": true },
        "list": { "L": [
            { "S": "a" }, { "N": "1" }, { "BOOL": true }, { "NULL": true }, { "L": [] }, { "M": {} },
        ] },
        "map": { "M": { "inner": { "M": { "deep": { "L": [{ "N": "1" }] } } }, "none": { "M": {} } } },
    });
    assert_eq!(table.raw("order-1").await, Some(expected));
}

#[tokio::test]
async fn create_returns_no_data() {
    let (_, mut binding) = bound().await;
    let data = br#"{"key": "k"}"#;
    for metadata in [None, Some(Vec::new())] {
        let answer = binding
            .binding()
            .invoke("create", data, metadata.as_ref())
            .await;
        let answer = answer.unwrap();
        assert_eq!((answer.data, answer.content_type), (None, None));
    }
}

#[tokio::test]
async fn create_replaces_the_whole_item() {
    let (table, mut binding) = bound().await;
    binding.create(r#"{"key": "k", "old": 1}"#).await.unwrap();
    binding.create(r#"{"key": "k", "new": 2}"#).await.unwrap();
    let expected = json!({ "key": { "S": "k" }, "new": { "N": "2" } });
    assert_eq!(table.raw("k").await, Some(expected));
}

/// Dapr's Go component does the same: its JSON decoder keeps the last of two members with the same
/// name.
#[tokio::test]
async fn last_of_two_members_with_the_same_name_wins() {
    let (table, mut binding) = bound().await;
    binding
        .create(r#"{"key": "k", "a": 1, "a": 2}"#)
        .await
        .unwrap();
    assert_eq!(table.raw("k").await.unwrap()["a"], json!({ "N": "2" }));
}

#[tokio::test]
async fn data_that_is_not_a_json_object_is_an_invalid_argument() {
    let (table, mut binding) = bound().await;
    for data in [
        "",
        " ",
        "null",
        "true",
        "7",
        "\"bare string\"",
        "[]",
        "{}",
        r#"[{"key": "k"}]"#,
        "{",
        r#"{"key": "k""#,
        r#"{"key": "k"} {"key": "l"}"#,
        r#"{"key": "k"} x"#,
        "{key: 1}",
        "{'key': 'k'}",
        r#"{"key": "k",}"#,
        r#"{"key": "\ud800"}"#,
        "<html></html>",
    ] {
        let answer = binding.create(data).await;
        assert_refused(answer, "invalid-argument", &["JSON"]);
    }
    let answer = binding
        .binding()
        .invoke("create", b"{\"key\": \"\xff\"}", None)
        .await;
    assert_refused(answer, "invalid-argument", &["JSON"]);
    assert_eq!(table.raw("k").await, None);
}

#[tokio::test]
async fn item_without_a_valid_key_is_an_invalid_argument() {
    let table = Table::with_partition_key("id").await;
    let settings = table.settings().await.with("partitionKey", "id");
    let mut binding = settings.binding().await;
    for data in [
        r#"{"key": "k"}"#.to_owned(),
        r#"{"ID": "k"}"#.to_owned(),
        r#"{"id": 7}"#.to_owned(),
        r#"{"id": null}"#.to_owned(),
        r#"{"id": ["k"]}"#.to_owned(),
        r#"{"id": ""}"#.to_owned(),
        json!({ "id": "x".repeat(2049) }).to_string(),
    ] {
        let answer = binding.create(&data).await;
        assert_refused(answer, "invalid-argument", &["id"]);
    }
}

#[tokio::test]
async fn an_empty_member_name_is_an_invalid_argument() {
    let (_, mut binding) = bound().await;
    for data in [r#"{"key": "k", "": 1}"#, r#"{"key": "k", "map": {"": 1}}"#] {
        let answer = binding.create(data).await;
        assert_refused(answer, "invalid-argument", &["name"]);
    }
}

#[tokio::test]
async fn an_item_over_400_kilobytes_is_too_large() {
    let (table, mut binding) = bound().await;
    let data = json!({ "key": "order-1", "big": "x".repeat(500_000) }).to_string();
    assert_refused(binding.create(&data).await, "too-large", &[]);
    assert_eq!(table.raw("order-1").await, None);
}

/// DynamoDB allows 32 levels of nesting. An item's attributes are the first level.
#[tokio::test]
async fn nesting_beyond_dynamodbs_limit_is_an_invalid_argument() {
    let (_, mut binding) = bound().await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |levels: usize| {
            let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            format!(r#"{{"key":"k","deep":{nested}}}"#)
        };
        binding.create(nested(30)).await.unwrap();
        for levels in [33, 40, 127, 128, 129, 1_000, 10_000, 100_000, 1_000_000] {
            let answer = binding.create(nested(levels)).await;
            assert_refused(answer, "invalid-argument", &["`deep", "32 levels"]);
        }
    }
    binding.create(r#"{"key": "k"}"#).await.unwrap();
}

#[tokio::test]
async fn unknown_operation_error_names_the_known_ones() {
    let (_, mut binding) = bound().await;
    for operation in ["destroy", "", "CREATE TABLE", "création"] {
        let answer = binding.binding().invoke(operation, b"{}", None).await;
        assert_refused(answer, "unsupported", &[operation, "create"]);
    }
}

/// The Go component never asks for the name of the key, so a Dapr user's file for such a table does
/// not set it.
#[tokio::test]
async fn binding_detects_the_key_name_of_its_table() {
    let table = Table::with_partition_key("id").await;
    // The word "key" also occurs in the sentence in which DynamoDB names the key.
    for secret in [SECRET_KEY, "key"] {
        let settings = table.settings().await.with("secretKey", secret);
        let mut binding = settings.binding().await;
        binding.binding().ping().await.unwrap();
        binding.create(r#"{"id": "k", "n": 1}"#).await.unwrap();
        assert!(table.raw("k").await.is_some());
    }
}

#[tokio::test]
async fn binding_init_error_names_the_invalid_field() {
    let settings = Settings::new().await;
    let refused = |settings: Settings| async move {
        let mut store = settings.blank().await;
        store.binding().init(&settings.metadata).await
    };
    let answer = refused(settings.without("table")).await;
    assert_refused(answer, "invalid-configuration", &["table"]);
    let answer = refused(settings.with("table", "no-such-table")).await;
    assert_refused(answer, "not-found", &["no-such-table"]);
    let answer = refused(settings.without("secretKey")).await;
    assert_refused(answer, "invalid-configuration", &["secretKey"]);
    let answer = refused(settings.with("endpoint", "nowhere")).await;
    assert_refused(answer, "invalid-configuration", &["endpoint"]);
}

#[tokio::test]
async fn store_and_binding_have_separate_configurations() {
    let (stored, bound) = (Table::new().await, Table::new().await);
    let (state, binding) = (stored.settings().await, bound.settings().await);
    let mut both = state.store().await;
    let answer = both.create(r#"{"key": "k"}"#).await;
    assert_refused(answer, "not-initialized", &[]);
    both.binding().init(&binding.metadata).await.unwrap();
    both.set("k", b"v").await;
    both.create(r#"{"key": "k", "n": 1}"#).await.unwrap();
    assert_eq!(stored.raw("k").await.unwrap()["value"]["S"], "v");
    assert_eq!(bound.raw("k").await.unwrap()["n"]["N"], "1");
}

/// Returns the JSON of item `k` with this number, written as given.
fn amount(number: &str) -> String {
    format!(r#"{{"key": "k", "amount": {number}}}"#)
}

#[tokio::test]
async fn number_keeps_every_digit() {
    let (table, mut binding) = bound().await;
    for number in [
        "0",
        "-7",
        "9007199254740993",
        "12345678901234567890123456789012345678",
        "-0.12345678901234567890123456789012345678",
        "1234567890123456789.0123456789012345678",
        "3.14159265358979323846264338327950288",
    ] {
        binding.create(amount(number)).await.unwrap();
        let raw = table.raw("k").await.unwrap();
        assert_eq!(raw["amount"]["N"], number);
    }
}

/// The engine may store such a number in another notation, as DynamoDB does, so only its value is
/// compared.
#[tokio::test]
async fn numbers_with_exponents_keep_their_value() {
    let (table, mut binding) = bound().await;
    for (number, plain) in [
        ("1e3", 1e3_f64),
        ("1E+3", 1e3),
        ("25e-1", 2.5),
        ("1.50", 1.5),
        ("-0", 0.0),
        ("100000000000000000000000000000000000000000", 1e41),
        ("9.9999999999999999999999999999999999999E+125", 1e126),
        ("1E-130", 1e-130),
        ("-1E-130", -1e-130),
        ("1e125", 1e125),
    ] {
        binding.create(amount(number)).await.unwrap();
        let raw = table.raw("k").await.unwrap();
        let stored: f64 = raw["amount"]["N"].as_str().unwrap().parse().unwrap();
        assert!(
            (stored - plain).abs() <= plain.abs() * 1e-15,
            "{number} became {stored}"
        );
    }
}

#[tokio::test]
async fn number_outside_dynamodbs_range_is_an_invalid_argument() {
    let (table, mut binding) = bound().await;
    for (number, why) in [
        ("1234567890123456789012345678901234567890", "38"),
        ("123456789012345678901234567890123456789", "38"),
        ("0.1234567890123456789012345678901234567890", "38"),
        ("1000000000000000000000000000000000000000.1", "38"),
        ("1e126", ""),
        ("-1e126", ""),
        ("1e400", ""),
        ("1e-131", ""),
        ("1e99999999999999999999", ""),
    ] {
        let answer = binding.create(amount(number)).await;
        assert_refused(answer, "invalid-argument", &["amount", why]);
        let data = format!(r#"{{"key": "k", "list": [{{"amount": {number}}}]}}"#);
        let answer = binding.create(data).await;
        assert_refused(answer, "invalid-argument", &["amount"]);
    }
    assert_eq!(table.raw("k").await, None);
}

#[tokio::test]
async fn number_that_is_not_valid_json_is_an_invalid_argument() {
    let (_, mut binding) = bound().await;
    for number in [
        "NaN",
        "Infinity",
        "-Infinity",
        "0x1",
        "01",
        "+1",
        ".5",
        "5.",
        "1_000",
        "1e",
        "--1",
    ] {
        let answer = binding.create(amount(number)).await;
        assert_refused(answer, "invalid-argument", &["JSON"]);
    }
}

/// The JSON library marks arbitrary-precision numbers with a member of this name. A caller's own
/// member of that name must stay a member.
#[tokio::test]
async fn object_like_the_parsers_number_marker_stays_an_object() {
    let (table, mut binding) = bound().await;
    let data = r#"{"key": "k", "odd": {"$serde_json::private::Number": "5"}}"#;
    binding.create(data).await.unwrap();
    let raw = table.raw("k").await.unwrap();
    assert_eq!(raw["odd"]["M"]["$serde_json::private::Number"]["S"], "5");
}
