//! Bulk calls: the fewest requests, a bounded number of them at a time, and a
//! result for each key or request at its own position.
//!
//! Four bounds end a bulk call, each of another thing:
//!
//! | bound | of | limit | starts anew | what happens |
//! |---|---|---|---|---|
//! | attempts | one request | `maxAttempts`, and `requestTimeout` times that | with each request | the request fails (`dynamodb::retry`) |
//! | retry quota | the instance | 500 tokens | tokens come back with successes | no more retries, of requests or of unprocessed items (`aws::retry`) |
//! | rounds | one batch, of answers that leave all of it unprocessed | as many and as long as attempts | after an answer that made progress | the rest fails as `throttled` (`UnprocessedRetry`) |
//! | stall | the whole call | as long as one operation may take | after a request that succeeded | what is not yet sent fails as `timeout` (`StallTimeout`) |
//!
//! Unprocessed keys and items are asked for again at once after an answer that made
//! progress, for DynamoDB leaves keys also where their items are more than one answer
//! holds; with backoff after one that made none.
//!
//! BatchGetItem "returns a partial result if the response size limit is exceeded,
//! the table's provisioned throughput is exceeded, more than 1MB per partition is
//! requested, or an internal processing failure occurs": DynamoDB API reference.

mod batch_write;
mod read;
mod write;

use crate::aws::retry::Permit;
use crate::dynamodb::Client;
use crate::error::Error;
use crate::http::Platform;
use std::cell::Cell;
use std::time::Duration;

/// Requests of one bulk call that are under way at once. A host's connections
/// to one address and its memory are shared by many instances.
const PARALLEL_REQUESTS: usize = 8;

/// Ends a bulk call of which no request has succeeded for as long as one operation may
/// take.
#[derive(Debug)]
struct StallTimeout<'a, P> {
    client: &'a Client<P>,
    until: Cell<Duration>,
}

impl<'a, P: Platform> StallTimeout<'a, P> {
    /// At the beginning of the call.
    fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            until: Cell::new(client.deadline()),
        }
    }

    /// A request succeeded.
    fn restart(&self) {
        self.until.set(self.client.deadline());
    }

    /// Before a request is sent.
    ///
    /// # Errors
    ///
    /// `timeout` where it is not worth it any more.
    fn check(&self) -> Result<(), Error> {
        if self.client.platform().monotonic() < self.until.get() {
            return Ok(());
        }
        Err(Error::Timeout(format!(
            "not sent, since no request of this call succeeded within {:?}, which is `requestTimeout` times `maxAttempts`",
            self.client.limits().operation_timeout()
        )))
    }
}

/// Asks again for what DynamoDB left of one batch.
#[derive(Debug)]
struct UnprocessedRetry<'a, P> {
    client: &'a Client<P>,
    deadline: Duration,
    without_progress: u32,
    permit: Option<Permit>,
}

impl<'a, P: Platform> UnprocessedRetry<'a, P> {
    /// Before the first round.
    fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            deadline: client.deadline(),
            without_progress: 0,
            permit: None,
        }
    }

    /// Returns false after a round if there is no other. A round that left less than it
    /// was given has made progress: attempts and time start anew, here and for the call.
    /// Rounds end all the same, since the next one has less to do. After a round without
    /// progress this waits, unless the attempts, the time or the retry quota is used up.
    async fn goes_on(&mut self, progress: bool, stall: &StallTimeout<'_, P>) -> bool {
        if progress {
            stall.restart();
            self.without_progress = 0;
            self.deadline = self.client.deadline();
            if let Some(permit) = self.permit.take() {
                self.client.progressed(permit);
            }
            return true;
        }
        self.without_progress += 1;
        if self.without_progress >= self.client.limits().max_attempts {
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
}

/// The error of what DynamoDB never came to.
fn left_unprocessed() -> Error {
    Error::Throttled("DynamoDB left it unprocessed in every attempt: try again later".to_owned())
}
