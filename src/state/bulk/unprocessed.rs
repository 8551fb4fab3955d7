//! Asks again for unprocessed keys and items: at once after an
//! answer that made progress, for DynamoDB leaves keys also where their items are
//! more than one answer holds; with backoff after one that made none, for as many
//! attempts and as long as one operation may have.
//!
//! BatchGetItem "returns a partial result if the response size limit is exceeded,
//! the table's provisioned throughput is exceeded, more than 1MB per partition is
//! requested, or an internal processing failure occurs": DynamoDB API reference.

use crate::aws::{Client, Permit};
use crate::error::Error;
use crate::platform::Platform;
use std::time::Duration;

/// The rounds of one batch.
#[derive(Debug)]
pub(super) struct Rounds<'a, P> {
    client: &'a Client<P>,
    deadline: Duration,
    without_progress: u32,
    permit: Option<Permit>,
}

impl<'a, P: Platform> Rounds<'a, P> {
    /// Before the first round.
    pub(super) fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            deadline: client.deadline(),
            without_progress: 0,
            permit: None,
        }
    }

    /// Waits before another round, after one without progress. False where there is
    /// none: the attempts, the time or the retry quota is used up.
    pub(super) async fn another(&mut self) -> bool {
        self.without_progress += 1;
        if self.without_progress >= self.client.max_attempts() {
            return false;
        }
        let Some((wait, permit)) = self.client.backoff(self.without_progress) else {
            return false;
        };
        self.permit = Some(permit);
        let platform = self.client.platform();
        if platform.monotonic().saturating_add(wait) >= self.deadline {
            return false;
        }
        platform.sleep(wait).await;
        true
    }

    /// The last round left less than it was given: attempts and time start anew.
    /// Rounds end all the same, since the next such one has less to do.
    pub(super) fn brought_something_on(&mut self) {
        self.without_progress = 0;
        self.deadline = self.client.deadline();
        if let Some(permit) = self.permit.take() {
            self.client.progressed(permit);
        }
    }
}

/// The error of what DynamoDB never came to.
pub(super) fn left() -> Error {
    Error::Throttled("DynamoDB left it unprocessed in every attempt: try again later".to_owned())
}
