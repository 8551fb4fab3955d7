//! Without `init` an instance configures itself from its environment; with it, metadata comes first, field by field.

use dapr_wasm_host::types::FeatureSet;

use crate::fixture::{
    CREDENTIALS, EXPIRES_AT, SECRET_KEY, Table, assert_refused, engine, whole, with_environment,
};

#[tokio::test]
async fn every_call_before_init_works_from_the_environment_alone() {
    let table = Table::new().await;
    let variables = whole(&table.name, engine().await.endpoint(), &[]);
    let mut store = with_environment(&variables).await;
    let etag = store.state().set("k", b"v", None).await.unwrap();
    let item = with_environment(&variables)
        .await
        .state()
        .get("k", None)
        .await
        .unwrap();
    assert_eq!(item.unwrap().etag, Some(etag));
    let features = with_environment(&variables).await.state().features().await;
    assert_eq!(
        features.unwrap(),
        FeatureSet::ETAG | FeatureSet::TRANSACTIONAL
    );
    with_environment(&variables)
        .await
        .state()
        .ping()
        .await
        .unwrap();
    let mut fresh = with_environment(&variables).await;
    fresh
        .state()
        .bulk_get(&["k".to_owned()], None)
        .await
        .unwrap();
    let mut fresh = with_environment(&variables).await;
    fresh.state().delete("k", None).await.unwrap();
    let mut fresh = with_environment(&variables).await;
    let create = fresh
        .binding()
        .invoke("create", br#"{"key": "c"}"#, None)
        .await;
    assert!(create.is_ok(), "{create:?}");
    with_environment(&variables)
        .await
        .binding()
        .ping()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_call_before_init_is_not_initialized_where_the_environment_names_no_table() {
    for variables in [
        &[][..],
        &CREDENTIALS,
        &[("DYNAMODB_TABLE", "")],
        &[("AWS_REGION", "eu-west-1")],
    ] {
        let mut store = with_environment(variables).await;
        assert_refused(store.state().get("k", None).await, "not-initialized", &[]);
        assert_refused(
            store.state().set("k", b"v", None).await,
            "not-initialized",
            &[],
        );
        assert_refused(
            store.state().delete("k", None).await,
            "not-initialized",
            &[],
        );
        assert_refused(
            store.state().bulk_get(&[], None).await,
            "not-initialized",
            &[],
        );
        assert_refused(store.state().bulk_set(&[]).await, "not-initialized", &[]);
        assert_refused(store.state().bulk_delete(&[]).await, "not-initialized", &[]);
        assert_refused(store.state().transact(&[]).await, "not-initialized", &[]);
        assert_refused(store.state().features().await, "not-initialized", &[]);
        assert_refused(store.state().ping().await, "not-initialized", &[]);
        assert_refused(store.binding().ping().await, "not-initialized", &[]);
        let create = store.binding().invoke("create", b"{}", None).await;
        assert_refused(create, "not-initialized", &[]);
        assert_eq!(store.state().max_transaction_size().await.unwrap(), 100);
        assert!(!store.binding().operations().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_environment_that_names_a_table_and_is_otherwise_wrong_is_an_invalid_configuration() {
    let whole = |more: &[(&'static str, &'static str)]| whole("t", "http://127.0.0.1:1", more);
    for (variables, named) in [
        (vec![("DYNAMODB_TABLE", "t")], "AWS_REGION"),
        (
            vec![("DYNAMODB_TABLE", "t"), ("AWS_ENDPOINT_URL", "nowhere")],
            "AWS_ENDPOINT_URL",
        ),
        (
            vec![
                ("DYNAMODB_TABLE", "t"),
                ("AWS_REGION", "x"),
                ("AWS_ACCESS_KEY_ID", "half"),
            ],
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            vec![
                ("DYNAMODB_TABLE", "t"),
                ("AWS_REGION", "x"),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ],
            "AWS_ACCESS_KEY_ID",
        ),
        (whole(&[("AWS_MAX_ATTEMPTS", "0")]), "AWS_MAX_ATTEMPTS"),
        (
            whole(&[("DYNAMODB_CONSISTENCY", "x")]),
            "DYNAMODB_CONSISTENCY",
        ),
        (
            whole(&[("DYNAMODB_PARTITION_KEY", "etag")]),
            "DYNAMODB_PARTITION_KEY",
        ),
        (
            whole(&[("DYNAMODB_TTL_ATTRIBUTE_NAME", "value")]),
            "DYNAMODB_TTL_ATTRIBUTE_NAME",
        ),
        (
            whole(&[("DYNAMODB_REQUEST_TIMEOUT", "soon")]),
            "DYNAMODB_REQUEST_TIMEOUT",
        ),
        (
            whole(&[("DYNAMODB_CONNECT_TIMEOUT", "soon")]),
            "DYNAMODB_CONNECT_TIMEOUT",
        ),
    ] {
        let mut store = with_environment(&variables).await;
        let answer = store.state().get("k", None).await;
        assert_refused(answer, "invalid-configuration", &[named]);
        assert_refused(
            store.state().features().await,
            "invalid-configuration",
            &[named],
        );
    }
}

#[tokio::test]
async fn metadata_wins_over_the_environment_field_by_field() {
    let (mine, theirs) = (Table::new().await, Table::new().await);
    let endpoint = engine().await.endpoint();
    let more = [
        ("DYNAMODB_TTL_ATTRIBUTE_NAME", EXPIRES_AT),
        ("AWS_REGION", "eu-west-1"),
    ];
    let mut store = with_environment(&whole(&theirs.name, endpoint, &more)).await;
    let metadata = [("table".to_owned(), mine.name.clone())];
    store.state().init(&metadata).await.unwrap();
    store
        .state()
        .set("k", b"v", crate::fixture::expiring(60))
        .await
        .unwrap();
    assert!(mine.raw("k").await.unwrap()[EXPIRES_AT]["N"].is_string());
    assert_eq!(theirs.raw("k").await, None);
    let empty = [("table".to_owned(), String::new())];
    store.state().init(&empty).await.unwrap();
    store.state().set("k", b"v", None).await.unwrap();
    assert!(theirs.raw("k").await.is_some());
}

#[tokio::test]
async fn the_variable_of_this_service_wins_over_the_one_of_every_service() {
    let table = Table::new().await;
    let endpoint = engine().await.endpoint();
    let elsewhere = "http://127.0.0.1:1";
    let more = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint)];
    let mut store = with_environment(&whole(&table.name, elsewhere, &more)).await;
    store.state().ping().await.unwrap();
    let more = [("AWS_ENDPOINT_URL_DYNAMODB", "")];
    let mut store = with_environment(&whole(&table.name, endpoint, &more)).await;
    store.state().ping().await.unwrap();
}
