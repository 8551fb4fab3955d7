//! A field is found under any spelling of its names, the last one counts, an empty one is absent, a wrong one is named.

use host_test::counting_proxy::CountingProxy;

use crate::fixture::{PATIENCE, Settings, Table, assert_refused, engine};

async fn proxied() -> (Settings, CountingProxy) {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let settings = Table::new().await.settings().await;
    (settings.through(proxy.endpoint()), proxy)
}

/// The header of the request that `init` with these settings sends.
async fn header_of_init(settings: &Settings, proxy: &CountingProxy, name: &str) -> Option<String> {
    proxy.reset();
    settings.init().await.unwrap();
    let request = proxy.requests().pop().unwrap();
    let value = request.headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_region_is_the_configured_one_or_us_east_1_where_only_an_endpoint_is() {
    let (settings, proxy) = proxied().await;
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
async fn credentials_are_found_under_both_names_and_signed_with() {
    let (settings, proxy) = proxied().await;
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
async fn names_compare_without_case() {
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
        assert_eq!(features, dapr_wasm_host::types::FeatureSet::all());
    }
}

#[tokio::test]
async fn of_a_name_that_stands_more_than_once_the_last_one_counts() {
    let table = Table::new().await;
    let mut settings = table.settings().await;
    let first = ("table".to_owned(), "no-such-table".to_owned());
    settings.metadata.insert(0, first.clone());
    settings.init().await.unwrap();
    settings.metadata.push(("TABLE".to_owned(), first.1));
    assert_refused(settings.init().await, "not-found", &["no-such-table"]);
}

#[tokio::test]
async fn an_empty_value_counts_as_absent() {
    let (settings, _proxy) = proxied().await;
    let mut settings = settings;
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
    store.state().set("k", b"v", None).await.unwrap();
    let features = store.state().features().await.unwrap();
    assert!(!features.contains(dapr_wasm_host::types::FeatureSet::TTL));
}

#[tokio::test]
async fn durations_are_written_as_dapr_writes_them() {
    let settings = Table::new().await.settings().await;
    // Each of them is long enough for any machine.
    for duration in ["30500ms", "30s", "1m30s", "30.5s", "2m", "30000000us", "30"] {
        for field in ["connectTimeout", "requestTimeout"] {
            let answer = settings.with(field, duration).init().await;
            assert!(answer.is_ok(), "{field} {duration}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_duration_that_is_none_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
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
            let answer = settings.with(field, duration).init().await;
            assert_refused(answer, "invalid-configuration", &[field, duration]);
        }
    }
}

#[tokio::test]
async fn a_number_of_attempts_that_is_none_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    for attempts in ["0", "-1", "many", "1.5", "99999999999999999999"] {
        let answer = settings.with("maxAttempts", attempts).init().await;
        assert_refused(answer, "invalid-configuration", &["maxAttempts", attempts]);
    }
    settings.with("maxAttempts", "1").init().await.unwrap();
}

#[tokio::test]
async fn fields_that_only_dapr_itself_reads_are_ignored() {
    let settings = Table::new().await.settings().await;
    let settings = settings
        .with("actorStateStore", "true")
        .with("keyPrefix", "none");
    settings.init().await.unwrap();
}
