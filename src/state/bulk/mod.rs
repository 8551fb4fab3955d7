//! Bulk calls. They send as few requests as possible, a bounded number of them at a time.
//! Each key or request has its result at its own position.
//!
//! Four limits bound a bulk call:
//!
//! | limit | applies to | value | resets | when reached |
//! |---|---|---|---|---|
//! | attempts | one request | `maxAttempts`, and `requestTimeout` times that | with each request | the request fails (`dynamodb::retry`) |
//! | retry quota | the instance | 500 tokens | successes return tokens | no more retries of requests or of unprocessed items (`aws::retry`) |
//! | rounds | one batch whose responses leave all of it unprocessed | the number and the time of attempts | after a response that made progress | the rest fails as `throttled` (`UnprocessedRetry`) |
//! | stall | the whole call | the time limit of one operation | after a request that succeeded | unsent requests fail as `timeout` (`StallTimeout`) |
//!
//! After a response that made progress, unprocessed keys and items are requested again at
//! once. After a response without progress, they are requested again with backoff. There is no
//! wait after progress because DynamoDB also leaves keys whose items do not fit into one
//! response.
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

/// The maximum number of concurrent requests of one bulk call. Many instances share the
/// memory of a host and its connections to one address.
const PARALLEL_REQUESTS: usize = 8;

/// Ends a bulk call if none of its requests has succeeded within the time limit of one
/// operation.
#[derive(Debug)]
struct StallTimeout<'a, P> {
    client: &'a Client<P>,
    until: Cell<Duration>,
}

impl<'a, P: Platform> StallTimeout<'a, P> {
    /// Starts the timeout, at the beginning of the call.
    fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            until: Cell::new(client.deadline()),
        }
    }

    /// Restarts the timeout after a request that succeeded.
    fn restart(&self) {
        self.until.set(self.client.deadline());
    }

    /// Checks the timeout before a request is sent.
    ///
    /// # Errors
    ///
    /// `timeout` if it has passed.
    fn check(&self) -> Result<(), Error> {
        if self.client.platform().monotonic() < self.until.get() {
            return Ok(());
        }
        Err(Error::Timeout(format!(
            "not sent, because no request of this call succeeded within {:?} (`requestTimeout` times `maxAttempts`)",
            self.client.limits().operation_timeout()
        )))
    }
}

/// Decides about another round for the keys or items that DynamoDB left unprocessed in one
/// batch.
#[derive(Debug)]
struct UnprocessedRetry<'a, P> {
    client: &'a Client<P>,
    deadline: Duration,
    without_progress: u32,
    permit: Option<Permit>,
}

impl<'a, P: Platform> UnprocessedRetry<'a, P> {
    /// Starts before the first round.
    fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            deadline: client.deadline(),
            without_progress: 0,
            permit: None,
        }
    }

    /// Returns true if there is another round.
    ///
    /// A round with `progress` left less unprocessed than it was given. Attempts and time then
    /// restart, both here and for the call. The rounds still come to an end, because the
    /// next round has less to do. After a round without progress, this waits first, unless the
    /// attempts, the time or the retry quota are used up.
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

/// Returns the error for keys or items that DynamoDB left unprocessed in every attempt.
fn left_unprocessed() -> Error {
    Error::Throttled("DynamoDB left it unprocessed in every attempt: try again later".to_owned())
}
