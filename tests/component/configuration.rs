//! `init` checks that the store is usable. If it is not, the error says what is wrong. `init`
//! affects its own instance only.
//!
//! A field is found under any spelling of its names. If it is given twice, the last one wins. An
//! empty field counts as unset. A second `init` replaces the first if it succeeds. If it fails, the
//! first stays in force.

use crate::fixture::{
    EXPIRES_AT, OWN_TABLE, PATIENCE, Settings, Store, Table, assert_refused, engine, engine_call,
    expiring, first_write, if_etag, own_engine, set_of, whole, with_environment,
};
use dapr_wasm_host::types::{FeatureSet, Operation};
use host_test::counting_proxy::CountingProxy;
use serde_json::json;

/// Asserts that `init` refuses this configuration with an error that contains `names`.
async fn assert_invalid(settings: &Settings, names: &[&str]) {
    assert_refused(settings.init().await, "invalid-configuration", names);
}

#[tokio::test]
async fn missing_field_is_named_in_the_error() {
    let settings = Settings::new().await;
    for (incomplete, named) in [
        (settings.without("table"), "table"),
        (settings.with("table", ""), "table"),
        (settings.without("endpoint").without("region"), "region"),
        (settings.without("secretKey"), "secretKey"),
        (settings.without("accessKey"), "accessKey"),
        (settings.with("secretKey", ""), "secretKey"),
    ] {
        assert_invalid(&incomplete, &[named]).await;
    }
    let settings = settings.without("accessKey").without("secretKey");
    assert_invalid(&settings, &["accessKey", "AWS_ACCESS_KEY_ID"]).await;
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_not_found() {
    let settings = Settings::new().await;
    let answer = settings.with("table", "no-such-table").init().await;
    assert_refused(answer, "not-found", &["no-such-table"]);
}

#[tokio::test]
async fn wrong_partition_key_name_is_an_invalid_configuration() {
    let settings = Table::with_partition_key("pkey").await.settings().await;
    assert_invalid(&settings, &["partitionKey", "key"]).await;
    let settings = settings.with("partitionKey", "other");
    assert_invalid(&settings, &["partitionKey", "other"]).await;
}

#[tokio::test]
async fn table_with_numeric_or_composite_key_is_refused() {
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
        let settings = Settings::at(endpoint).with("table", name);
        // The engine returns the same sentence for both, as DynamoDB does.
        assert_invalid(&settings, &["partitionKey", "without a sort key"]).await;
    }
}

#[tokio::test]
async fn endpoint_must_be_an_http_url() {
    let settings = Settings::new().await;
    for endpoint in [
        "not a url",
        "ftp://127.0.0.1:8000",
        "http://",
        "127.0.0.1:8000",
        "http://h:99999",
    ] {
        assert_invalid(&settings.with("endpoint", endpoint), &["endpoint"]).await;
    }
}

#[tokio::test]
async fn trailing_slash_of_the_endpoint_is_ignored() {
    let settings = Settings::new().await;
    let endpoint = format!("{}/", engine().await.endpoint());
    settings.with("endpoint", &endpoint).init().await.unwrap();
}

#[tokio::test]
async fn attribute_name_used_by_the_item_layout_is_refused() {
    let settings = Settings::new().await;
    let pkey = settings.with("partitionKey", "pkey");
    for (settings, field, taken) in [
        (&settings, "partitionKey", "value"),
        (&settings, "partitionKey", "etag"),
        (&settings, "partitionKey", "contentType"),
        (&settings, "ttlAttributeName", "value"),
        (&settings, "ttlAttributeName", "etag"),
        (&settings, "ttlAttributeName", "contentType"),
        (&settings, "ttlAttributeName", "key"),
        (&pkey, "ttlAttributeName", "pkey"),
    ] {
        assert_invalid(&settings.with(field, taken), &[field, taken]).await;
    }
}

