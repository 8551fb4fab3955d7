//! The state store. Each call is planned by plain functions over plain data
//! (`ttl`, `condition`, `item`, `change`, `fold`) before the first request is
//! sent; `read`, `write`, `bulk` and `transaction` send it. Where an answer was
//! lost, `doubt` reads what became of a set.

pub mod bulk;
pub mod change;
pub mod condition;
mod doubt;
pub mod fold;
pub mod item;
pub mod key;
pub mod model;
mod read;
mod transaction;
pub mod ttl;
mod write;

use crate::aws::clock_skew::unix_seconds;
use crate::aws::failure::Failure;
use crate::aws::{Client, Repeat};
use crate::config::{Config, Table};
use crate::error::Error;
use crate::platform::Platform;
use crate::table_check::{self, Needs, Warning};
use model::Consistency;
use std::rc::Rc;

/// A state store in one table.
#[derive(Debug)]
pub struct StateStore<P> {
    client: Client<P>,
    table: Table,
    consistency: Consistency,
    unconfirmed_writes: Repeat,
}

impl<P: Platform> StateStore<P> {
    /// A store. Nothing is sent before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: Config) -> Self {
        let client = Client::new(platform, config.client);
        Self {
            client: client.following_clock(config.table.ttl_attribute.is_some()),
            table: config.table,
            consistency: config.consistency,
            unconfirmed_writes: config.unconfirmed_writes,
        }
    }

    /// Whether items can expire.
    pub fn has_ttl(&self) -> bool {
        self.table.ttl_attribute.is_some()
    }

    /// Proves that the table can be used now, with one read.
    ///
    /// # Errors
    ///
    /// See [`table_check::check`].
    pub async fn ping(&self) -> Result<Warning, Error> {
        table_check::check(&self.client, &self.table, Needs::PartitionKey).await
    }

    /// Now, in seconds since the Unix epoch, by which items expire. Where none
    /// can, nothing depends on it, and the host is not asked: it is 0.
    fn now(&self) -> u64 {
        if self.has_ttl() {
            unix_seconds(self.client.now())
        } else {
            0
        }
    }

    fn read_error(&self, failure: Failure) -> Error {
        failure.of_read(&self.table.name, self.client.endpoint_url())
    }

    fn write_error(&self, failure: Failure) -> Error {
        failure.of_write(&self.table.name, self.client.endpoint_url())
    }
}

#[cfg(test)]
mod tests;
