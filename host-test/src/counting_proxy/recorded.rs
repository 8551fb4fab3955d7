//! A request is recorded once its body has arrived whole, before anybody answers it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, request::Parts};

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
}

/// The requests so far, shared with the server's thread.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Vec<RecordedRequest>>>);

impl Record {
    pub(super) fn add(&self, head: &Parts, body: &Bytes, connection: u64) {
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit_once('.'))
            .map(|(_, operation)| operation.to_owned())
            .unwrap_or_default();
        let request = RecordedRequest {
            target,
            method: head.method.clone(),
            path: head.uri.to_string(),
            headers: head.headers.clone(),
            body: body.clone(),
            connection,
        };
        self.write(|requests| requests.push(request));
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.read(<[_]>::to_vec)
    }

    pub(super) fn clear(&self) {
        self.write(Vec::clear);
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&[RecordedRequest]) -> T) -> T {
        // A panic elsewhere cannot leave the list half written.
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Vec<RecordedRequest>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
