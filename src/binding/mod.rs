//! The output binding: a table of named operations. Each parses its data into
//! a request before anything is sent, and answers in the form of the contract.

mod create;
pub mod json;
mod number;

use crate::aws::{Client, Repeat};
use crate::config::{Config, Table};
use crate::error::Error;
use crate::platform::Platform;
use crate::state::key::quote;
use crate::table_check::{self, Needs, Warning};
use std::rc::Rc;

/// What an operation answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The payload.
    pub data: Option<Vec<u8>>,
    /// Its media type.
    pub content_type: Option<String>,
    /// Facts about the call.
    pub metadata: Vec<(String, String)>,
}

/// The names that [`Binding::invoke`] takes.
pub const OPERATIONS: &[&str] = &[create::NAME];

/// An output binding to one table.
#[derive(Debug)]
pub struct Binding<P> {
    client: Client<P>,
    table: Table,
    unconfirmed_writes: Repeat,
}

impl<P: Platform> Binding<P> {
    /// A binding. Nothing is sent before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: Config) -> Self {
        Self {
            client: Client::new(platform, config.client),
            table: config.table,
            unconfirmed_writes: config.unconfirmed_writes,
        }
    }

    /// Proves that the table can be used now, with one read.
    ///
    /// # Errors
    ///
    /// See [`table_check::check`].
    pub async fn ping(&self) -> Result<Warning, Error> {
        table_check::check(&self.client, &self.table, Needs::AnyKey).await
    }

    /// Performs an operation.
    ///
    /// # Errors
    ///
    /// `unsupported` for a name that is not in [`OPERATIONS`], and what the
    /// operation can have.
    pub async fn invoke(&self, operation: &str, data: &[u8]) -> Result<Response, Error> {
        match operation {
            create::NAME => self.create(data).await,
            unknown => Err(unsupported(unknown)),
        }
    }
}

/// The error of an operation that does not exist.
fn unsupported(operation: &str) -> Error {
    Error::Unsupported(format!(
        "there is no operation {}: give one of {}",
        quote(operation),
        OPERATIONS.join(", ")
    ))
}

#[cfg(test)]
mod tests;
