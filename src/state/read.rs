//! Reads one item: one GetItem.

use super::item::{decode, is_of_key, key_attributes};
use super::model::{Consistency, Item};
use super::{StateStore, key};
use crate::aws::operation::GetItem;
use crate::error::Error;
use crate::platform::Platform;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;

impl<P: Platform> StateStore<P> {
    /// The item of `key`; none where it is absent or has expired.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for the key, `unavailable` for an answer to another
    /// question, `other` for an item of another tool that
    /// cannot be read, and what reaching DynamoDB can have.
    pub async fn get(
        &self,
        key: String,
        consistency: Option<Consistency>,
    ) -> Result<Option<Item>, Error> {
        key::check(&key)?;
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
            Some(_) => Err(self.foreign_answer("the item of another key").of_key(&key)),
            None => Ok(None),
        }
    }

    /// The error of a success that does not answer what was asked.
    pub(super) fn foreign_answer(&self, what: &str) -> Error {
        Error::Unavailable(format!(
            "{} answered for table `{}` with {what}, which was not asked for: check `endpoint`",
            self.client.endpoint_url(),
            self.table.name
        ))
    }

    /// DynamoDB's own default is an eventually consistent read.
    pub(super) fn consistent_read(&self, asked: Option<Consistency>) -> Option<bool> {
        match asked.unwrap_or(self.consistency) {
            Consistency::Strong => Some(true),
            Consistency::Eventual => None,
        }
    }
}
