//! A request is recorded once its body has arrived whole, before anybody answers it, and counts as
//! in flight from then until its answer is about to be sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, request::Parts};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The operation: what follows the dot in `X-Amz-Target`. Empty where that is missing.
    pub target: String,
    /// The method.
    pub method: http::Method,
    /// The path and query.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The connection that brought it, counted from 1 in the order of their arrival.
    pub connection: u64,
    /// The status of the answer of the upstream. `None` while, and where, there is none.
    pub status: Option<StatusCode>,
    /// The capacity units that it consumed, by the upstream's own account. `None` where the proxy
    /// does not meter, and where the upstream gave no account: it gives none with an error.
    pub consumed: Option<f64>,
    /// Its place among all requests of the proxy's life.
    number: u64,
}

impl RecordedRequest {
    /// Bytes of everything before the body as HTTP/1.1 writes it, one space between a field's name
    /// and its value: the request line, the fields and the empty line.
    pub fn head_bytes(&self) -> usize {
        let line = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let fields = self.headers.iter();
        let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
        line.len() + fields.sum::<usize>() + "\r\n".len()
    }
}

/// The requests so far, shared with the server's thread.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    requests: Vec<RecordedRequest>,
    arrived: u64,
    in_flight: usize,
    most_in_flight: usize,
}

/// A request that is not answered yet. Ends with its answer, or when it is dropped.
pub(super) struct InFlight {
    record: Record,
    number: u64,
}

impl Record {
    pub(super) fn add(&self, head: &Parts, body: &Bytes, connection: u64) -> InFlight {
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

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.clone()
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&[RecordedRequest]) -> T) -> T {
        look(&self.lock().requests)
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    pub(super) fn clear(&self) {
        let mut recorded = self.lock();
        recorded.requests.clear();
        recorded.most_in_flight = recorded.in_flight;
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        // A panic elsewhere cannot leave the list half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    /// Notes how it was answered. A request that the record has forgotten meanwhile stays forgotten.
    pub(super) fn answered(self, status: StatusCode, consumed: Option<f64>) {
        let mut recorded = self.record.lock();
        let requests = recorded.requests.iter_mut();
        // From the end: what is answered now has come of late.
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
