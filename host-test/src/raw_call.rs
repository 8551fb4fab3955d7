//! Sends one DynamoDB operation over plain HTTP, with a signature that is valid only in form. The
//! tests of the harness's own servers need no more.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn request(endpoint: &str, operation: &str, body: &Value) -> http::Request<Full<Bytes>> {
    http::Request::post(format!("{endpoint}/"))
        .header("host", endpoint.trim_start_matches("http://"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("x-amz-date", "20260101T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00",
        )
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap()
}

/// Makes one call over a new connection.
pub async fn raw_call(
    endpoint: &str,
    operation: &str,
    body: &Value,
) -> Result<(u16, Value), Failure> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request(endpoint, operation, body)).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Makes several calls over one connection.
pub async fn raw_calls_on_one_connection(
    endpoint: &str,
    operation: &str,
    bodies: &[Value],
) -> Result<Vec<u16>, Failure> {
    let stream = tokio::net::TcpStream::connect(endpoint.trim_start_matches("http://")).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driven = tokio::spawn(connection);
    let mut statuses = Vec::new();
    for body in bodies {
        let answer = sender
            .send_request(request(endpoint, operation, body))
            .await?;
        statuses.push(answer.status().as_u16());
        answer.into_body().collect().await?;
    }
    drop(sender);
    driven.await??;
    Ok(statuses)
}
