use serde_json::{Value, json};

use super::*;
use crate::{
    embedded::{Embedded, Storage},
    raw_call::{raw_call, raw_calls_on_one_connection},
};

async fn proxied() -> (Embedded, CountingProxy) {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    let proxy = CountingProxy::start(embedded.endpoint()).await.unwrap();
    (embedded, proxy)
}

#[tokio::test]
async fn answers_come_from_the_upstream_and_requests_are_recorded_by_operation() {
    let (embedded, proxy) = proxied().await;
    let item = json!({ "key": { "S": "a" } });
    let put = json!({ "TableName": "state", "Item": item });
    let get = json!({ "TableName": "state", "Key": { "key": { "S": "a" } } });
    assert_eq!(
        raw_call(proxy.endpoint(), "PutItem", &put).await.unwrap().0,
        200
    );
    let (status, answer) = raw_call(proxy.endpoint(), "GetItem", &get).await.unwrap();
    assert_eq!((status, &answer["Item"]), (200, &item));
    assert_eq!(embedded.scan("state").await.unwrap(), [item]);

    assert_eq!(proxy.count("PutItem"), 1);
    assert_eq!(proxy.count("GetItem"), 1);
    assert_eq!(proxy.count("Scan"), 0);
    let recorded = proxy.requests();
    assert_eq!(recorded[0].target, "PutItem");
    assert_eq!(
        serde_json::from_slice::<Value>(&recorded[0].body).unwrap(),
        put
    );
    assert_eq!(
        recorded[1].headers["x-amz-target"],
        "DynamoDB_20120810.GetItem"
    );
}

#[tokio::test]
async fn requests_on_one_connection_count_as_one_connection() {
    let (_embedded, proxy) = proxied().await;
    let get = json!({ "TableName": "state", "Key": { "key": { "S": "a" } } });
    let statuses = raw_calls_on_one_connection(proxy.endpoint(), "GetItem", &vec![get.clone(); 5])
        .await
        .unwrap();
    assert_eq!(statuses, [200; 5]);
    assert_eq!((proxy.requests().len(), proxy.connections()), (5, 1));
    raw_call(proxy.endpoint(), "GetItem", &get).await.unwrap();
    assert_eq!((proxy.requests().len(), proxy.connections()), (6, 2));
}

#[tokio::test]
async fn a_reset_forgets_what_was_counted() {
    let (_embedded, proxy) = proxied().await;
    raw_call(proxy.endpoint(), "ListTables", &json!({}))
        .await
        .unwrap();
    assert_eq!(proxy.connections(), 1);
    proxy.reset();
    assert_eq!((proxy.requests().len(), proxy.connections()), (0, 0));
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_a_bad_gateway() {
    let (embedded, proxy) = proxied().await;
    drop(embedded);
    let (status, _) = raw_call(proxy.endpoint(), "ListTables", &json!({}))
        .await
        .unwrap();
    assert_eq!(status, 502);
    assert_eq!(proxy.count("ListTables"), 1);
}
