//! What becomes of one request, in the order in which it happens: it waits, it is passed on or not,
//! it is answered with the upstream's answer or another one, and the answer arrives or does not.

use std::time::Duration;

use super::{AwsError, Delivery, Reply};

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Time that passes before anything else. The request is passed on after it even where its
    /// client has given up meanwhile.
    pub delay: Duration,
    /// Whether the upstream gets it.
    pub forward: Forward,
    /// What it is answered with.
    pub answer: Answer,
    /// How the answer arrives.
    pub delivery: Delivery,
}

/// Whether the upstream gets a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// As it came.
    Whole,
    /// Not at all: it has no effect.
    Nothing,
    /// Of BatchWriteItem and BatchGetItem so many of its requests or keys; the answer gives the
    /// others back as unprocessed. Any other request as it came.
    First(usize),
    /// As it came; of the items that a BatchGetItem reads, the answer holds only as many as one
    /// partition gives at a time, and gives the keys of the others back as unprocessed.
    OnePartition,
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The upstream's answer. Where the upstream was not asked there is none, and the connection is
    /// closed.
    Upstreams,
    /// This one.
    Instead(Reply),
}

impl Action {
    /// Passed on, answered, delivered.
    pub fn pass() -> Self {
        Self {
            delay: Duration::ZERO,
            forward: Forward::Whole,
            answer: Answer::Upstreams,
            delivery: Delivery::Ordinary,
        }
    }

    /// Answered like this, and not passed on.
    pub fn answer(reply: Reply) -> Self {
        Self {
            forward: Forward::Nothing,
            answer: Answer::Instead(reply),
            ..Self::pass()
        }
    }

    /// Answered with this error, and not passed on.
    pub fn error(error: &AwsError) -> Self {
        Self::answer(error.reply())
    }

    /// Passed on, and answered with this error all the same.
    pub fn error_after_effect(error: &AwsError) -> Self {
        Self::error(error).after_effect()
    }

    /// Of a batch only so many requests or keys are passed on.
    pub fn leave_unprocessed(but: usize) -> Self {
        Self {
            forward: Forward::First(but),
            ..Self::pass()
        }
    }

    /// Passed on; a BatchGetItem reads 1 MB at most, as where all its items are in one partition.
    pub fn one_partition() -> Self {
        Self {
            forward: Forward::OnePartition,
            ..Self::pass()
        }
    }

    /// Passed on; what comes back comes back like this.
    pub fn deliver(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::pass()
        }
    }

    /// Not passed on; its connection ends.
    pub fn drop_request() -> Self {
        Self::deliver(Delivery::Closed).without_effect()
    }

    /// Passed on; its connection ends before an answer.
    pub fn drop_answer() -> Self {
        Self::deliver(Delivery::Closed)
    }

    /// The same, after so much time.
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same, and the request is passed on.
    pub fn after_effect(self) -> Self {
        Self {
            forward: Forward::Whole,
            ..self
        }
    }

    /// The same, but the request is not passed on.
    pub fn without_effect(self) -> Self {
        Self {
            forward: Forward::Nothing,
            ..self
        }
    }
}
