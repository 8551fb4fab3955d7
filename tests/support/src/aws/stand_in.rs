//! A server that stands in for one of AWS's: it answers as that does, but for what a test orders of one
//! request or of all. It remembers what it was asked.

use crate::faults::{
    Action, Answer, Arrived, Decision, Director, FaultProxy, Forward, Orders, Reply,
};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A service that a stand-in stands in for.
pub trait Service: Send + Sync + 'static {
    /// The subject of a request, in one word; a test names it when it orders or counts.
    fn subject(&self, arrived: &Arrived) -> &'static str;

    /// The service's answer.
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
    /// Starts on a free port of 127.0.0.1.
    pub fn start(service: S) -> io::Result<Self> {
        let desk = Arc::new(Desk {
            service,
            orders: Orders::default(),
            asked: Mutex::default(),
        });
        // There is nothing behind it: it answers all itself.
        let proxy = FaultProxy::start("", desk.clone())?;
        Ok(Self { proxy, desk })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }

    /// The service, whose ways may be changed.
    pub fn service(&self) -> &S {
        &self.desk.service
    }

    /// Sets what becomes of the next so many requests for this. The upstream's answer of the action is the
    /// service's own.
    pub fn order(&self, times: usize, subject: &'static str, action: Action) {
        self.desk.orders.add(Some(subject), Some(times), action);
    }

    /// Sets what becomes of all requests for this from now on.
    pub fn order_always(&self, subject: &'static str, action: Action) {
        self.desk.orders.add(Some(subject), None, action);
    }

    /// From now on it answers as the service does.
    pub fn forget_orders(&self) {
        self.desk.orders.clear();
    }

    /// How many requests for this have arrived whole.
    pub fn count(&self, subject: &str) -> usize {
        let asked = lock(&self.desk.asked);
        asked.iter().filter(|(known, _)| *known == subject).count()
    }

    /// How many requests have arrived whole.
    pub fn count_all(&self) -> usize {
        lock(&self.desk.asked).len()
    }

    /// The requests for this, in their order.
    pub fn asked(&self, subject: &str) -> Vec<Arrived> {
        let asked = lock(&self.desk.asked);
        let asked = asked.iter().filter(|(known, _)| *known == subject);
        asked.map(|(_, arrived)| arrived.clone()).collect()
    }

    /// The proxy that it is, for what concerns connections.
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
