//! Without `init`, an instance reads its configuration from its environment. With `init`, each
//! metadata field overrides its variable. Each variable affects the request as documented.

use crate::fixture::{
    CREDENTIALS, EXPIRES_AT, SECRET_KEY, Table, assert_refused, counting_proxy, engine, expiring,
    reaching, whole, with_environment,
};
use dapr_wasm_host::types::FeatureSet;
use http::HeaderMap;
use serde_json::Value;

#[tokio::test]
async fn every_call_works_without_init_from_the_environment() {
    let table = Table::new().await;
    let variables = whole(&table.name, engine().await.endpoint(), &[]);
    let fresh = || with_environment(&variables);
    let etag = fresh().await.set("k", b"v").await;
    let item = fresh().await.get("k").await;
    assert_eq!(item.unwrap().etag, Some(etag));
    let features = fresh().await.state().features().await.unwrap();
    assert_eq!(features, FeatureSet::ETAG | FeatureSet::TRANSACTIONAL);
    fresh().await.state().ping().await.unwrap();
    let item = fresh().await.get_in_bulk("k").await.unwrap();
    assert_eq!(item.unwrap().value, b"v");
    fresh().await.delete("k").await;
    fresh().await.create(r#"{"key": "c"}"#).await.unwrap();
    fresh().await.binding().ping().await.unwrap();
}

#[tokio::test]
async fn call_before_init_needs_a_table_in_the_environment() {
    for variables in [
        &[][..],
        &CREDENTIALS,
        &[("DYNAMODB_TABLE", "")],
        &[("AWS_REGION", "eu-west-1")],
    ] {
        let mut store = with_environment(variables).await;
        let mut state = store.state();
        let refused = [
            state.get("k", None).await.map(drop),
            state.set("k", b"v", None).await.map(drop),
            state.delete("k", None).await,
            state.bulk_get(&[], None).await.map(drop),
            state.bulk_set(&[]).await.map(drop),
            state.bulk_delete(&[]).await.map(drop),
            state.transact(&[]).await.map(drop),
            state.features().await.map(drop),
            state.ping().await,
            store.binding().ping().await,
            store.create("{}").await,
        ];
        for answer in refused {
            assert_refused(answer, "not-initialized", &[]);
        }
        assert_eq!(store.state().max_transaction_size().await.unwrap(), 100);
        assert!(!store.binding().operations().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn invalid_variable_is_named_in_the_error() {
    let table = ("DYNAMODB_TABLE", "t");
    let region = ("AWS_REGION", "x");
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let mut wrong = vec![
        (vec![table], "AWS_REGION"),
        (vec![table, region, (id, "half")], secret),
        (vec![table, region, (secret, SECRET_KEY)], id),
    ];
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "nowhere"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("DYNAMODB_CONSISTENCY", "x"),
        ("DYNAMODB_PARTITION_KEY", "etag"),
        ("DYNAMODB_TTL_ATTRIBUTE_NAME", "value"),
        ("DYNAMODB_REQUEST_TIMEOUT", "soon"),
        ("DYNAMODB_CONNECT_TIMEOUT", "soon"),
    ] {
        wrong.push((whole("t", "http://127.0.0.1:1", &[(name, value)]), name));
    }
    for (variables, named) in wrong {
        let mut store = with_environment(&variables).await;
        let answer = store.state().get("k", None).await;
        assert_refused(answer, "invalid-configuration", &[named]);
        let answer = store.state().features().await;
        assert_refused(answer, "invalid-configuration", &[named]);
    }
}

#[tokio::test]
async fn each_metadata_field_overrides_its_variable() {
    let (mine, theirs) = (Table::new().await, Table::new().await);
    let endpoint = engine().await.endpoint();
    let more = [
        ("DYNAMODB_TTL_ATTRIBUTE_NAME", EXPIRES_AT),
        ("AWS_REGION", "eu-west-1"),
    ];
    let mut store = with_environment(&whole(&theirs.name, endpoint, &more)).await;
    let metadata = [("table".to_owned(), mine.name.clone())];
    store.state().init(&metadata).await.unwrap();
    let set = store.state().set("k", b"v", expiring(60)).await;
    set.unwrap();
    assert!(mine.raw("k").await.unwrap()[EXPIRES_AT]["N"].is_string());
    assert_eq!(theirs.raw("k").await, None);
    let empty = [("table".to_owned(), String::new())];
    store.state().init(&empty).await.unwrap();
    store.set("k", b"v").await;
    assert!(theirs.raw("k").await.is_some());
}

#[tokio::test]
async fn dynamodb_endpoint_variable_overrides_the_general_one() {
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

/// Returns the headers and the body of the single request of a `get` with these variables.
async fn request_with(table: &Table, more: &[(&str, &str)]) -> (HeaderMap, Value) {
    let proxy = counting_proxy().await;
    let variables = whole(&table.name, proxy.endpoint(), more);
    reaching(proxy.endpoint(), &variables).await.get("k").await;
    let request = proxy.requests().remove(0);
    let body = serde_json::from_slice(&request.body).unwrap();
    (request.headers, body)
}

#[tokio::test]
async fn region_token_key_and_consistency_come_from_variables() {
    let table = Table::with_partition_key("pkey").await;
    let pkey = ("DYNAMODB_PARTITION_KEY", "pkey");
    let default = ("AWS_DEFAULT_REGION", "eu-west-1");
    let token = ("AWS_SESSION_TOKEN", "the-token");
    let strong = ("DYNAMODB_CONSISTENCY", "strong");
    let region = ("AWS_REGION", "eu-west-2");
    for (more, region, is_special) in [
        (&[pkey][..], "us-east-1", false),
        (&[pkey, default, token, strong], "eu-west-1", true),
        (&[pkey, default, region], "eu-west-2", false),
    ] {
        let (headers, body) = request_with(&table, more).await;
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = format!("/{region}/dynamodb/");
        assert!(authorization.contains(&scope), "{authorization}");
        let token = headers.get("x-amz-security-token");
        assert_eq!(token.is_some_and(|token| token == "the-token"), is_special);
        assert_eq!(token.is_some(), is_special);
        let consistent = body["ConsistentRead"].as_bool();
        assert_eq!(consistent.unwrap_or(false), is_special);
        assert_eq!(body["Key"]["pkey"]["S"], "k");
    }
}

/// A session token belongs to the key pair that it came with; AWS refuses it with another pair.
#[tokio::test]
async fn session_token_variable_is_unused_with_metadata_keys() {
    let table = Table::new().await;
    let proxy = counting_proxy().await;
    let token = [("AWS_SESSION_TOKEN", "the-token")];
    let variables = whole(&table.name, proxy.endpoint(), &token);
    let mut store = reaching(proxy.endpoint(), &variables).await;
    let metadata = [("accessKey", "AKIDMINE"), ("secretKey", "mine")];
    store.state().init(&metadata).await.unwrap();
    let request = proxy.requests().remove(0);
    assert_eq!(request.headers.get("x-amz-security-token"), None);
}