/// Attribute names are case-sensitive in DynamoDB, and some of these are reserved words of its
/// expressions.
#[tokio::test]
async fn key_and_ttl_attribute_may_have_any_other_name() {
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
        assert_eq!(store.get("k").await, None);
        let etag = store.state().set("k", b"1", first_write()).await.unwrap();
        let answer = store.state().set("k", b"2", first_write()).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        let matching = store.state().set("k", b"2", if_etag(&etag)).await;
        matching.unwrap();
        let sets = [
            set_of("a", b"a", expiring(60)),
            set_of("b", b"b", first_write()),
        ];
        let written = store.state().bulk_set(&sets).await.unwrap();
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        let operations = sets.map(|mut set| {
            set.key.push('2');
            Operation::Set(set)
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
async fn ping_reports_the_same_errors_as_init() {
    let (engine, settings) = own_engine().await;
    let mut store = settings.store().await;
    store.state().ping().await.unwrap();
    let table = json!({ "TableName": OWN_TABLE });
    engine_call(engine.endpoint(), "DeleteTable", &table).await;
    assert_refused(store.state().ping().await, "not-found", &[OWN_TABLE]);
    drop(engine);
    assert_refused(store.state().ping().await, "unavailable", &[]);
}

#[tokio::test]
async fn instances_of_one_plugin_have_separate_configurations() {
    let (one, two) = (Table::new().await, Table::new().await);
    let (mut first, mut second) = (one.store().await, two.store().await);
    first.set("k", b"one").await;
    second.set("k", b"two").await;
    let item = first.get("k").await.unwrap();
    assert_eq!(item.value, b"one");
    assert_eq!(two.raw("k").await.unwrap()["value"]["S"], "two");
}

/// Returns this header of the request that `init` sends with these settings.
async fn header_of_init(settings: &Settings, proxy: &CountingProxy, name: &str) -> Option<String> {
    proxy.reset();
    settings.init().await.unwrap();
    let request = proxy.requests().pop().unwrap();
    let value = request.headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn region_defaults_to_us_east_1_with_an_endpoint() {
    let (settings, proxy) = Settings::counted().await;
    for (settings, region) in [
        (settings.with("region", "eu-west-3"), "eu-west-3"),
        (settings.with("region", "local"), "local"),
        (
            settings.without("region").with("awsRegion", "ap-south-2"),
            "ap-south-2",
        ),
        (settings.without("region"), "us-east-1"),
        (settings.with("region", ""), "us-east-1"),
    ] {
        let header = header_of_init(&settings, &proxy, "authorization")
            .await
            .unwrap();
        let scope = format!("/{region}/dynamodb/aws4_request");
        assert!(header.contains(&scope), "{header} has no {scope}");
    }
}

#[tokio::test]
async fn credentials_under_either_name_sign_the_request() {
    let (settings, proxy) = Settings::counted().await;
    let bare = settings.without("accessKey").without("secretKey");
    for (access, secret, token) in [
        ("accessKey", "secretKey", "sessionToken"),
        ("awsAccessKey", "awsSecretKey", "awsSessionToken"),
    ] {
        let pair = bare.with(access, "AKIDOTHER").with(secret, "s");
        let header = header_of_init(&pair, &proxy, "authorization")
            .await
            .unwrap();
        assert!(header.contains("Credential=AKIDOTHER/"), "{header}");
        let none = header_of_init(&pair, &proxy, "x-amz-security-token").await;
        assert_eq!(none, None);
        let session = pair.with(token, "the-token");
        let header = header_of_init(&session, &proxy, "x-amz-security-token").await;
        assert_eq!(header.as_deref(), Some("the-token"));
    }
}

#[tokio::test]
async fn field_names_are_case_insensitive() {
    let table = Table::with_partition_key("pkey").await;
    let endpoint = engine().await.endpoint();
    let spellings: [fn(&str) -> String; 3] = [
        |name| name.to_uppercase(),
        |name| name.to_lowercase(),
        |name| name[..1].to_uppercase() + &name[1..],
    ];
    for spell in spellings {
        let mut settings = Settings::at(endpoint);
        settings.metadata.clear();
        for (name, value) in [
            ("table", table.name.as_str()),
            ("endpoint", endpoint),
            ("region", "x"),
            ("accessKey", "a"),
            ("secretKey", "s"),
            ("partitionKey", "pkey"),
            ("ttlAttributeName", "expiresAt"),
            ("consistency", "strong"),
            ("maxAttempts", "2"),
            ("connectTimeout", PATIENCE),
            ("requestTimeout", PATIENCE),
        ] {
            settings = settings.with(&spell(name), value);
        }
        let mut store = settings.store().await;
        let features = store.state().features().await.unwrap();
        assert_eq!(features, FeatureSet::all());
    }
}

#[tokio::test]
async fn last_of_two_fields_with_the_same_name_wins() {
    let mut settings = Settings::new().await;
    let first = ("table".to_owned(), "no-such-table".to_owned());
    settings.metadata.insert(0, first.clone());
    settings.init().await.unwrap();
    settings.metadata.push(("TABLE".to_owned(), first.1));
    assert_refused(settings.init().await, "not-found", &["no-such-table"]);
}

#[tokio::test]
async fn empty_value_counts_as_unset() {
    let mut settings = Settings::new().await;
    for name in [
        "region",
        "sessionToken",
        "partitionKey",
        "ttlAttributeName",
        "consistency",
        "maxAttempts",
        "connectTimeout",
        "requestTimeout",
        "somethingElse",
    ] {
        settings = settings.with(name, "");
    }
    let mut store = settings.store().await;
    store.set("k", b"v").await;
    let features = store.state().features().await.unwrap();
    assert!(!features.contains(FeatureSet::TTL));
}

#[tokio::test]
async fn durations_use_daprs_notation() {
    let settings = Settings::new().await;
    // All of these durations are long enough for a slow machine.
    for duration in ["30500ms", "30s", "1m30s", "30.5s", "2m", "30000000us", "30"] {
        for field in ["connectTimeout", "requestTimeout"] {
            let answer = settings.with(field, duration).init().await;
            assert!(answer.is_ok(), "{field} {duration}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_invalid_duration_is_refused() {
    let settings = Settings::new().await;
    for duration in [
        "soon",
        "-1s",
        "0s",
        "0",
        "1.5",
        "1x",
        "s",
        "NaNs",
        "1e400s",
        "99999999999999999h",
    ] {
        for field in ["connectTimeout", "requestTimeout"] {
            assert_invalid(&settings.with(field, duration), &[field, duration]).await;
        }
    }
}

#[tokio::test]
async fn an_invalid_number_of_attempts_is_refused() {
    let settings = Settings::new().await;
    for attempts in ["0", "-1", "many", "1.5", "99999999999999999999"] {
        let settings = settings.with("maxAttempts", attempts);
        assert_invalid(&settings, &["maxAttempts", attempts]).await;
    }
    settings.with("maxAttempts", "1").init().await.unwrap();
}

#[tokio::test]
async fn successful_second_init_replaces_every_field() {
    let (one, two) = (Table::new().await, Table::with_partition_key("pkey").await);
    let mut store = one.store_with_ttl().await;
    store.set("k", b"one").await;
    let second = two.settings().await.with("partitionKey", "pkey");
    store.state().init(&second.metadata).await.unwrap();
    assert_eq!(store.get("k").await, None);
    store.set("k", b"two").await;
    assert_eq!(two.raw("k").await.unwrap()["value"]["S"], "two");
    assert_eq!(one.raw("k").await.unwrap()["value"]["S"], "one");
    // Nothing of the first configuration remains: the second has no TTL attribute.
    let answer = store.state().set("k", b"v", expiring(60)).await;
    assert_refused(answer, "invalid-argument", &["ttl"]);
}

async fn failing(settings: &Settings) -> Vec<(&'static str, Settings)> {
    let other_key = Table::with_partition_key("other").await;
    vec![
        ("invalid-configuration", settings.without("table")),
        ("invalid-configuration", settings.without("secretKey")),
        ("invalid-configuration", settings.with("maxAttempts", "0")),
        (
            "invalid-configuration",
            settings.with("endpoint", "nowhere"),
        ),
        ("invalid-configuration", other_key.settings().await),
        ("not-found", settings.with("table", "no-such-table")),
        (
            "access-denied",
            settings.with("endpoint", "http://127.0.0.1:1"),
        ),
    ]
}

#[tokio::test]
async fn failed_second_init_keeps_the_stores_configuration() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let mut store = table.store_with_ttl().await;
    let etag = store.set("k", b"v").await;
    for (case, broken) in failing(&settings).await {
        assert_refused(store.state().init(&broken.metadata).await, case, &[]);
        let item = store.get("k").await.unwrap();
        assert_eq!(item.etag.as_ref(), Some(&etag));
        let set = store.state().set("ttl", b"v", expiring(60)).await;
        set.unwrap();
        assert!(table.raw("ttl").await.unwrap()[EXPIRES_AT]["N"].is_string());
    }
}

#[tokio::test]
async fn failed_second_init_keeps_the_bindings_configuration() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let mut store = settings.binding().await;
    for broken in [
        settings.without("table"),
        settings.with("table", "no-such-table"),
    ] {
        assert!(store.binding().init(&broken.metadata).await.is_err());
        let data = json!({ "key": "k" }).to_string();
        store.create(data).await.unwrap();
    }
}

#[tokio::test]
async fn successful_second_init_replaces_the_bindings_table() {
    let (one, two) = (Table::new().await, Table::new().await);
    let mut store = one.settings().await.binding().await;
    let second = two.settings().await;
    store.binding().init(&second.metadata).await.unwrap();
    store.create(r#"{"key": "k"}"#).await.unwrap();
    assert_eq!(one.raw("k").await, None);
    assert!(two.raw("k").await.is_some());
}

#[tokio::test]
async fn failed_first_init_leaves_the_instance_uninitialized() {
    let settings = Settings::new().await;
    for (case, broken) in failing(&settings).await {
        let mut store: Store = settings.blank().await;
        assert_refused(store.state().init(&broken.metadata).await, case, &[]);
        assert_refused(store.state().get("k", None).await, "not-initialized", &[]);
        store.state().init(&settings.metadata).await.unwrap();
        assert_eq!(store.get("k").await, None);
    }
}

#[tokio::test]
async fn environment_configures_an_instance_after_a_failed_init() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let endpoint = engine().await.endpoint();
    let mut store = with_environment(&whole(&table.name, endpoint, &[])).await;
    let broken = settings.with("table", "no-such-table");
    assert_refused(store.state().init(&broken.metadata).await, "not-found", &[]);
    store.set("k", b"v").await;
    assert!(table.raw("k").await.is_some());
}

#[tokio::test]
async fn init_replaces_the_environment_after_a_first_call() {
    let (environment, metadata) = (Table::new().await, Table::new().await);
    let settings = metadata.settings().await;
    let endpoint = engine().await.endpoint();
    let mut store = with_environment(&whole(&environment.name, endpoint, &[])).await;
    store.set("k", b"v").await;
    store.state().init(&settings.metadata).await.unwrap();
    store.set("k", b"v").await;
    assert!(environment.raw("k").await.is_some() && metadata.raw("k").await.is_some());
}
