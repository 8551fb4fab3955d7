use super::*;
use crate::embedded::{Embedded, Storage};
use crate::raw_call::{raw_call, raw_calls_on_one_connection};
use serde_json::{Value, json};

async fn proxied() -> (Embedded, CountingProxy) {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    let proxy = CountingProxy::start(embedded.endpoint()).await.unwrap();
    (embedded, proxy)
}

#[tokio::test]
async fn responses_pass_through_and_requests_are_recorded() {
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
async fn reset_clears_the_counts() {
    let (_embedded, proxy) = proxied().await;
    raw_call(proxy.endpoint(), "ListTables", &json!({}))
        .await
        .unwrap();
    assert_eq!(proxy.connections(), 1);
    proxy.reset();
    assert_eq!((proxy.requests().len(), proxy.connections()), (0, 0));
}

#[tokio::test]
async fn unreachable_upstream_is_a_bad_gateway() {
    let (embedded, proxy) = proxied().await;
    drop(embedded);
    let (status, _) = raw_call(proxy.endpoint(), "ListTables", &json!({}))
        .await
        .unwrap();
    assert_eq!(status, 502);
    assert_eq!(proxy.count("ListTables"), 1);
}

#[tokio::test]
async fn request_head_is_counted_to_the_byte() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_embedded, proxy) = proxied().await;
    let authority = proxy.endpoint().trim_start_matches("http://");
    let head = format!(
        "POST /a?b=c HTTP/1.1\r\nhost: {authority}\r\nx-amz-target: DynamoDB_20120810.GetItem\r\ncontent-length: 2\r\n\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"{}").await.unwrap();
    stream.read_u8().await.unwrap();
    assert_eq!(proxy.requests()[0].head_bytes(), head.len());
}

#[tokio::test]
async fn metering_proxy_records_capacity_and_original_request() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    let proxy = CountingProxy::start_metering(embedded.endpoint())
        .await
        .unwrap();
    let put = json!({ "Put": { "TableName": "state", "Item": { "key": { "S": "a" } } } });
    let transact = json!({ "TransactItems": [put] });
    let get = json!({ "TableName": "state", "Key": { "key": { "S": "a" } } });
    let absent = json!({ "TableName": "absent", "Key": { "key": { "S": "a" } } });
    for (operation, body) in [
        ("TransactWriteItems", &transact),
        ("GetItem", &get),
        ("GetItem", &absent),
    ] {
        raw_call(proxy.endpoint(), operation, body).await.unwrap();
    }
    let recorded = proxy.requests();
    let told: Vec<_> = recorded
        .iter()
        .map(|request| (request.status.unwrap().as_u16(), request.consumed))
        .collect();
    assert_eq!(told, [(200, Some(2.0)), (200, Some(0.5)), (400, None)]);
    assert_eq!(
        serde_json::from_slice::<Value>(&recorded[1].body).unwrap(),
        get
    );
}

#[tokio::test]
async fn counting_proxy_adds_nothing_to_requests() {
    let (_embedded, proxy) = proxied().await;
    let get = json!({ "TableName": "state", "Key": { "key": { "S": "a" } } });
    let (_, answer) = raw_call(proxy.endpoint(), "GetItem", &get).await.unwrap();
    assert_eq!(answer, json!({}));
    assert_eq!(proxy.requests()[0].consumed, None);
}

#[tokio::test]
async fn most_in_flight_counts_concurrent_requests() {
    // Accepts connections and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", silent.local_addr().unwrap());
    let proxy = CountingProxy::start(&upstream).await.unwrap();
    let mut waiting = Vec::new();
    let mut held = Vec::new();
    for most in 1..=3 {
        let endpoint = proxy.endpoint().to_owned();
        waiting.push(tokio::spawn(async move {
            raw_call(&endpoint, "ListTables", &json!({})).await
        }));
        // The proxy connects upstream once it has received the request.
        held.push(silent.accept().await.unwrap());
        assert_eq!(proxy.most_in_flight(), most);
    }
    drop((silent, held));
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().0, 502);
    }
    assert_eq!(proxy.most_in_flight(), 3);
    proxy.reset();
    assert_eq!(proxy.most_in_flight(), 0);
}
