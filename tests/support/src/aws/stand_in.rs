//! A server that stands in for one of AWS's. It responds as the real one does, except for the
//! requests for which a test orders something else. It records the requests.

use crate::faults::{
    Action, Answer, Arrived, Decision, Director, FaultProxy, Forward, Orders, Reply,
};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The service that a stand-in imitates.
pub trait Service: Send + Sync + 'static {
    /// Returns the subject of a request in one word. Tests use it to order and to count.
    fn subject(&self, arrived: &Arrived) -> &'static str;

    /// Returns the service's response.
    fn answer(&self, arrived: &Arrived) -> Reply;
}

/// A running stand-in. Stops on drop.
pub struct StandIn<S> {
    proxy: FaultProxy,
    desk: Arc<Desk<S>>,
}

struct Desk<S> {
    service: S,
    orders: Orders,
    asked: Mutex<Vec<(&'static str, Arrived)>>,
}

impl<S: Service> StandIn<S> {
    /// Starts the stand-in on a free port of 127.0.0.1.
    pub fn start(service: S) -> io::Result<Self> {
        let desk = Arc::new(Desk {
            service,
            orders: Orders::default(),
            asked: Mutex::default(),
        });
        // The proxy has no upstream: the stand-in makes every response.
        let proxy = FaultProxy::start("", desk.clone())?;
        Ok(Self { proxy, desk })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }

    /// Returns the service, to change its behaviour.
    pub fn service(&self) -> &S {
        &self.desk.service
    }

    /// Sets the action for the next `times` requests with this subject. If the action asks for the
    /// upstream's response, the service's own is used.
    pub fn order(&self, times: usize, subject: &'static str, action: Action) {
        self.desk.orders.add(Some(subject), Some(times), action);
    }

    /// Sets the action for all requests with this subject from now on.
    pub fn order_always(&self, subject: &'static str, action: Action) {
        self.desk.orders.add(Some(subject), None, action);
    }

    /// Removes all orders: the stand-in responds as the service does.
    pub fn forget_orders(&self) {
        self.desk.orders.clear();
    }

    /// Returns the number of requests with this subject that arrived completely.
    pub fn count(&self, subject: &str) -> usize {
        let asked = lock(&self.desk.asked);
        asked.iter().filter(|(known, _)| *known == subject).count()
    }

    /// Returns the number of requests that arrived completely.
    pub fn count_all(&self) -> usize {
        lock(&self.desk.asked).len()
    }

    /// Returns the requests with this subject, in order.
    pub fn asked(&self, subject: &str) -> Vec<Arrived> {
        let asked = lock(&self.desk.asked);
        let asked = asked.iter().filter(|(known, _)| *known == subject);
        asked.map(|(_, arrived)| arrived.clone()).collect()
    }

    /// Returns the proxy that serves the stand-in, to control its connections.
    pub fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }
}

impl<S: Service> Desk<S> {
    fn action(&self, arrived: &Arrived) -> Action {
        let subject = self.service.subject(arrived);
        lock(&self.asked).push((subject, arrived.clone()));
        let action = self.orders.take(subject).unwrap_or_else(Action::pass);
        let answer = match action.answer {
            Answer::Upstreams => Answer::Instead(self.service.answer(arrived)),
            other => other,
        };
        Action {
            forward: Forward::Nothing,
            answer,
            ..action
        }
    }
}

impl<S: Service> Director for Desk<S> {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async { self.action(arrived) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave a list half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
