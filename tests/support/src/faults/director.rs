//! A director decides what becomes of each connection and of each request, and when. It may take its time: until it has
//! decided, the request is neither passed on nor answered, and others go on.

use super::{Action, Reply};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The answer of a director.
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

/// How a connection begins. It is itself the director of a proxy all of whose connections begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Requests are read from it.
    Http,
    /// It gets these bytes unasked, which may be none, and is closed.
    Ends(Bytes),
    /// Something is read from it, of whatever protocol, and it is closed.
    EndsAfterReading,
}

/// Decides what becomes of requests. A function from a request to its action is a director.
pub trait Director: Send + Sync + 'static {
    /// How the next connection begins.
    fn opening(&self) -> Opening {
        Opening::Http
    }

    /// Decides what becomes of this request. It is kept waiting until this resolves, even where its client
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

/// A director that a test steers while its proxy runs. What it orders becomes of the next requests; the others pass. Clones
/// share their orders.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<Vec<Order>>>);

#[derive(Debug)]
struct Order {
    /// The requests that it is about; all where there is none.
    subject: Option<&'static str>,
    /// For so many requests; for all where there is none.
    left: Option<usize>,
    action: Action,
}

impl Orders {
    /// The next `times` requests meet this action, after those of earlier orders.
    pub fn next(&self, times: usize, action: Action) {
        self.add(None, Some(times), action);
    }

    /// All requests meet this action from now on, and no earlier order holds.
    pub fn always(&self, action: Action) {
        self.clear();
        self.add(None, None, action);
    }

    /// All requests pass from now on.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many requests are still to meet an order, those of `always` aside.
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

    /// The action of the first order about this subject that is not carried out yet.
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
