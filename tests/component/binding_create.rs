//! `create` puts a JSON object as an item, member by member, and takes nothing else.

use serde_json::json;

use crate::fixture::{SECRET_KEY, Settings, Store, Table, assert_refused};

pub async fn create(store: &mut Store, data: &str) -> Result<(), dapr_wasm_host::CallError> {
    let answer = store
        .binding()
        .invoke("create", data.as_bytes(), None)
        .await;
    answer.map(|_| ())
}

#[tokio::test]
async fn each_member_becomes_an_attribute_of_its_type() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    let data = r#"{
        "key": "order-1", "text": "täxt \u23f1", "empty": "", "whole": 7, "negative": -1.5,
        "yes": true, "no": false, "nothing": null,
        "list": ["a", 1, true, null, [], {}], "map": {"inner": {"deep": [1]}, "none": {}}
    }"#;
    create(&mut binding, data).await.unwrap();
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
async fn create_answers_without_data() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
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
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    create(&mut binding, r#"{"key": "k", "old": 1}"#)
        .await
        .unwrap();
    create(&mut binding, r#"{"key": "k", "new": 2}"#)
        .await
        .unwrap();
    let expected = json!({ "key": { "S": "k" }, "new": { "N": "2" } });
    assert_eq!(table.raw("k").await, Some(expected));
}

/// As in Dapr's Go component, whose JSON decoder keeps the last of two members of one name.
#[tokio::test]
async fn of_two_members_of_one_name_the_last_one_stands() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    create(&mut binding, r#"{"key": "k", "a": 1, "a": 2}"#)
        .await
        .unwrap();
    assert_eq!(table.raw("k").await.unwrap()["a"], json!({ "N": "2" }));
}

#[tokio::test]
async fn data_that_is_no_json_object_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
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
        let answer = create(&mut binding, data).await;
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
async fn an_item_without_the_tables_key_or_with_a_wrong_one_is_an_invalid_argument() {
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
        let answer = create(&mut binding, &data).await;
        assert_refused(answer, "invalid-argument", &["id"]);
    }
}

#[tokio::test]
async fn an_empty_member_name_is_an_invalid_argument() {
    let mut binding = Table::new().await.settings().await.binding().await;
    for data in [r#"{"key": "k", "": 1}"#, r#"{"key": "k", "map": {"": 1}}"#] {
        let answer = create(&mut binding, data).await;
        assert_refused(answer, "invalid-argument", &["name"]);
    }
}

#[tokio::test]
async fn an_item_over_400_kilobytes_is_too_large() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    let data = json!({ "key": "order-1", "big": "x".repeat(500_000) }).to_string();
    assert_refused(create(&mut binding, &data).await, "too-large", &[]);
    assert_eq!(table.raw("order-1").await, None);
}

/// DynamoDB nests 32 levels deep, an item's attributes being the first one.
#[tokio::test]
async fn nesting_that_dynamodb_takes_is_kept_and_deeper_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"key": "k", "deep": {open}{close}}}"#)
    };
    create(&mut binding, &nested(30)).await.unwrap();
    for levels in [40, 127, 128, 129, 1000, 100_000] {
        let answer = create(&mut binding, &nested(levels)).await;
        assert_refused(answer, "invalid-argument", &[]);
    }
    create(&mut binding, r#"{"key": "k"}"#).await.unwrap();
}

#[tokio::test]
async fn an_unknown_operation_is_unsupported_and_those_that_exist_are_named() {
    let mut binding = Table::new().await.settings().await.binding().await;
    for operation in ["destroy", "", "CREATE TABLE", "création"] {
        let answer = binding.binding().invoke(operation, b"{}", None).await;
        assert_refused(answer, "unsupported", &[operation, "create"]);
    }
}

/// The Go component never asks what the key is called, so a Dapr user's file for such a table says nothing about it.
#[tokio::test]
async fn a_binding_works_on_a_table_of_any_key_name_that_its_file_does_not_tell() {
    let table = Table::with_partition_key("id").await;
    // The second is a word of the sentence by which DynamoDB tells of the key.
    for secret in [SECRET_KEY, "key"] {
        let settings = table.settings().await.with("secretKey", secret);
        let mut binding = settings.binding().await;
        binding.binding().ping().await.unwrap();
        create(&mut binding, r#"{"id": "k", "n": 1}"#)
            .await
            .unwrap();
        assert!(table.raw("k").await.is_some());
    }
}

#[tokio::test]
async fn the_bindings_init_names_what_is_wrong() {
    let settings = Table::new().await.settings().await;
    let refused = |settings: Settings| async move {
        let mut store = settings.blank().await;
        store.binding().init(&settings.metadata).await
    };
    assert_refused(
        refused(settings.without("table")).await,
        "invalid-configuration",
        &["table"],
    );
    let answer = refused(settings.with("table", "no-such-table")).await;
    assert_refused(answer, "not-found", &["no-such-table"]);
    let answer = refused(settings.without("secretKey")).await;
    assert_refused(answer, "invalid-configuration", &["secretKey"]);
    let answer = refused(settings.with("endpoint", "nowhere")).await;
    assert_refused(answer, "invalid-configuration", &["endpoint"]);
}

#[tokio::test]
async fn the_store_and_the_binding_of_one_instance_keep_their_own_configuration() {
    let (stored, bound) = (Table::new().await, Table::new().await);
    let (state, binding) = (stored.settings().await, bound.settings().await);
    let mut both = state.store().await;
    let answer = create(&mut both, r#"{"key": "k"}"#).await;
    assert_refused(answer, "not-initialized", &[]);
    both.binding().init(&binding.metadata).await.unwrap();
    both.state().set("k", b"v", None).await.unwrap();
    create(&mut both, r#"{"key": "k", "n": 1}"#).await.unwrap();
    assert_eq!(stored.raw("k").await.unwrap()["value"]["S"], "v");
    assert_eq!(bound.raw("k").await.unwrap()["n"]["N"], "1");
}
