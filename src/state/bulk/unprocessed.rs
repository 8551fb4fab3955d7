//! What DynamoDB left unprocessed in a batch is asked again with backoff, for
//! as many attempts and as long as one operation may have.

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

    /// Waits before another round. False where there is none: the attempts, the
    /// time or the retry quota is used up.
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

    /// Whether there is time for another round at once.
    pub(super) fn in_time(&self) -> bool {
        self.client.platform().monotonic() < self.deadline
    }

    /// The last round left nothing, or less than it was given: the count of
    /// attempts starts anew.
    pub(super) fn brought_something_on(&mut self) {
        self.without_progress = 0;
        if let Some(permit) = self.permit.take() {
            self.client.progressed(permit);
        }
    }
}

/// The error of what DynamoDB never came to.
pub(super) fn left() -> Error {
    Error::Throttled("DynamoDB left it unprocessed in every attempt: try again later".to_owned())
}
