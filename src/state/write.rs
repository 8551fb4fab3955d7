//! Writes one item with one PutItem or DeleteItem. After an attempt with an unknown outcome,
//! only a write that names the ETag that it replaces is retried. That ETag never comes back,
//! so the retry cannot take effect twice. With `unconfirmedWrites: repeat`, all writes are
//! retried.
//!
//! A condition that fails on a retry does not prove a mismatch: the first attempt may have
//! been applied and be the reason.

use super::change::{Change, Effect};
use super::condition::Condition;
use super::item::{Encoded, has_etag, key_attributes, new_etag};
use super::{DeleteRequest, SetRequest, StateStore};
use crate::dynamodb::codec::{DeleteItem, PutItem};
use crate::dynamodb::error::OperationError;
use crate::dynamodb::{CallInput, Repeat};
use crate::error::Error;
use crate::http::Platform;
use crate::text::quote;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemInput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

impl<P: Platform> StateStore<P> {
    /// Writes an item and returns its new ETag.
    ///
    /// # Errors
    ///
    /// See `set` in `wit/state.wit`.
    pub async fn set(&self, request: SetRequest) -> Result<String, Error> {
        let change = self.plan_set(request)?;
        Ok(self.apply(change).await?.unwrap_or_default())
    }

    /// Deletes an item.
    ///
    /// # Errors
    ///
    /// See `delete` in `wit/state.wit`.
    pub async fn delete(&self, request: DeleteRequest) -> Result<(), Error> {
        self.apply(Change::of_delete(request)?).await.map(drop)
    }

    /// Plans a set, with a new random ETag.
    pub(super) fn plan_set(&self, request: SetRequest) -> Result<Change, Error> {
        let etag = new_etag(self.client.platform().random());
        Change::of_set(&self.table, request, etag)
    }

    /// Applies one change and returns the ETag that it leaves.
    pub(super) async fn apply(&self, change: Change) -> Result<Option<String>, Error> {
        let timed = change.is_timed(&self.table);
        let Change {
            key,
            condition,
            effect,
        } = change;
        match effect {
            Effect::Put { item, etag } => {
                self.put(&key, &condition, item, &etag, timed).await?;
                Ok(Some(etag))
            }
            Effect::Delete => {
                self.remove(&key, &condition, timed).await?;
                Ok(None)
            }
        }
    }

    /// Returns the retry rule of a write of one item.
    fn repeat(&self, condition: &Condition) -> Repeat {
        match condition.names_an_etag() {
            true => Repeat::Always,
            false => self.unconfirmed_writes,
        }
    }

    async fn put(
        &self,
        key: &str,
        condition: &Condition,
        item: Encoded,
        etag: &str,
        timed: bool,
    ) -> Result<(), Error> {
        let repeat = self.repeat(condition);
        let input = match timed {
            true => CallInput::timed(move |now| self.put_input(condition, item.clone(), now)),
            false => CallInput::Fixed(self.put_input(condition, item, 0)?),
        };
        let Err(failure) = self.client.call_write::<PutItem>(repeat, input).await else {
            return Ok(());
        };
        match failure.service_error::<PutItemError>() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                let ours = refusal.item().is_some_and(|stored| has_etag(stored, etag));
                if ours {
                    // An earlier attempt wrote the item.
                    Ok(())
                } else {
                    Err(refused(&failure, condition, key))
                }
            }
            _ if self.was_written(key, etag, &failure).await => Ok(()),
            _ => Err(self.write_error(*failure).of_key(key)),
        }
    }

    fn put_input(
        &self,
        condition: &Condition,
        item: Encoded,
        now: u64,
    ) -> Result<PutItemInput, Error> {
        let expression = condition.expression(&self.table, now);
        // If the condition fails on a retry, the stored item shows why.
        let asks = *condition != Condition::Always && self.repeat(condition) == Repeat::Always;
        PutItemInput::builder()
            .table_name(&self.table.name)
            .set_item(Some(item.into_attributes(&self.table, now)))
            .set_condition_expression(expression.text)
            .set_expression_attribute_names(expression.names)
            .set_expression_attribute_values(expression.values)
            .set_return_values_on_condition_check_failure(
                asks.then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .build()
            .map_err(Error::unbuilt)
    }

    async fn remove(&self, key: &str, condition: &Condition, timed: bool) -> Result<(), Error> {
        let repeat = self.repeat(condition);
        let input = match timed {
            true => CallInput::timed(move |now| self.delete_input(key, condition, now)),
            false => CallInput::Fixed(self.delete_input(key, condition, 0)?),
        };
        let Err(failure) = self.client.call_write::<DeleteItem>(repeat, input).await else {
            return Ok(());
        };
        match failure.service_error::<DeleteItemError>() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => {
                Err(refused(&failure, condition, key))
            }
            _ => Err(self.write_error(*failure).of_key(key)),
        }
    }

    fn delete_input(
        &self,
        key: &str,
        condition: &Condition,
        now: u64,
    ) -> Result<DeleteItemInput, Error> {
        let expression = condition.expression(&self.table, now);
        DeleteItemInput::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_attributes(&self.table, key.to_owned())))
            .set_condition_expression(expression.text)
            .set_expression_attribute_names(expression.names)
            .set_expression_attribute_values(expression.values)
            .build()
            .map_err(Error::unbuilt)
    }
}

/// Returns the error for a condition that failed. If an earlier attempt may have been applied,
/// it may be the reason, and another write may have replaced the item since. So the outcome of
/// this call is unknown.
fn refused(failure: &OperationError, condition: &Condition, key: &str) -> Error {
    if failure.earlier_may_have_been_applied {
        Error::Unavailable(format!(
            "key {}: the condition failed on a retry, and an earlier attempt, whose response was lost, may have been applied: read the item to find out",
            quote(key)
        ))
    } else {
        condition.mismatch(key)
    }
}
