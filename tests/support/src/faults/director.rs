//! A director decides what becomes of each request, and when. It may take its time: until it has
//! decided, the request is neither passed on nor answered, and others go on.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;

use super::{Action, Reply};

/// What a director answers.
pub type Decision<'a, T> = BoxFuture<'a, T>;

/// A request that arrived whole.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The operation: what follows the dot in `X-Amz-Target`. Empty where that is missing.
    pub operation: String,
    /// The how-manieth of its operation it is, from 1.
    pub nth: u64,
    /// The how-manieth of all requests it is, from 1.
    pub nth_of_all: u64,
    /// The connection that brought it, counted from 1 in the order of their arrival.
    pub connection: u64,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

/// Decides what becomes of requests.
pub trait Director: Send + Sync + 'static {
    /// What becomes of this request. It is kept waiting until this resolves, even where its client
    /// has gone meanwhile.
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action>;

    /// The upstream has answered. Its answer is kept back until this resolves; what is delivered in
    /// the end, the action said. Not asked about requests that are not passed on.
    fn answered<'a>(&'a self, _arrived: &'a Arrived, _answer: &'a Reply) -> Decision<'a, ()> {
        Box::pin(async {})
    }
}

/// The director of a proxy that does nothing to anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct PassOn;

impl Director for PassOn {
    fn decide<'a>(&'a self, _arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async { Action::pass() })
    }
}

impl<D: Director + ?Sized> Director for std::sync::Arc<D> {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        (**self).decide(arrived)
    }

    fn answered<'a>(&'a self, arrived: &'a Arrived, answer: &'a Reply) -> Decision<'a, ()> {
        (**self).answered(arrived, answer)
    }
}

impl Arrived {
    pub(super) fn new(head: &Parts, body: Bytes, connection: u64) -> Self {
        let target = head.headers.get("x-amz-target");
        let operation = target
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit_once('.'))
            .map(|(_, operation)| operation.to_owned())
            .unwrap_or_default();
        let path = head.uri.path_and_query();
        Self {
            operation,
            nth: 0,
            nth_of_all: 0,
            connection,
            method: head.method.clone(),
            path: path.map_or("/", |path| path.as_str()).to_owned(),
            headers: head.headers.clone(),
            body,
        }
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The access key ID that signed the request, which tells clients apart.
    pub fn access_key(&self) -> Option<&str> {
        let authorization = self.headers.get(http::header::AUTHORIZATION)?;
        let (_, credential) = authorization.to_str().ok()?.split_once("Credential=")?;
        credential.split('/').next()
    }
}
