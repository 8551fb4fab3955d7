//! A director decides how each connection and each request is handled. It may take its time: until
//! it has decided, the request is neither passed on nor answered. Other requests are not delayed.

use super::{Action, Reply};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The future with a director's decision.
pub type Decision<'a, T> = BoxFuture<'a, T>;

/// A request that arrived completely.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The operation: the part of `X-Amz-Target` after the dot. Empty if the header is missing.
    pub operation: String,
    /// The number of this request among those of its operation, from 1.
    pub nth: u64,
    /// The number of this request among all requests, from 1.
    pub nth_of_all: u64,
    /// The number of the connection that carried the request, from 1, in order of arrival.
    pub connection: u64,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, unchanged.
    pub body: Bytes,
}

/// The start of a connection. It is also a director, of a proxy whose connections all start in this
/// way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Requests are read from the connection.
    Http,
    /// The connection gets these bytes (possibly none) before any request, and is closed.
    Ends(Bytes),
    /// Some bytes of any protocol are read from the connection, and it is closed.
    EndsAfterReading,
}

/// Decides how requests are handled. A function from a request to an action is a director.
pub trait Director: Send + Sync + 'static {
    /// Returns the start of the next connection.
    fn opening(&self) -> Opening {
        Opening::Http
    }

    /// Decides how this request is handled. The request waits until the future resolves, even if
    /// its client has disconnected.
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action>;

    /// Called when the upstream has responded. The response is held back until the future resolves.
    /// The action has already decided what is delivered. Not called for requests that are not
    /// passed on.
    fn answered<'a>(&'a self, _arrived: &'a Arrived, _answer: &'a Reply) -> Decision<'a, ()> {
        Box::pin(async {})
    }
}

/// The director of a proxy that passes everything on unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub struct PassOn;

impl Director for PassOn {
    fn decide<'a>(&'a self, _arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async { Action::pass() })
    }
}

impl Director for Opening {
    fn opening(&self) -> Opening {
        self.clone()
    }

    fn decide<'a>(&'a self, _arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async { Action::pass() })
    }
}

impl<F: Fn(&Arrived) -> Action + Send + Sync + 'static> Director for F {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(std::future::ready(self(arrived)))
    }
}

/// A director that a test controls while its proxy runs. The orders apply to the next requests, and
/// all others pass. Clones share their orders.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<Vec<Order>>>);

#[derive(Debug)]
struct Order {
    /// The requests to which the order applies, or `None` for all.
    subject: Option<&'static str>,
    /// The number of requests that are left, or `None` for no limit.
    left: Option<usize>,
    action: Action,
}

impl Orders {
    /// Applies this action to the next `times` requests, after those of earlier orders.
    pub fn next(&self, times: usize, action: Action) {
        self.add(None, Some(times), action);
    }

    /// Applies this action to all requests from now on, and removes earlier orders.
    pub fn always(&self, action: Action) {
        self.clear();
        self.add(None, None, action);
    }

    /// Passes all requests on from now on.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Returns the number of requests for which orders are left, without those of `always`.
    pub fn left(&self) -> usize {
        self.lock().iter().filter_map(|order| order.left).sum()
    }

    pub(crate) fn add(&self, subject: Option<&'static str>, left: Option<usize>, action: Action) {
        self.lock().push(Order {
            subject,
            left,
            action,
        });
    }

    /// Takes the action of the first order for this subject that is not used up.
    pub(crate) fn take(&self, subject: &str) -> Option<Action> {
        let mut orders = self.lock();
        let order = orders.iter_mut().find(|order| {
            order.subject.is_none_or(|about| about == subject) && order.left != Some(0)
        })?;
        if let Some(left) = &mut order.left {
            *left -= 1;
        }
        Some(order.action.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Order>> {
        // A panic elsewhere cannot leave an order half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Director for Orders {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let action = self.take(&arrived.operation).unwrap_or_else(Action::pass);
        Box::pin(async { action })
    }
}

impl<D: Director + ?Sized> Director for Arc<D> {
    fn opening(&self) -> Opening {
        (**self).opening()
    }

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

    /// Returns the body as JSON, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the access key ID that signed the request. Tests use it to tell clients apart.
    pub fn access_key(&self) -> Option<&str> {
        let authorization = self.headers.get(http::header::AUTHORIZATION)?;
        let (_, credential) = authorization.to_str().ok()?.split_once("Credential=")?;
        credential.split('/').next()
    }
}
