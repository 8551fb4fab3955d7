//! What happens to requests: most pass; to some, by the toss of a die, happens what a network and DynamoDB do on a bad day.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use http::StatusCode;

use test_support::faults::{Action, Arrived, AwsError, Decision, Delivery, Director, Reply};

type Fault = fn(&mut Rng) -> Action;

/// To so many of ten thousand requests happens this.
const FAULTS: &[(u32, &str, Fault)] = &[
    (40, "throttled", |_| {
        error("ThrottlingException", Action::error)
    }),
    (30, "failed without effect", |_| {
        error("InternalServerError", Action::error)
    }),
    (40, "failed after its effect", |_| {
        error("InternalServerError", Action::error_after_effect)
    }),
    (30, "request lost", |_| Action::drop_request()),
    (60, "answer lost", |_| Action::drop_answer()),
    (30, "connection reset after its effect", |_| {
        Action::deliver(Delivery::Reset)
    }),
    (30, "answer cut off", |_| {
        Action::deliver(Delivery::Truncated(10))
    }),
    (30, "answer damaged", |_| {
        Action::deliver(Delivery::Corrupted)
    }),
    (20, "answered by a gateway", |_| {
        Action::answer(Reply::html(StatusCode::BAD_GATEWAY))
    }),
    (80, "delayed", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1..50)))
    }),
    (5, "held back for seconds", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1_500..3_000)))
    }),
    (5, "answer withheld", |_| {
        Action::deliver(Delivery::Withheld)
    }),
    (200, "batch left unprocessed in part", |die| {
        Action::leave_unprocessed(die.usize(0..8))
    }),
];
const OF: u32 = 10_000;

fn error(code: &str, action: fn(&AwsError) -> Action) -> Action {
    AwsError::named(code).map_or_else(Action::drop_request, |error| action(&error))
}

pub(super) struct FaultMix {
    fair: AtomicBool,
    die: Mutex<Rng>,
    happened: Mutex<BTreeMap<&'static str, u64>>,
}

impl FaultMix {
    /// Fair at first.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            fair: AtomicBool::new(true),
            die: Mutex::new(Rng::with_seed(seed)),
            happened: Mutex::default(),
        }
    }

    /// From now on everything passes, or not.
    pub(super) fn set_fair(&self, fair: bool) {
        self.fair.store(fair, Ordering::Relaxed);
    }

    /// How often each fault happened.
    pub(super) fn happened(&self) -> BTreeMap<&'static str, u64> {
        let happened = self.happened.lock();
        happened.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn toss(&self) -> Action {
        let mut die = self.die.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = die.u32(..OF);
        for (share, name, fault) in FAULTS {
            if left < *share {
                let happened = self.happened.lock();
                let mut happened = happened.unwrap_or_else(PoisonError::into_inner);
                *happened.entry(name).or_default() += 1;
                return fault(&mut die);
            }
            left -= share;
        }
        Action::pass()
    }
}

impl Director for FaultMix {
    fn decide<'a>(&'a self, _: &'a Arrived) -> Decision<'a, Action> {
        let action = match self.fair.load(Ordering::Relaxed) {
            true => Action::pass(),
            false => self.toss(),
        };
        Box::pin(async { action })
    }
}
