//! Each variable of the environment reaches the request that it is for.

use host_test::counting_proxy::CountingProxy;
use serde_json::Value;

use crate::fixture::{Table, engine, reaching, whole};

/// What the one GetItem of `ping` looks like with these variables.
async fn ping_with(table: &Table, more: &[(&str, &str)]) -> (String, Option<String>, Value) {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let variables = whole(&table.name, proxy.endpoint(), more);
    reaching(proxy.endpoint(), &variables)
        .await
        .state()
        .get("k", None)
        .await
        .unwrap();
    let request = proxy.requests().remove(0);
    let text = |name: &str| Some(request.headers.get(name)?.to_str().unwrap().to_owned());
    let body = serde_json::from_slice(&request.body).unwrap();
    (
        text("authorization").unwrap(),
        text("x-amz-security-token"),
        body,
    )
}

#[tokio::test]
async fn region_token_key_name_and_consistency_are_taken_from_their_variables() {
    let table = Table::with_partition_key("pkey").await;
    let pkey = ("DYNAMODB_PARTITION_KEY", "pkey");
    let (authorization, token, body) = ping_with(&table, &[pkey]).await;
    assert!(
        authorization.contains("/us-east-1/dynamodb/"),
        "{authorization}"
    );
    assert_eq!(
        (token, body["ConsistentRead"].as_bool().unwrap_or(false)),
        (None, false)
    );
    assert_eq!(body["Key"]["pkey"]["S"], "k");
    let more = [
        pkey,
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_SESSION_TOKEN", "the-token"),
        ("DYNAMODB_CONSISTENCY", "strong"),
    ];
    let (authorization, token, body) = ping_with(&table, &more).await;
    assert!(
        authorization.contains("/eu-west-1/dynamodb/"),
        "{authorization}"
    );
    assert_eq!(
        (token.as_deref(), body["ConsistentRead"].as_bool()),
        (Some("the-token"), Some(true))
    );
    let more = [
        pkey,
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_REGION", "eu-west-2"),
    ];
    let (authorization, _, _) = ping_with(&table, &more).await;
    assert!(
        authorization.contains("/eu-west-2/dynamodb/"),
        "{authorization}"
    );
}

/// A session token belongs to the pair it came with; another pair would be refused with it.
#[tokio::test]
async fn a_session_token_of_the_environment_does_not_go_with_a_pair_from_metadata() {
    let table = Table::new().await;
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let token = [("AWS_SESSION_TOKEN", "the-token")];
    let mut store = reaching(
        proxy.endpoint(),
        &whole(&table.name, proxy.endpoint(), &token),
    )
    .await;
    let metadata = [("accessKey", "AKIDMINE"), ("secretKey", "mine")];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
    store.state().init(&metadata).await.unwrap();
    let request = proxy.requests().remove(0);
    assert_eq!(request.headers.get("x-amz-security-token"), None);
}
