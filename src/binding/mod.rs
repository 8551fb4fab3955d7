//! The output binding, with its named operations. Each operation parses its data into a
//! request before anything is sent, and returns the response that the contract defines.

pub mod json;

use crate::dynamodb::codec::PutItem;
use crate::dynamodb::table_check::{self, Needs, Warning};
use crate::dynamodb::{CallInput, Client, ClientConfig, Repeat};
use crate::error::Error;
use crate::http::Platform;
use crate::limits::{check_item_size, item_size};
use crate::text::quote;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use std::rc::Rc;

/// The response of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The payload.
    pub data: Option<Vec<u8>>,
    /// The media type of the payload.
    pub content_type: Option<String>,
    /// Names and values that describe the call.
    pub metadata: Vec<(String, String)>,
}

/// The operation that writes an item.
const CREATE: &str = "create";

/// The operations that [`Binding::invoke`] supports.
pub const OPERATIONS: &[&str] = &[CREATE];

/// The settings of a binding, apart from those of its client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table's name.
    pub table: String,
    /// The attribute that is the partition key.
    pub partition_key: String,
    /// The retry rule for writes that cannot recognise their own retry.
    pub unconfirmed_writes: Repeat,
}

/// An output binding to one table.
#[derive(Debug)]
pub struct Binding<P> {
    client: Client<P>,
    settings: Settings,
}

impl<P: Platform> Binding<P> {
    /// Creates a binding. Nothing is sent before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: ClientConfig, settings: Settings) -> Self {
        Self {
            client: Client::new(platform, config),
            settings,
        }
    }

    /// Checks with one read that the table can be used now.
    ///
    /// # Errors
    ///
    /// See [`table_check::check`].
    pub async fn ping(&self) -> Result<Warning, Error> {
        let Settings {
            table,
            partition_key,
            ..
        } = &self.settings;
        table_check::check(&self.client, table, partition_key, Needs::AnyKey).await
    }

    /// Performs an operation.
    ///
    /// # Errors
    ///
    /// `unsupported` for a name that is not in [`OPERATIONS`], and the errors of the operation.
    pub async fn invoke(&self, operation: &str, data: &[u8]) -> Result<Response, Error> {
        match operation {
            CREATE => self.create(data).await,
            unknown => Err(unsupported(unknown)),
        }
    }

    /// Writes a JSON object as an item, with each member as an attribute. Replaces an item with
    /// the same key.
    async fn create(&self, data: &[u8]) -> Result<Response, Error> {
        let item = json::item(data)?;
        check_item_size(item_size(&item))?;
        let input = PutItemInput::builder()
            .table_name(&self.settings.table)
            .set_item(Some(item))
            .build()
            .map_err(Error::unbuilt)?;
        let (repeat, input) = (self.settings.unconfirmed_writes, CallInput::Fixed(input));
        match self.client.call_write::<PutItem>(repeat, input).await {
            Ok(_) => Ok(Response::default()),
            Err(failure) => Err(failure.of_write(&self.settings.table, self.client.endpoint_url())),
        }
    }
}

/// Returns the error for an operation that does not exist.
fn unsupported(operation: &str) -> Error {
    Error::Unsupported(format!(
        "unsupported operation {}: use one of: {}",
        quote(operation),
        OPERATIONS.join(", ")
    ))
}

#[cfg(test)]
mod tests;
