//! A second `init` replaces the first where it succeeds, and leaves it in force where it fails.

use serde_json::json;

use crate::fixture::{
    EXPIRES_AT, Settings, Store, Table, assert_refused, engine, whole, with_environment,
};

#[tokio::test]
async fn a_second_init_that_succeeds_replaces_the_first_as_a_whole() {
    let (one, two) = (Table::new().await, Table::with_partition_key("pkey").await);
    let mut store = one.store_with_ttl().await;
    store.state().set("k", b"one", None).await.unwrap();
    let second = two.settings().await.with("partitionKey", "pkey");
    store.state().init(&second.metadata).await.unwrap();
    assert_eq!(store.state().get("k", None).await.unwrap(), None);
    store.state().set("k", b"two", None).await.unwrap();
    assert_eq!(two.raw("k").await.unwrap()["value"]["S"], "two");
    assert_eq!(one.raw("k").await.unwrap()["value"]["S"], "one");
    // Nothing of the first is left: the second has no time to live.
    let answer = store
        .state()
        .set("k", b"v", crate::fixture::expiring(60))
        .await;
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
async fn a_second_init_that_fails_leaves_the_store_as_it_was() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let mut store = table.store_with_ttl().await;
    let etag = store.state().set("k", b"v", None).await.unwrap();
    for (case, broken) in failing(&settings).await {
        assert_refused(store.state().init(&broken.metadata).await, case, &[]);
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.etag.as_ref(), Some(&etag));
        store
            .state()
            .set("ttl", b"v", crate::fixture::expiring(60))
            .await
            .unwrap();
        assert!(table.raw("ttl").await.unwrap()[EXPIRES_AT]["N"].is_string());
    }
}

#[tokio::test]
async fn a_second_init_that_fails_leaves_the_binding_as_it_was() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let mut store = settings.binding().await;
    for broken in [
        settings.without("table"),
        settings.with("table", "no-such-table"),
    ] {
        assert!(store.binding().init(&broken.metadata).await.is_err());
        let data = json!({ "key": "k" }).to_string();
        store
            .binding()
            .invoke("create", data.as_bytes(), None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_second_init_that_succeeds_replaces_the_binding() {
    let (one, two) = (Table::new().await, Table::new().await);
    let mut store = one.settings().await.binding().await;
    let second = two.settings().await;
    store.binding().init(&second.metadata).await.unwrap();
    store
        .binding()
        .invoke("create", br#"{"key": "k"}"#, None)
        .await
        .unwrap();
    assert_eq!(one.raw("k").await, None);
    assert!(two.raw("k").await.is_some());
}

#[tokio::test]
async fn after_a_first_init_that_fails_the_instance_is_not_initialized() {
    let settings = Table::new().await.settings().await;
    for (case, broken) in failing(&settings).await {
        let mut store: Store = settings.blank().await;
        assert_refused(store.state().init(&broken.metadata).await, case, &[]);
        assert_refused(store.state().get("k", None).await, "not-initialized", &[]);
        store.state().init(&settings.metadata).await.unwrap();
        assert_eq!(store.state().get("k", None).await.unwrap(), None);
    }
}

#[tokio::test]
async fn after_a_first_init_that_fails_the_environment_configures_the_instance() {
    let table = Table::new().await;
    let settings = table.settings().await;
    let endpoint = engine().await.endpoint();
    let mut store = with_environment(&whole(&table.name, endpoint, &[])).await;
    let broken = settings.with("table", "no-such-table");
    assert_refused(store.state().init(&broken.metadata).await, "not-found", &[]);
    store.state().set("k", b"v", None).await.unwrap();
    assert!(table.raw("k").await.is_some());
}

#[tokio::test]
async fn a_first_call_does_not_fix_the_environments_configuration_for_good() {
    let (environment, metadata) = (Table::new().await, Table::new().await);
    let settings = metadata.settings().await;
    let endpoint = engine().await.endpoint();
    let mut store = with_environment(&whole(&environment.name, endpoint, &[])).await;
    store.state().set("k", b"v", None).await.unwrap();
    store.state().init(&settings.metadata).await.unwrap();
    store.state().set("k", b"v", None).await.unwrap();
    assert!(environment.raw("k").await.is_some() && metadata.raw("k").await.is_some());
}
