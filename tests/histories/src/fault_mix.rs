//! The faults that a request, or its answer, meets on the way.

use super::store::Request;
use fastrand::Rng;
use http::StatusCode;
use std::fmt;
use test_support::faults::{Action, AwsError, Delivery, Reply};

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    /// Done, and answered at once.
    Answered,
    /// Done, and the answer is on its way for a while; it may still get lost.
    OnItsWay,
    /// Done or not, the sender hears this instead of the answer.
    Fails { done: Done, heard: Heard },
    /// Refused for load.
    Throttled,
    /// Refused for a transaction that is under way.
    Conflict,
}

/// The effect of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Before the sender hears of the failure.
    Before,
    /// It is still under way: perhaps after that, and perhaps never.
    Later,
    /// Never.
    Never,
}

/// The error that the sender hears of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The connection breaks.
    Nothing,
    /// DynamoDB's status 500.
    InternalError,
    /// A page of something in between.
    BadGateway,
    /// The answer, damaged on its way, which its checksum tells.
    Damage,
    /// The beginning of the answer.
    Part,
}

/// The frequency of each outcome; drawn anew for each history, so that some are rough, some are quiet, and
/// some know but one kind of fault.
#[derive(Debug)]
pub(super) struct FaultMix {
    weights: Vec<(RequestOutcome, u32)>,
}

impl FaultMix {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        use Done::{Before, Later, Never};
        use Heard::{BadGateway, Damage, InternalError, Nothing, Part};
        let fails = |done, heard| RequestOutcome::Fails { done, heard };
        let mut weights = vec![
            (RequestOutcome::Answered, 8 * rng.u32(1..10)),
            (RequestOutcome::OnItsWay, 8),
        ];
        // Those that cost the time of a wait are rarer.
        for (outcome, most) in [
            (fails(Before, Nothing), 4),
            (fails(Later, Nothing), 4),
            (fails(Never, Nothing), 2),
            (fails(Before, InternalError), 4),
            (fails(Later, InternalError), 2),
            (fails(Never, InternalError), 2),
            (fails(Before, BadGateway), 2),
            (fails(Later, BadGateway), 2),
            (fails(Before, Damage), 2),
            (fails(Before, Part), 2),
            (RequestOutcome::Conflict, 2),
            (RequestOutcome::Throttled, 1),
        ] {
            let here = rng.bool();
            weights.push((outcome, if here { most } else { 0 }));
        }
        Self { weights }
    }

    /// Draws the outcome of the next request.
    pub(super) fn next(&self, rng: &mut Rng) -> RequestOutcome {
        let total: u32 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.u32(..total.max(1));
        for (outcome, weight) in &self.weights {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *outcome,
            }
        }
        RequestOutcome::Answered
    }
}

impl RequestOutcome {
    /// Replaces an outcome that such a request cannot have. DynamoDB tells of a conflict only who writes one item, or a
    /// transaction.
    pub(super) fn of(self, request: &Request) -> Self {
        let reads = matches!(request.operation.as_str(), "GetItem" | "BatchGetItem");
        match self {
            Self::Conflict if reads || request.operation == "BatchWriteItem" => Self::Answered,
            // Nobody notices a read that comes late.
            Self::Fails {
                done: Done::Later,
                heard,
            } if reads => {
                let done = Done::Never;
                Self::Fails { done, heard }
            }
            outcome => outcome,
        }
    }

    /// Returns true if the request is done now.
    pub(super) fn is_done(self) -> bool {
        match self {
            Self::Answered | Self::OnItsWay => true,
            Self::Fails { done, .. } => done == Done::Before,
            Self::Throttled | Self::Conflict => false,
        }
    }

    /// Returns true if the request is still under way when its sender hears that it failed.
    pub(super) fn is_done_later(self) -> bool {
        matches!(
            self,
            Self::Fails {
                done: Done::Later,
                ..
            }
        )
    }

    /// Makes what its sender hears. `done` is the answer of the store, if it did the request.
    pub(super) fn action(self, request: &Request, done: Option<Reply>) -> Action {
        match self {
            Self::Answered | Self::OnItsWay => answered(done, Delivery::Ordinary),
            Self::Throttled => error("ProvisionedThroughputExceededException"),
            Self::Conflict => conflict(request),
            Self::Fails { heard, .. } => match heard {
                Heard::Nothing => Action::drop_request(),
                Heard::InternalError => error("InternalServerError"),
                Heard::BadGateway => Action::answer(Reply::html(StatusCode::BAD_GATEWAY)),
                Heard::Damage => answered(done, Delivery::Corrupted),
                Heard::Part => answered(done, Delivery::Truncated(1)),
            },
        }
    }
}

fn answered(done: Option<Reply>, delivery: Delivery) -> Action {
    match done {
        Some(reply) => Action {
            delivery,
            ..Action::answer(reply)
        },
        None => Action::drop_request(),
    }
}

fn error(code: &str) -> Action {
    match AwsError::named(code) {
        Some(error) => Action::error(&error),
        None => Action::drop_request(),
    }
}

fn conflict(request: &Request) -> Action {
    match request.body["TransactItems"].as_array() {
        None => error("TransactionConflictException"),
        Some(items) => {
            let mut reasons = vec!["None"; items.len()];
            if let Some(first) = reasons.first_mut() {
                *first = "TransactionConflict";
            }
            Action::error(&AwsError::cancelled(&reasons))
        }
    }
}

impl fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("done, answered"),
            Self::OnItsWay => f.write_str("done, the answer is on its way"),
            Self::Fails { done, heard } => {
                f.write_str(match done {
                    Done::Before => "done, ",
                    Done::Later => "not done yet, ",
                    Done::Never => "not done, ",
                })?;
                f.write_str(match heard {
                    Heard::Nothing => "connection cut",
                    Heard::InternalError => "answered with status 500",
                    Heard::BadGateway => "answered with a page of status 502",
                    Heard::Damage => "the answer is damaged",
                    Heard::Part => "the answer breaks off",
                })
            }
            Self::Throttled => f.write_str("throttled"),
            Self::Conflict => f.write_str("refused for another transaction"),
        }
    }
}
