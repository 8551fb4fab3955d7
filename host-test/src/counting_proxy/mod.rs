//! What went over the wire is counted at the server's side of it: the proxy stands before a
//! DynamoDB endpoint, passes every request on as it came, and remembers it. Where it meters, it
//! asks the upstream in each request what that consumes; the record has the request as it came.

mod metering;
mod recorded;

use std::{collections::HashSet, io, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use self::recorded::Record;
pub use self::recorded::RecordedRequest;
use crate::server_thread::ServerThread;

/// A running proxy. Stops on drop.
pub struct CountingProxy {
    endpoint: String,
    record: Record,
    _server: ServerThread,
}

impl CountingProxy {
    /// Starts a proxy on a free port of 127.0.0.1 before `upstream`, which is an endpoint such as
    /// `http://127.0.0.1:8000` (plain HTTP only).
    pub async fn start(upstream: &str) -> io::Result<Self> {
        Self::before(upstream, false)
    }

    /// As [`start`](Self::start), and asks the upstream what each request consumes. The client
    /// finds `ConsumedCapacity` in its answers, as if it had asked itself. Not for an upstream that
    /// checks signatures: they are of the request without the question.
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

    /// Every request since the start or the last [`reset`](Self::reset), in the order in which
    /// they had arrived whole.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.record.requests()
    }

    /// How many requests were for this operation: `BatchGetItem`.
    pub fn count(&self, target: &str) -> usize {
        self.record
            .read(|requests| requests.iter().filter(|r| r.target == target).count())
    }

    /// Over how many connections the recorded requests came. A connection that brought none does
    /// not count.
    pub fn connections(&self) -> usize {
        self.record.read(|requests| {
            let distinct: HashSet<u64> = requests.iter().map(|r| r.connection).collect();
            distinct.len()
        })
    }

    /// The most requests that were in flight at one time: arrived whole and not yet answered.
    pub fn most_in_flight(&self) -> usize {
        self.record.most_in_flight()
    }

    /// Forgets the recorded requests. Open connections stay open and keep their numbers.
    pub fn reset(&self) {
        self.record.clear();
    }
}

/// What every connection shares.
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
            // A client that breaks off is its own affair; what arrived whole is recorded.
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
        // Of the request without the question; the client writes it anew.
        head.headers.remove(header::CONTENT_LENGTH);
        metering::asking(&body)
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
    let consumed = passing.meters.then(|| metering::consumed(&body)).flatten();
    in_flight.answered(head.status, consumed);
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Fields that concern one connection only (RFC 9110, section 7.6.1).
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

#[cfg(test)]
mod tests;
