//! `init` proves that the store can be used, names what is wrong where it cannot, and is about its own instance.

use serde_json::json;

use crate::engine_call::engine_call;
use crate::fixture::{
    EXPIRES_AT, Settings, Table, assert_refused, engine, expiring, first_write, set_of,
};

#[tokio::test]
async fn a_missing_table_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    let answer = settings.without("table").init().await;
    assert_refused(answer, "invalid-configuration", &["table"]);
    let answer = settings.with("table", "").init().await;
    assert_refused(answer, "invalid-configuration", &["table"]);
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_not_found() {
    let settings = Table::new().await.settings().await;
    let answer = settings.with("table", "no-such-table").init().await;
    assert_refused(answer, "not-found", &["no-such-table"]);
}

#[tokio::test]
async fn a_missing_region_without_an_endpoint_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    let answer = settings.without("endpoint").without("region").init().await;
    assert_refused(answer, "invalid-configuration", &["region"]);
}

#[tokio::test]
async fn half_a_credential_pair_is_an_invalid_configuration_naming_the_other_half() {
    let settings = Table::new().await.settings().await;
    let answer = settings.without("secretKey").init().await;
    assert_refused(answer, "invalid-configuration", &["secretKey"]);
    let answer = settings.without("accessKey").init().await;
    assert_refused(answer, "invalid-configuration", &["accessKey"]);
    let answer = settings.with("secretKey", "").init().await;
    assert_refused(answer, "invalid-configuration", &["secretKey"]);
}

#[tokio::test]
async fn no_credentials_anywhere_are_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    let settings = settings.without("accessKey").without("secretKey");
    let answer = settings.init().await;
    assert_refused(
        answer,
        "invalid-configuration",
        &["accessKey", "AWS_ACCESS_KEY_ID"],
    );
}

#[tokio::test]
async fn a_table_with_another_key_name_is_an_invalid_configuration() {
    let table = Table::with_partition_key("pkey").await;
    let answer = table.settings().await.init().await;
    assert_refused(answer, "invalid-configuration", &["partitionKey", "key"]);
    let answer = table
        .settings()
        .await
        .with("partitionKey", "other")
        .init()
        .await;
    assert_refused(answer, "invalid-configuration", &["partitionKey", "other"]);
}

#[tokio::test]
async fn a_table_whose_key_is_no_string_or_has_a_second_part_is_an_invalid_configuration() {
    let endpoint = engine().await.endpoint();
    let number = json!({
        "TableName": "number-key", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "key", "AttributeType": "N" }],
        "KeySchema": [{ "AttributeName": "key", "KeyType": "HASH" }],
    });
    let sorted = json!({
        "TableName": "sort-key", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "key", "AttributeType": "S" },
            { "AttributeName": "sort", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "key", "KeyType": "HASH" },
            { "AttributeName": "sort", "KeyType": "RANGE" },
        ],
    });
    for (name, create) in [("number-key", number), ("sort-key", sorted)] {
        engine_call(endpoint, "CreateTable", &create).await;
        let answer = Settings::at(endpoint).with("table", name).init().await;
        // The engine has one sentence for both, as DynamoDB has.
        let names = ["partitionKey", "one without a sort key"];
        assert_refused(answer, "invalid-configuration", &names);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_no_http_url_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    for endpoint in [
        "not a url",
        "ftp://127.0.0.1:8000",
        "http://",
        "127.0.0.1:8000",
        "http://h:99999",
    ] {
        let answer = settings.with("endpoint", endpoint).init().await;
        assert_refused(answer, "invalid-configuration", &["endpoint"]);
    }
}

#[tokio::test]
async fn an_endpoint_with_a_slash_at_its_end_is_the_same_endpoint() {
    let settings = Table::new().await.settings().await;
    let endpoint = format!("{}/", engine().await.endpoint());
    settings.with("endpoint", &endpoint).init().await.unwrap();
}

