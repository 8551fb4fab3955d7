//! The faults that a request or its response can meet.

use super::store::Request;
use fastrand::Rng;
use http::StatusCode;
use std::fmt;
use test_support::faults::{Action, AwsError, Delivery, Reply};

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    /// The request is applied and answered at once.
    Answered,
    /// The request is applied. Its response is delayed, and may still get lost.
    OnItsWay,
    /// The request is applied or not. The client sees this failure instead of the response.
    Fails { done: Done, heard: Heard },
    /// The request is throttled.
    Throttled,
    /// The request is refused because a transaction is in progress.
    Conflict,
}

/// The time at which a failed request takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The request takes effect before the client sees the failure.
    Before,
    /// The request is still in transit. It may take effect later, or never.
    Later,
    /// The request never takes effect.
    Never,
}

/// The failure that the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The connection breaks.
    Nothing,
    /// DynamoDB answers with status 500.
    InternalError,
    /// A proxy answers with an HTML page.
    BadGateway,
    /// The response arrives corrupted, so its checksum is wrong.
    Damage,
    /// The response is truncated.
    Part,
}

/// The weight of each outcome. The weights are drawn for each history: some histories have many faults, some have few,
/// and some have only one kind.
#[derive(Debug)]
pub(super) struct FaultMix {
    weights: Vec<(RequestOutcome, u32)>,
}

impl FaultMix {
    /// Draws the weights of one history.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        use Done::{Before, Later, Never};
        use Heard::{BadGateway, Damage, InternalError, Nothing, Part};
        let fails = |done, heard| RequestOutcome::Fails { done, heard };
        let mut weights = vec![
            (RequestOutcome::Answered, 8 * rng.u32(1..10)),
            (RequestOutcome::OnItsWay, 8),
        ];
        // Faults that make the component wait before it retries are rarer, to save time.
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
    /// Replaces an outcome that this request cannot have. DynamoDB reports a conflict only for writes of one item and for
    /// transactions.
    pub(super) fn of(self, request: &Request) -> Self {
        let reads = matches!(request.operation.as_str(), "GetItem" | "BatchGetItem");
        match self {
            Self::Conflict if reads || request.operation == "BatchWriteItem" => Self::Answered,
            // A late read has no effect that a client could notice.
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

    /// Returns true if the store performs the request now.
    pub(super) fn is_done(self) -> bool {
        match self {
            Self::Answered | Self::OnItsWay => true,
            Self::Fails { done, .. } => done == Done::Before,
            Self::Throttled | Self::Conflict => false,
        }
    }

    /// Returns true if the request is still in transit when the client sees the failure.
    pub(super) fn is_done_later(self) -> bool {
        matches!(
            self,
            Self::Fails {
                done: Done::Later,
                ..
            }
        )
    }

    /// Makes the action that the client sees. `done` is the store's response, if it performed the request.
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
            Self::OnItsWay => f.write_str("done, response delayed"),
            Self::Fails { done, heard } => {
                f.write_str(match done {
                    Done::Before => "done, ",
                    Done::Later => "not done yet, ",
                    Done::Never => "not done, ",
                })?;
                f.write_str(match heard {
                    Heard::Nothing => "connection cut",
                    Heard::InternalError => "answered with status 500",
                    Heard::BadGateway => "answered with status 502",
                    Heard::Damage => "response corrupted",
                    Heard::Part => "response truncated",
                })
            }
            Self::Throttled => f.write_str("throttled"),
            Self::Conflict => f.write_str("refused, transaction conflict"),
        }
    }
}
