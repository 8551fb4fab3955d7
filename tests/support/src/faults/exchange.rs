//! The exchange of one request, from its arrival to the departure of its response. It continues
//! even if the client has disconnected, as in a real network.
//!
//! Requests are counted when they have arrived completely, and again when they are passed on. The
//! upstream gets the request unchanged, except for header fields that concern one connection only.

use super::action::Departure;
use super::batches::{self, Split};
use super::{Answer, Arrived, Forward, Reply, Shared};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) async fn exchange(shared: Arc<Shared>, arrived: Arrived) -> Departure {
    let action = shared.director.decide(&arrived).await;
    if !action.delay.is_zero() {
        tokio::time::sleep(action.delay).await;
    }
    let of_upstream = match action.forward {
        Forward::Nothing => None,
        Forward::Whole => Some(forward(&shared, &arrived, None).await),
        Forward::OnePartition => {
            let answer = forward(&shared, &arrived, None).await;
            Some(batches::cut(&arrived.operation, &arrived.body, answer))
        }
        Forward::First(first) => {
            let split = batches::split(&arrived.operation, &arrived.body, first);
            Some(forward(&shared, &arrived, split).await)
        }
    };
    match action.answer {
        Answer::Upstreams => action.delivery.of(of_upstream),
        Answer::Instead(reply) => action.delivery.of(Some(reply)),
        Answer::Bytes(bytes) => action.delivery.of_bytes(&bytes),
    }
}

async fn forward(shared: &Shared, arrived: &Arrived, split: Option<Split>) -> Reply {
    let Some(split) = split else {
        return send(shared, arrived, arrived.body.clone()).await;
    };
    let answer = match split.passed_on.clone() {
        Some(body) => Some(send(shared, arrived, body).await),
        None => None,
    };
    split.joined(answer)
}

async fn send(shared: &Shared, arrived: &Arrived, body: Bytes) -> Reply {
    shared.traffic.forwarded(&arrived.operation);
    let answer = shared.upstream.send(arrived, body).await;
    shared.director.answered(arrived, &answer).await;
    answer
}

/// Numbers of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The requests that arrived completely at the proxy.
    pub arrived: u64,
    /// The requests that were passed on to the upstream, whole or in part.
    pub forwarded: u64,
}

/// All counts so far.
#[derive(Default)]
pub(super) struct Traffic(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: Count,
    of_operation: BTreeMap<String, Count>,
}

impl Traffic {
    /// Counts a request and sets its numbers.
    pub(super) fn arrived(&self, request: &mut Arrived) {
        let mut counts = self.lock();
        counts.all.arrived += 1;
        request.nth_of_all = counts.all.arrived;
        let own = counts.of_operation.entry(request.operation.clone());
        let own = own.or_default();
        own.arrived += 1;
        request.nth = own.arrived;
    }

    pub(super) fn forwarded(&self, operation: &str) {
        let mut counts = self.lock();
        counts.all.forwarded += 1;
        let own = counts.of_operation.entry(operation.to_owned());
        own.or_default().forwarded += 1;
    }

    pub(super) fn count(&self, operation: &str) -> Count {
        let counts = self.lock();
        counts
            .of_operation
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, Count> {
        self.lock().of_operation.clone()
    }

    pub(super) fn count_all(&self) -> Count {
        self.lock().all
    }

    pub(super) fn reset(&self) {
        *self.lock() = Counts::default();
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic elsewhere cannot leave a count half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoint behind the proxy.
pub(super) struct Upstream {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Upstream {
    pub(super) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            url: url.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// Returns the upstream's response, or HTTP 502 if there is none.
    pub(super) async fn send(&self, arrived: &Arrived, body: Bytes) -> Reply {
        let sent = self.try_send(arrived, body).await;
        sent.unwrap_or_else(|error| {
            Reply::text(StatusCode::BAD_GATEWAY, "text/plain", &error.to_string())
        })
    }

    async fn try_send(
        &self,
        arrived: &Arrived,
        body: Bytes,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("{}{}", self.url, arrived.path);
        let mut request = Request::builder().method(&arrived.method).uri(url);
        if let Some(headers) = request.headers_mut() {
            *headers = arrived.headers.clone();
            without_framing(headers);
        }
        let request = request.body(Full::new(body))?;
        let (mut head, body) = self.client.request(request).await?.into_parts();
        without_framing(&mut head.headers);
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}

/// Removes the header fields that concern one connection only (RFC 9110, section 7.6.1), and the
/// length, which is computed again.
fn without_framing(headers: &mut HeaderMap) {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::TE,
        header::EXPECT,
        header::CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
}