#[tokio::test]
async fn an_attribute_name_that_the_item_layout_uses_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    for taken in ["value", "etag", "contentType"] {
        let answer = settings.with("partitionKey", taken).init().await;
        assert_refused(answer, "invalid-configuration", &["partitionKey", taken]);
        let answer = settings.with("ttlAttributeName", taken).init().await;
        assert_refused(
            answer,
            "invalid-configuration",
            &["ttlAttributeName", taken],
        );
    }
    let answer = settings.with("ttlAttributeName", "key").init().await;
    assert_refused(
        answer,
        "invalid-configuration",
        &["ttlAttributeName", "key"],
    );
    let pkey = settings.with("partitionKey", "pkey");
    let answer = pkey.with("ttlAttributeName", "pkey").init().await;
    assert_refused(
        answer,
        "invalid-configuration",
        &["ttlAttributeName", "pkey"],
    );
}

/// Names are case-sensitive in DynamoDB, and some of these are words that its expressions reserve.
#[tokio::test]
async fn any_other_attribute_names_do_for_the_key_and_the_expiry() {
    for (partition_key, ttl) in [
        ("pkey", EXPIRES_AT),
        ("name", "ttl"),
        ("Value", "Etag"),
        ("order-id", "expires-at"),
        ("a.b", "c[0]"),
        ("#k", ":ttl"),
        ("schlüssel", "läuft ab"),
    ] {
        let table = Table::with_partition_key(partition_key).await;
        let settings = table.settings().await.with("partitionKey", partition_key);
        let mut store = settings.with("ttlAttributeName", ttl).store().await;
        let expired =
            json!({ partition_key: { "S": "k" }, ttl: { "N": "1" }, "etag": { "S": "1" } });
        table.put(expired).await;
        assert_eq!(store.state().get("k", None).await.unwrap(), None);
        let etag = store.state().set("k", b"1", first_write()).await.unwrap();
        let answer = store.state().set("k", b"2", first_write()).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        store
            .state()
            .set("k", b"2", crate::fixture::if_etag(&etag))
            .await
            .unwrap();
        let sets = [
            set_of("a", b"a", expiring(60)),
            set_of("b", b"b", first_write()),
        ];
        let written = store.state().bulk_set(&sets).await.unwrap();
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        let operations = sets.map(|mut set| {
            set.key.push('2');
            dapr_wasm_host::types::Operation::Set(set)
        });
        store.state().transact(&operations).await.unwrap();
        let names = ["k", "a", "b", "a2", "b2"].map(str::to_owned);
        let read = store.state().bulk_get(&names, None).await.unwrap();
        assert!(
            read.iter().all(|item| matches!(item, Ok(Some(_)))),
            "{read:?}"
        );
        assert!(table.raw("a2").await.unwrap()[ttl]["N"].is_string());
    }
}

#[tokio::test]
async fn ping_tells_what_init_would() {
    let engine = host_test::embedded::Embedded::start(host_test::embedded::Storage::Memory)
        .await
        .unwrap();
    engine.create_table("brief", "key").await.unwrap();
    let mut store = Settings::at(engine.endpoint())
        .with("table", "brief")
        .store()
        .await;
    store.state().ping().await.unwrap();
    engine_call(
        engine.endpoint(),
        "DeleteTable",
        &json!({ "TableName": "brief" }),
    )
    .await;
    assert_refused(store.state().ping().await, "not-found", &["brief"]);
    drop(engine);
    assert_refused(store.state().ping().await, "unavailable", &[]);
}

#[tokio::test]
async fn instances_of_one_plugin_keep_their_own_configuration() {
    let (one, two) = (Table::new().await, Table::new().await);
    let (mut first, mut second) = (one.store().await, two.store().await);
    first.state().set("k", b"one", None).await.unwrap();
    second.state().set("k", b"two", None).await.unwrap();
    let item = first.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"one");
    assert_eq!(two.raw("k").await.unwrap()["value"]["S"], "two");
}
