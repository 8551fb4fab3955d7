//! A bulk call ends: when for as long as one operation may take no request of
//! it has succeeded, what is not yet sent is not sent any more.

use crate::aws::Client;
use crate::error::Error;
use crate::platform::Platform;
use std::cell::Cell;
use std::time::Duration;

/// When a request of one bulk call last succeeded.
#[derive(Debug)]
pub(super) struct Progress<'a, P> {
    client: &'a Client<P>,
    until: Cell<Duration>,
}

impl<'a, P: Platform> Progress<'a, P> {
    /// At the beginning of the call.
    pub(super) fn new(client: &'a Client<P>) -> Self {
        Self {
            client,
            until: Cell::new(client.deadline()),
        }
    }

    /// A request succeeded.
    pub(super) fn made(&self) {
        self.until.set(self.client.deadline());
    }

    /// Before a request is sent.
    ///
    /// # Errors
    ///
    /// `timeout` where it is not worth it any more.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.client.platform().monotonic() < self.until.get() {
            return Ok(());
        }
        Err(Error::Timeout(format!(
            "not sent, since no request of this call succeeded within {:?}, which is `requestTimeout` times `maxAttempts`",
            self.client.operation_timeout()
        )))
    }
}
