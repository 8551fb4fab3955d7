//! Why DynamoDB cancelled a transaction. What no repetition mends (a condition,
//! an invalid item) counts before what may pass (a conflict, throttling).
//!
//! Source of the codes: TransactWriteItems in the DynamoDB API reference.

use super::case;
use super::retry::RetryKind;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
pub use aws_sdk_dynamodb::types::CancellationReason;

/// The condition of one operation did not hold.
pub const CONDITION: &str = "ConditionalCheckFailed";

/// Another transaction or write held the item.
pub const CONFLICT: &str = "TransactionConflict";

/// A local secondary index's collection is full.
pub const COLLECTION_SIZE: &str = "ItemCollectionSizeLimitExceeded";

/// The item or the expression is not valid.
pub const VALIDATION: &str = "ValidationError";

/// Too much at once.
pub const THROTTLING: &[&str] = &["ProvisionedThroughputExceeded", "ThrottlingError"];

/// The reasons, one for each operation of the transaction.
#[must_use]
pub fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            canceled.cancellation_reasons()
        }
        // No other error has reasons.
        _ => &[],
    }
}

/// The first operation that was cancelled for `code`, with its reason.
#[must_use]
pub fn first<'a>(
    reasons: &'a [CancellationReason],
    code: &str,
) -> Option<(usize, &'a CancellationReason)> {
    reasons
        .iter()
        .enumerate()
        .find(|(_, reason)| reason.code() == Some(code))
}

/// Returns true if the reason is the size of the operation's item, for which DynamoDB has no
/// code of its own.
#[must_use]
pub fn is_about_an_items_size(reason: &CancellationReason) -> bool {
    reason.code() == Some(VALIDATION) && reason.message().is_some_and(case::is_about_an_items_size)
}

/// Whether the same transaction may well succeed a moment later.
#[must_use]
pub fn retry_kind(error: &TransactWriteItemsError) -> Option<RetryKind> {
    let reasons = reasons(error);
    let lasting = [CONDITION, VALIDATION, COLLECTION_SIZE];
    if lasting.iter().any(|code| first(reasons, code).is_some()) {
        None
    } else if first(reasons, CONFLICT).is_some() {
        Some(RetryKind::Conflict)
    } else if THROTTLING.iter().any(|code| first(reasons, code).is_some()) {
        Some(RetryKind::Throttling)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    fn cancelled(codes: &[&str]) -> TransactWriteItemsError {
        let reasons = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect();
        TransactWriteItemsError::TransactionCanceledException(
            TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons))
                .build(),
        )
    }

    #[test]
    fn a_conflict_is_tried_again_unless_a_condition_failed_beside_it() {
        for (codes, verdict) in [
            (
                &["None", "TransactionConflict"][..],
                Some(RetryKind::Conflict),
            ),
            (&["ThrottlingError", "None"], Some(RetryKind::Throttling)),
            (
                &["ProvisionedThroughputExceeded"],
                Some(RetryKind::Throttling),
            ),
            (&["TransactionConflict", "ConditionalCheckFailed"], None),
            (&["ThrottlingError", "ValidationError"], None),
            (&["None"], None),
            (&[], None),
        ] {
            assert_eq!(retry_kind(&cancelled(codes)), verdict, "{codes:?}");
        }
    }
}
