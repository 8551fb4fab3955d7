//! So many of a hundred requests are throttled, each by the toss of a coin.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use test_support::faults::{Action, Arrived, AwsError, Decision, Director};

pub(super) struct FaultMix {
    percent: AtomicU32,
    coin: Mutex<fastrand::Rng>,
    refusal: Action,
}

impl FaultMix {
    /// Fair.
    pub(super) fn new(seed: u64) -> Self {
        let throttling = AwsError::named("ThrottlingException");
        Self {
            percent: AtomicU32::new(0),
            coin: Mutex::new(fastrand::Rng::with_seed(seed)),
            refusal: throttling.map_or_else(Action::drop_request, |error| Action::error(&error)),
        }
    }

    /// From now on.
    pub(super) fn throttle(&self, percent: u32) {
        self.percent.store(percent, Ordering::Relaxed);
    }
}

impl Director for FaultMix {
    fn decide<'a>(&'a self, _: &'a Arrived) -> Decision<'a, Action> {
        let mut coin = self.coin.lock().unwrap_or_else(PoisonError::into_inner);
        let action = match coin.u32(..100) < self.percent.load(Ordering::Relaxed) {
            true => self.refusal.clone(),
            false => Action::pass(),
        };
        drop(coin);
        Box::pin(async { action })
    }
}
