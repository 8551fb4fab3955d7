//! Stands before the embedded engine and loses answers: the request takes effect and its sender never hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use test_support::faults::{Action, Arrived, Decision, Director, FaultProxy};

/// A proxy on a free port; it ends when it is dropped.
pub struct LossyProxy {
    proxy: FaultProxy,
    to_lose: Arc<AtomicUsize>,
}

/// Loses as many answers as there are to lose, each with its connection.
struct Losing(Arc<AtomicUsize>);

impl Director for Losing {
    fn decide<'a>(&'a self, _: &'a Arrived) -> Decision<'a, Action> {
        let lost = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        let action = match lost {
            Ok(_) => Action::drop_answer(),
            Err(_) => Action::pass(),
        };
        Box::pin(async { action })
    }
}

impl LossyProxy {
    pub fn start(upstream: &str) -> Self {
        let to_lose = Arc::new(AtomicUsize::new(0));
        let proxy = FaultProxy::start(upstream, Losing(to_lose.clone()));
        Self {
            proxy: proxy.expect("the proxy starts"),
            to_lose,
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }

    /// The answers to the next `count` requests are lost.
    pub fn lose(&self, count: usize) {
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// How many answers are still to be lost.
    pub fn to_lose(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst)
    }
}
