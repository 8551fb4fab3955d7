//! The lower bound: requests prepared beforehand, on keep-alive connections. The response body is not parsed.

use super::expect;
use super::native::BATCH_WRITE_REQUESTS;
use crate::cases::Task;
use crate::store::{PARTITION_KEY, TABLE};
use crate::tls::{Reach, Root};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A fixed authorization header, as long as a real one. The embedded DynamoDB checks only its form.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=benchmark/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000";

/// One connection for each request of a call, and the prepared requests of the next call.
pub(crate) struct Raw {
    authority: String,
    tls: Option<Arc<ClientConfig>>,
    connections: Vec<SendRequest<Full<Bytes>>>,
    requests: Vec<Request<Full<Bytes>>>,
    etag: Option<String>,
}

impl Raw {
    /// Makes the client. It opens no connection yet.
    pub(crate) fn new(reach: &Reach) -> Result<Self> {
        let tls = reach.root.as_ref().map(Root::client).transpose()?;
        let uri: Uri = reach.endpoint.parse()?;
        let authority = uri.authority().map(ToString::to_string);
        Ok(Self {
            authority: authority.context("the endpoint has no host")?,
            tls: tls.map(Arc::new),
            connections: Vec::new(),
            requests: Vec::new(),
            etag: None,
        })
    }

    pub(crate) fn prepare(&mut self, task: &Task<'_>) {
        self.etag = None;
        let of_table = |rest: Value| {
            let mut body = json!({ "TableName": TABLE });
            for (name, value) in rest.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            body
        };
        let (operation, bodies) = match *task {
            Task::Get { key, .. } => ("GetItem", vec![of_table(json!({ "Key": key_of(key) }))]),
            Task::Set { key, value, etag } => {
                let new_etag = format!("{:016x}", fastrand::u64(..));
                let mut body = of_table(json!({ "Item": item(key, value, &new_etag) }));
                if let Some(etag) = etag {
                    body["ConditionExpression"] = json!("#e = :e");
                    body["ExpressionAttributeNames"] = json!({ "#e": "etag" });
                    body["ExpressionAttributeValues"] = json!({ ":e": { "S": etag } });
                    body["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
                }
                self.etag = Some(new_etag);
                ("PutItem", vec![body])
            }
            Task::Delete { key } => ("DeleteItem", vec![of_table(json!({ "Key": key_of(key) }))]),
            Task::BulkGet { keys } => {
                let keys: Vec<_> = keys.iter().map(|key| key_of(key)).collect();
                let body = json!({ "RequestItems": { TABLE: { "Keys": keys } } });
                ("BatchGetItem", vec![body])
            }
            Task::BulkSet { keys, value } => {
                let batches = keys.chunks(BATCH_WRITE_REQUESTS).map(|keys| {
                    let put =
                        |key: &String| json!({ "PutRequest": { "Item": item(key, value, ETAG) } });
                    let puts: Vec<_> = keys.iter().map(put).collect();
                    json!({ "RequestItems": { TABLE: puts } })
                });
                ("BatchWriteItem", batches.collect())
            }
            Task::Transact { keys, value } => {
                let put = |key: &String| json!({ "Put": of_table(json!({ "Item": item(key, value, ETAG) })) });
                let puts: Vec<_> = keys.iter().map(put).collect();
                let token = format!("{:032x}", fastrand::u128(..));
                let body = json!({ "TransactItems": puts, "ClientRequestToken": token });
                ("TransactWriteItems", vec![body])
            }
            Task::Create { item } => {
                let members: serde_json::Map<String, Value> =
                    serde_json::from_str(item).unwrap_or_default();
                let item: serde_json::Map<_, _> = members
                    .into_iter()
                    .map(|(name, value)| (name, json!({ "S": value })))
                    .collect();
                ("PutItem", vec![of_table(json!({ "Item": item }))])
            }
        };
        self.requests = bodies
            .iter()
            .map(|body| self.request(operation, body))
            .collect();
    }

    fn request(&self, operation: &str, body: &Value) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = http::Method::POST;
        let target = format!("DynamoDB_20120810.{operation}");
        for (name, value) in [
            ("host", self.authority.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", &target),
            ("x-amz-date", "20260101T000000Z"),
            ("authorization", AUTHORIZATION),
        ] {
            if let Ok(value) = value.parse() {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }

    /// Sends the prepared requests, each on its own connection.
    pub(crate) async fn perform(&mut self) -> Result<Option<String>> {
        while self.connections.len() < self.requests.len() {
            let connection = self.connect().await?;
            self.connections.push(connection);
        }
        let requests = self.requests.drain(..);
        let exchanges = self.connections.iter_mut().zip(requests);
        futures_util::future::try_join_all(exchanges.map(async |(connection, request)| {
            connection.ready().await?;
            let answer = connection.send_request(request).await?;
            let status = answer.status();
            answer.into_body().collect().await?;
            expect("raw HTTP", status == StatusCode::OK)
        }))
        .await?;
        Ok(self.etag.take())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let tcp = TcpStream::connect(&self.authority).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return drive(tcp).await;
        };
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())?;
        let tls = TlsConnector::from(Arc::clone(tls));
        drive(tls.connect(name, tcp).await?).await
    }
}

async fn drive<S>(stream: S) -> Result<SendRequest<Full<Bytes>>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // If the connection fails, the next request reports it.
    tokio::spawn(connection);
    Ok(sender)
}

/// The ETag of items whose ETag no later call needs.
const ETAG: &str = "00000000000000ff";

fn key_of(key: &str) -> Value {
    json!({ PARTITION_KEY: { "S": key } })
}

fn item(key: &str, value: &str, etag: &str) -> Value {
    json!({ PARTITION_KEY: { "S": key }, "value": { "S": value }, "etag": { "S": etag } })
}
