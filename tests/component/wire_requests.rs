//! What a request says, read at the server.

use crate::fixture::{first_write, if_etag};
use crate::transaction::{delete, set};
use crate::wire::{bodies, proxied};

#[tokio::test]
async fn a_set_with_an_etag_asks_for_the_old_item_so_that_a_retry_can_know_itself() {
    let (mut store, proxy, _) = proxied().await;
    let etag = store.state().set("k", b"v", first_write()).await.unwrap();
    store.state().set("k", b"v", if_etag(&etag)).await.unwrap();
    store.state().set("k", b"v", None).await.unwrap();
    let bodies = bodies(&proxy);
    let returns = |n: usize| bodies[n]["ReturnValuesOnConditionCheckFailure"].clone();
    assert_eq!(returns(1), "ALL_OLD");
    let conditional: Vec<bool> = bodies
        .iter()
        .map(|body| body["ConditionExpression"].is_string())
        .collect();
    assert_eq!(conditional, [true, true, false]);
    // Neither of the others is ever sent again when it may have been applied.
    assert!(returns(0).is_null() && returns(2).is_null());
}

#[tokio::test]
async fn every_transaction_has_a_request_token_of_its_own() {
    let (mut store, proxy, _) = proxied().await;
    for _ in 0..2 {
        store
            .state()
            .transact(&[set("a", b"v", None)])
            .await
            .unwrap();
    }
    let tokens: Vec<String> = bodies(&proxy)
        .iter()
        .map(|body| body["ClientRequestToken"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
    // DynamoDB takes 1 to 36 characters.
    assert!(
        tokens.iter().all(|token| (1..=36).contains(&token.len())),
        "{tokens:?}"
    );
}

#[tokio::test]
async fn operations_of_a_transaction_on_one_key_are_one_item_on_the_wire() {
    let (mut store, proxy, _) = proxied().await;
    let folded = [
        set("a", b"1", None),
        delete("a", None),
        set("b", b"2", None),
        set("a", b"3", None),
    ];
    store.state().transact(&folded).await.unwrap();
    let items = bodies(&proxy)[0]["TransactItems"].as_array().unwrap().len();
    assert_eq!(items, 2);
}

#[tokio::test]
async fn every_request_is_signed_and_addressed_as_dynamodb_wants_it() {
    let (mut store, proxy, _) = proxied().await;
    store.state().get("k", None).await.unwrap();
    let request = proxy.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/")
    );
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(header("x-amz-target"), "DynamoDB_20120810.GetItem");
    assert_eq!(format!("http://{}", header("host")), proxy.endpoint());
    assert_eq!(header("x-amz-date").len(), "20260101T000000Z".len());
    let authorization = header("authorization");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"),
        "{authorization}"
    );
    for signed in ["host", "x-amz-date", "x-amz-target"] {
        assert!(
            authorization.contains(signed),
            "{authorization} leaves {signed} unsigned"
        );
    }
}
