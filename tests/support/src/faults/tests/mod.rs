//! Tests of everything that the proxy does, as a client of the embedded DynamoDB sees it.

use super::*;
use host_test::embedded::{Embedded, Storage};
use host_test::raw_call::raw_call;
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod answers;
mod connections;
mod deliveries;
mod directors;

/// A limit that only a hanging test reaches.
const LONG: Duration = Duration::from_secs(30);

/// Returns a director that does this to every write, and nothing to reads.
fn writes(action: Action) -> impl Director {
    move |arrived: &Arrived| match arrived.operation.as_str() {
        "PutItem" | "BatchWriteItem" | "TransactWriteItems" => action.clone(),
        _ => Action::pass(),
    }
}

async fn engine() -> Embedded {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    embedded
}

async fn proxied(director: impl Director) -> (Embedded, FaultProxy) {
    let embedded = engine().await;
    let proxy = FaultProxy::start(embedded.endpoint(), director).unwrap();
    (embedded, proxy)
}

fn put(key: &str) -> Value {
    json!({ "TableName": "state", "Item": { "key": { "S": key } } })
}

/// Calls an operation through the proxy, and returns the status and the body.
async fn call(proxy: &FaultProxy, operation: &str, body: &Value) -> (u16, Value) {
    raw_call(proxy.endpoint(), operation, body).await.unwrap()
}

/// Returns the number of requests of an operation that arrived, and the number that were passed on.
fn counted(proxy: &FaultProxy, operation: &str) -> (u64, u64) {
    let count = proxy.count(operation);
    (count.arrived, count.forwarded)
}

async fn connect(proxy: &FaultProxy) -> std::io::Result<TcpStream> {
    TcpStream::connect(proxy.endpoint().trim_start_matches("http://")).await
}

/// Sends a PutItem.
async fn send_put(stream: &mut TcpStream) {
    let body = put("k").to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.PutItem\r\nx-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=client-a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
}

/// Returns everything that is sent in response to a PutItem, and true if the connection ended
/// normally.
async fn bytes_of_put(proxy: &FaultProxy) -> (String, bool) {
    let mut stream = connect(proxy).await.unwrap();
    send_put(&mut stream).await;
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended.is_ok())
}

/// Returns the response to a PutItem up to `end`, and the connection, which is still open.
async fn put_answered_up_to(proxy: &FaultProxy, end: &[u8]) -> (Vec<u8>, TcpStream) {
    let mut stream = connect(proxy).await.unwrap();
    send_put(&mut stream).await;
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let byte = stream.read_u8();
        let byte = tokio::time::timeout(LONG, byte).await;
        let seen = String::from_utf8_lossy(&bytes);
        bytes.push(byte.unwrap_or_else(|_| panic!("only {seen}")).unwrap());
    }
    (bytes, stream)
}
