//! Transactions, each sent as one TransactWriteItems. DynamoDB recognises a retry by its
//! client request token and does not apply it twice.

use super::change::{Change, Effect, fold};
use super::condition::Condition;
use super::item::key_attributes;
use super::{Operation, StateStore, Table};
use crate::dynamodb::codec::TransactWriteItems;
use crate::dynamodb::error::{
    CancellationReason, OperationError, cancellation_reasons, cancellations, is_condition,
};
use crate::dynamodb::{CallInput, Repeat};
use crate::error::Error;
use crate::http::Platform;
use crate::limits::{TRANSACTION_BYTES, TRANSACTION_OPERATIONS};
use crate::text::{first_line, quote};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput,
};
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

impl<P: Platform> StateStore<P> {
    /// Applies all operations or none. Returns the new ETags by position.
    ///
    /// # Errors
    ///
    /// See `transact` in `wit/state.wit`.
    pub async fn transact(&self, operations: Vec<Operation>) -> Result<Vec<Option<String>>, Error> {
        if operations.len() > TRANSACTION_OPERATIONS {
            return Err(Error::InvalidArgument(format!(
                "the transaction has {} operations: the limit is {TRANSACTION_OPERATIONS}, and operations on the same key count separately; split the transaction",
                operations.len()
            )));
        }
        let changes = operations
            .into_iter()
            .map(|operation| match operation {
                Operation::Set(request) => self.plan_set(request),
                Operation::Delete(request) => Change::of_delete(request),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let etags = changes
            .iter()
            .map(|change| change.effect.etag().map(str::to_owned))
            .collect();
        let changes = fold(changes)?;
        check_size(&self.table, &changes)?;
        if !changes.is_empty() {
            self.send_transaction(changes).await?;
        }
        Ok(etags)
    }

    async fn send_transaction(&self, changes: Vec<Change>) -> Result<(), Error> {
        let timed = changes.iter().any(|change| change.is_timed(&self.table));
        let input = match timed {
            true => CallInput::timed(|now| self.transaction_input(&changes, now)),
            false => CallInput::Fixed(self.transaction_input(&changes, 0)?),
        };
        let call = self
            .client
            .call_write::<TransactWriteItems>(Repeat::ByToken, input);
        match call.await {
            Ok(_) => Ok(()),
            Err(failure) => Err(self.cancelled(*failure, &changes)),
        }
    }

    /// Returns the request with a new token, because DynamoDB refuses a known token with a
    /// different body.
    fn transaction_input(
        &self,
        changes: &[Change],
        now: u64,
    ) -> Result<TransactWriteItemsInput, Error> {
        let platform = self.client.platform();
        let token = format!("{:016x}{:016x}", platform.random(), platform.random());
        let items = changes
            .iter()
            .map(|change| self.transaction_item(change, now))
            .collect::<Result<Vec<_>, Error>>()?;
        TransactWriteItemsInput::builder()
            .set_transact_items(Some(items))
            .client_request_token(token)
            .build()
            .map_err(Error::unbuilt)
    }

    fn transaction_item(&self, change: &Change, now: u64) -> Result<TransactWriteItem, Error> {
        let expression = change.condition.expression(&self.table, now);
        let item = TransactWriteItem::builder();
        Ok(match &change.effect {
            Effect::Put { item: written, .. } => item.put(
                Put::builder()
                    .table_name(&self.table.name)
                    .set_item(Some(written.clone().into_attributes(&self.table, now)))
                    .set_condition_expression(expression.text)
                    .set_expression_attribute_names(expression.names)
                    .set_expression_attribute_values(expression.values)
                    .build()
                    .map_err(Error::unbuilt)?,
            ),
            Effect::Delete => item.delete(
                Delete::builder()
                    .table_name(&self.table.name)
                    .set_key(Some(key_attributes(&self.table, change.key.clone())))
                    .set_condition_expression(expression.text)
                    .set_expression_attribute_names(expression.names)
                    .set_expression_attribute_values(expression.values)
                    .build()
                    .map_err(Error::unbuilt)?,
            ),
        }
        .build())
    }

    /// Returns the error of a failed transaction.
    ///
    /// If a condition fails after an attempt whose response was lost, that attempt was not
    /// applied. Otherwise DynamoDB would have recognised the token and returned success. The
    /// lost attempt may still arrive. If the condition names an ETag, it cannot be applied
    /// then, because a replaced ETag never comes back. A first write can be applied then, if
    /// the item in its way is deleted before it arrives.
    fn cancelled(&self, failure: OperationError, changes: &[Change]) -> Error {
        let Some(cancelled) = failure.service_error::<TransactWriteItemsError>() else {
            return self.write_error(failure);
        };
        let found =
            cancellations(cancelled).find_map(|found| Some((changes.get(found.position)?, found)));
        let Some((change, found)) = found else {
            return self.write_error(failure);
        };
        if is_condition(found.reason) {
            let mismatch = change.condition.mismatch(&change.key);
            return match for_good(cancellation_reasons(cancelled), changes) {
                true => mismatch,
                false => failure.as_write(mismatch),
            };
        }
        failure.as_write((found.case)(self.sentence(change, found.reason)))
    }

    fn sentence(&self, change: &Change, reason: &CancellationReason) -> String {
        let words = reason.message().or(reason.code());
        format!(
            "the transaction was cancelled at key {}: {}",
            quote(&change.key),
            first_line(words.unwrap_or("no reason given"))
        )
    }
}

/// Returns true if one of the failed conditions can never hold again.
fn for_good(reasons: &[CancellationReason], changes: &[Change]) -> bool {
    reasons.iter().zip(changes).any(|(reason, change)| {
        is_condition(reason) && matches!(change.condition, Condition::Etag(_))
    })
}

fn check_size(table: &Table, changes: &[Change]) -> Result<(), Error> {
    let size: usize = changes
        .iter()
        .map(|change| match &change.effect {
            Effect::Put { item, .. } => item.size(table),
            Effect::Delete => 0,
        })
        .sum();
    if size > TRANSACTION_BYTES {
        return Err(Error::TooLarge(format!(
            "the items of the transaction have {size} bytes: DynamoDB takes at most {TRANSACTION_BYTES}; split the transaction"
        )));
    }
    Ok(())
}
