//! The state store. Plain functions over plain data (`ttl`, `condition`, `item`, `change`)
//! plan each call before the first request is sent. `get` in this file, `write`, `bulk` and
//! `transaction` send the requests. If the response to a set is lost, `unknown_outcome` reads
//! back whether the set was applied.
//!
//! The types of requests and items are those of `wit/state.wit`.

pub mod bulk;
pub mod change;
pub mod condition;
pub mod item;
mod settings;
mod transaction;
pub mod ttl;
mod unknown_outcome;
mod write;

pub use settings::{Settings, Table, table_name};

use crate::aws::clock_skew::unix_seconds;
use crate::dynamodb::codec::GetItem;
use crate::dynamodb::error::OperationError;
use crate::dynamodb::table_check::{self, Needs, Warning};
use crate::dynamodb::{Client, ClientConfig, Repeat};
use crate::error::Error;
use crate::http::Platform;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use item::{check_key, decode, is_of_key, key_attributes};
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
    /// Creates a store. Nothing is sent before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: ClientConfig, settings: Settings) -> Self {
        let client = Client::new(platform, config);
        Self {
            client: client.following_clock(settings.table.ttl_attribute.is_some()),
            table: settings.table,
            consistency: settings.consistency,
            unconfirmed_writes: settings.unconfirmed_writes,
        }
    }

    /// Returns true if items can expire.
    pub fn has_ttl(&self) -> bool {
        self.table.ttl_attribute.is_some()
    }

    /// Checks with one read that the table can be used now.
    ///
    /// # Errors
    ///
    /// See [`table_check::check`].
    pub async fn ping(&self) -> Result<Warning, Error> {
        let key = &self.table.partition_key;
        table_check::check(&self.client, &self.table.name, key, Needs::PartitionKey).await
    }

    /// Returns the current time by which items expire, in seconds since the Unix epoch.
    /// Returns 0 if items cannot expire, without asking the host: nothing depends on it then.
    fn now(&self) -> u64 {
        if self.has_ttl() {
            unix_seconds(self.client.now())
        } else {
            0
        }
    }

    fn read_error(&self, failure: OperationError) -> Error {
        failure.of_read(&self.table.name, self.client.endpoint_url())
    }

    fn write_error(&self, failure: OperationError) -> Error {
        failure.of_write(&self.table.name, self.client.endpoint_url())
    }

    /// Reads the item of `key` with one GetItem. Returns none if it is absent or has expired.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for an invalid key, `unavailable` for a response that does not match
    /// the request, `other` for an unreadable item of another tool. All errors of a request
    /// to DynamoDB can occur too.
    pub async fn get(
        &self,
        key: String,
        consistency: Option<Consistency>,
    ) -> Result<Option<Item>, Error> {
        check_key(&key)?;
        let input = GetItemInput::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_attributes(&self.table, key.clone())))
            .set_consistent_read(self.consistent_read(consistency))
            .build()
            .map_err(Error::unbuilt)?;
        let answer = self.client.call::<GetItem>(input).await;
        let answer = answer.map_err(|failure| self.read_error(*failure).of_key(&key))?;
        match answer.item {
            Some(attributes) if is_of_key(&self.table, &key, &attributes) => {
                decode(&self.table, &key, attributes, self.now())
            }
            Some(_) => Err(self
                .unexpected_answer("the item of another key")
                .of_key(&key)),
            None => Ok(None),
        }
    }

    /// Returns the error for a 200 response that does not match the request; `what` is the
    /// unexpected content.
    fn unexpected_answer(&self, what: &str) -> Error {
        Error::Unavailable(format!(
            "{} sent an unexpected response for table `{}`, which contains {what}: check `endpoint`",
            self.client.endpoint_url(),
            self.table.name
        ))
    }

    /// Returns `ConsistentRead`. It is unset for an eventually consistent read, which is
    /// DynamoDB's default.
    fn consistent_read(&self, asked: Option<Consistency>) -> Option<bool> {
        match asked.unwrap_or(self.consistency) {
            Consistency::Strong => Some(true),
            Consistency::Eventual => None,
        }
    }
}

/// The writes that a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// The read may miss the latest writes.
    Eventual,
    /// The read sees every write that returned before it.
    Strong,
}

/// The rule for a set without an ETag if the item already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// Write only if the item is absent.
    FirstWrite,
    /// Replace the item.
    LastWrite,
}

/// A stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The bytes that were set.
    pub value: Vec<u8>,
    /// The ETag; absent if another tool wrote the item without one.
    pub etag: Option<String>,
    /// The media type; absent if none was set.
    pub content_type: Option<String>,
    /// The expiry in seconds since the Unix epoch; absent if the item never expires.
    pub expires_at: Option<u64>,
}

/// Options of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// Write only if the stored ETag is this one.
    pub etag: Option<String>,
    /// The rule for an existing item; without effect if an ETag is given.
    pub concurrency: Option<Concurrency>,
    /// The time to live in seconds.
    pub ttl: Option<i64>,
    /// The media type of the value.
    pub content_type: Option<String>,
}

/// Options of a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Delete only if the stored ETag is this one.
    pub etag: Option<String>,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The bytes to store.
    pub value: Vec<u8>,
    /// The options.
    pub options: SetOptions,
}

/// One delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The key.
    pub key: String,
    /// The options.
    pub options: DeleteOptions,
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Write an item.
    Set(SetRequest),
    /// Delete an item.
    Delete(DeleteRequest),
}

#[cfg(test)]
mod tests;
