//! A proxy that counts requests on the server's side of the wire.
//!
//! It stands in front of a DynamoDB endpoint, forwards every request unchanged and records it. A metering proxy also
//! adds `ReturnConsumedCapacity` to each forwarded request; the record keeps the original request.

use crate::server_thread::ServerThread;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A running proxy. Stops on drop.
pub struct CountingProxy {
    endpoint: String,
    record: Record,
    _server: ServerThread,
}

impl CountingProxy {
    /// Starts a proxy on a free port of 127.0.0.1 in front of `upstream`, an endpoint such as `http://127.0.0.1:8000`
    /// (plain HTTP only).
    pub async fn start(upstream: &str) -> io::Result<Self> {
        Self::before(upstream, false)
    }

    /// Like [`start`](Self::start), and asks the upstream for the capacity that each request consumes. The client finds
    /// `ConsumedCapacity` in the responses, as if it had asked itself. Does not work with an upstream that checks
    /// signatures, because the proxy changes the signed body.
    pub async fn start_metering(upstream: &str) -> io::Result<Self> {
        Self::before(upstream, true)
    }

    fn before(upstream: &str, meters: bool) -> io::Result<Self> {
        let record = Record::default();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let passing = Arc::new(Passing {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            record: record.clone(),
            meters,
        });
        let server = ServerThread::start("counting-proxy", move |listener, stopped| {
            accept(listener, passing, stopped)
        })?;
        Ok(Self {
            endpoint: server.endpoint(),
            record,
            _server: server,
        })
    }

    /// `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns every request since the start or the last [`reset`](Self::reset), in the order in which their bodies
    /// were complete.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.record.lock().requests.clone()
    }

    /// Returns the number of requests for this operation, such as `BatchGetItem`.
    pub fn count(&self, target: &str) -> usize {
        let recorded = self.record.lock();
        let of_target = recorded.requests.iter().filter(|r| r.target == target);
        of_target.count()
    }

    /// Returns the number of connections that brought the recorded requests. Connections without a request do not
    /// count.
    pub fn connections(&self) -> usize {
        let recorded = self.record.lock();
        let distinct: HashSet<u64> = recorded.requests.iter().map(|r| r.connection).collect();
        distinct.len()
    }

    /// Returns the largest number of requests in flight at one time: fully received and not yet answered.
    pub fn most_in_flight(&self) -> usize {
        self.record.lock().most_in_flight
    }

    /// Forgets the recorded requests. Open connections stay open and keep their numbers.
    pub fn reset(&self) {
        let mut recorded = self.record.lock();
        recorded.requests.clear();
        recorded.most_in_flight = recorded.in_flight;
    }
}

/// The state that all connections share.
struct Passing {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    record: Record,
    meters: bool,
}

async fn accept(listener: TcpListener, passing: Arc<Passing>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Connections end with the set.
            _ = &mut stopped => return,
            // Finished connections leave the set as they end.
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        number += 1;
        let connection = number;
        let passing = passing.clone();
        connections.spawn(async move {
            let service = service_fn(|request| pass_on(passing.clone(), connection, request));
            // A client may close early. Requests that were fully received are recorded anyway.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn pass_on(
    passing: Arc<Passing>,
    connection: u64,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let in_flight = passing.record.add(&head, &body, connection);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = match format!("{}{path}", passing.upstream).parse() {
        Ok(uri) => uri,
        Err(error) => return Ok(bad_gateway(&error.to_string())),
    };
    head.uri = uri;
    drop_hop_by_hop(&mut head.headers);
    let body = if passing.meters {
        // The header has the length of the original body. The client writes a new one.
        head.headers.remove(header::CONTENT_LENGTH);
        asking(&body)
    } else {
        body
    };
    let answer = passing
        .client
        .request(Request::from_parts(head, Full::new(body)))
        .await;
    let (mut head, body) = match answer {
        Ok(answer) => answer.into_parts(),
        Err(error) => return Ok(bad_gateway(&error.to_string())),
    };
    drop_hop_by_hop(&mut head.headers);
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(bad_gateway(&error.to_string())),
    };
    let consumed = passing.meters.then(|| consumed(&body)).flatten();
    in_flight.answered(head.status, consumed);
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Removes the headers that concern one connection only (RFC 9110, section 7.6.1).
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::TE] {
        headers.remove(name);
    }
}

fn bad_gateway(sentence: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(sentence.to_owned())));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The operation: the part of `X-Amz-Target` after the dot. Empty if the header is missing.
    pub target: String,
    /// The method.
    pub method: http::Method,
    /// The path and query.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The number of its connection, counted from 1 in order of arrival.
    pub connection: u64,
    /// The status of the upstream's response. `None` until one arrives, and if none ever does.
    pub status: Option<StatusCode>,
    /// The capacity units that it consumed, as reported by the upstream. `None` if the proxy does not meter or the
    /// upstream reported nothing, as in an error response.
    pub consumed: Option<f64>,
    /// Its position among all requests of the proxy's life.
    number: u64,
}

impl RecordedRequest {
    /// Returns the number of bytes before the body as HTTP/1.1 writes them: the request line, the headers and the empty
    /// line. Each header has one space between its name and its value.
    pub fn head_bytes(&self) -> usize {
        let line = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let fields = self.headers.iter();
        let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
        line.len() + fields.sum::<usize>() + "\r\n".len()
    }
}

/// The requests so far, shared with the server's thread.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    requests: Vec<RecordedRequest>,
    arrived: u64,
    in_flight: usize,
    most_in_flight: usize,
}

/// A request in flight: from the moment its body is complete until its response is about to be sent. Dropping it ends
/// it too.
struct InFlight {
    record: Record,
    number: u64,
}

impl Record {
    fn add(&self, head: &Parts, body: &Bytes, connection: u64) -> InFlight {
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit_once('.'))
            .map(|(_, operation)| operation.to_owned())
            .unwrap_or_default();
        let mut recorded = self.lock();
        let number = recorded.arrived;
        recorded.arrived += 1;
        recorded.in_flight += 1;
        recorded.most_in_flight = recorded.most_in_flight.max(recorded.in_flight);
        recorded.requests.push(RecordedRequest {
            target,
            method: head.method.clone(),
            path: head.uri.to_string(),
            headers: head.headers.clone(),
            body: body.clone(),
            connection,
            status: None,
            consumed: None,
            number,
        });
        InFlight {
            record: self.clone(),
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        // A panic elsewhere cannot leave the list half written, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    /// Records the status and the consumed capacity. Does nothing if a reset has removed the request.
    fn answered(self, status: StatusCode, consumed: Option<f64>) {
        let mut recorded = self.record.lock();
        let requests = recorded.requests.iter_mut();
        // Search from the end: a request that is answered now arrived recently.
        let request = requests.rev().find(|request| request.number == self.number);
        if let Some(request) = request {
            request.status = Some(status);
            request.consumed = consumed;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.record.lock().in_flight -= 1;
    }
}

/// Adds `ReturnConsumedCapacity` to the request body. A body that is not a JSON object stays unchanged.
fn asking(body: &Bytes) -> Bytes {
    let Ok(mut request) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return body.clone();
    };
    request.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    Bytes::from(Value::Object(request).to_string())
}

/// Returns the capacity units in a response: for one table, or the sum over a list of tables.
fn consumed(answer: &Bytes) -> Option<f64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    match answer.get("ConsumedCapacity")? {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => units(table),
    }
}

fn units(table: &Value) -> Option<f64> {
    table["CapacityUnits"].as_f64()
}

#[cfg(test)]
mod tests;
