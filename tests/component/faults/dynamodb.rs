//! What DynamoDB itself answers: its errors, and batches of which it leaves a part.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::json;
use test_support::faults::{Action, AwsError, Reply};

use super::calls::Call;
use super::fault::{ALL, Fault, Nature, ONE_BY_ONE, Pace, fault};

const BATCHES: &[Call] = &[Call::BulkGet, Call::BulkSet, Call::BulkDelete];
const WRITES: &[Call] = &[
    Call::Set,
    Call::SetFirstWrite,
    Call::SetWithEtag,
    Call::BulkSet,
    Call::BulkSetWithEtags,
    Call::Delete,
    Call::DeleteWithEtag,
    Call::BulkDelete,
    Call::Create,
];
const TRANSACTIONS: &[Call] = &[Call::Transact];

fn named(code: &str) -> AwsError {
    AwsError::named(code).expect("DynamoDB has an error of this name")
}

fn error(code: &str) -> Action {
    Action::error(&named(code))
}

fn cancelled(reason: &str) -> Action {
    Action::error(&AwsError::cancelled(&["None", reason, "None"]))
}

pub const OF_DYNAMODB: &[Fault] = {
    use Nature::{Refused, Unknown};
    use Pace::{Prompt, Throttled};
    &[
        fault(
            "ProvisionedThroughputExceededException",
            Refused,
            Throttled,
            ALL,
            |_| error("ProvisionedThroughputExceededException"),
        ),
        fault("ThrottlingException", Refused, Throttled, ALL, |_| {
            error("ThrottlingException")
        }),
        fault("RequestLimitExceeded", Refused, Throttled, ALL, |_| {
            error("RequestLimitExceeded")
        }),
        fault(
            "ThrottlingException that asks to wait 1.1 s",
            Refused,
            Throttled,
            ALL,
            |_| {
                let retry_after = Some(Duration::from_millis(1_100));
                Action::error(&AwsError {
                    retry_after,
                    ..named("ThrottlingException")
                })
            },
        ),
        fault(
            "nothing of a batch is processed",
            Refused,
            Throttled,
            BATCHES,
            |_| Action::leave_unprocessed(0),
        ),
        fault(
            "all but one of a batch come back unprocessed",
            Refused,
            Throttled,
            BATCHES,
            |_| Action::leave_unprocessed(1),
        ),
        fault(
            "TransactionConflictException",
            Refused,
            Prompt,
            WRITES,
            |_| error("TransactionConflictException"),
        ),
        fault(
            "ReplicatedWriteConflictException",
            Refused,
            Prompt,
            WRITES,
            |_| error("ReplicatedWriteConflictException"),
        ),
        fault(
            "TransactionCanceledException: TransactionConflict",
            Refused,
            Prompt,
            TRANSACTIONS,
            |_| cancelled("TransactionConflict"),
        ),
        fault(
            "TransactionCanceledException: ThrottlingError",
            Refused,
            Throttled,
            TRANSACTIONS,
            |_| cancelled("ThrottlingError"),
        ),
        fault(
            "TransactionCanceledException: ValidationError",
            Refused,
            Prompt,
            TRANSACTIONS,
            |_| cancelled("ValidationError"),
        ),
        fault(
            "TransactionCanceledException: ValidationError for an item's size",
            Refused,
            Prompt,
            TRANSACTIONS,
            |_| cancelled_for_an_items_size(),
        ),
        fault(
            "TransactionInProgressException",
            Unknown,
            Throttled,
            TRANSACTIONS,
            |_| error("TransactionInProgressException"),
        ),
        fault(
            "IdempotentParameterMismatchException",
            Refused,
            Prompt,
            TRANSACTIONS,
            |_| error("IdempotentParameterMismatchException"),
        ),
        fault("ExpiredTokenException", Refused, Prompt, ALL, |_| {
            error("ExpiredTokenException")
        }),
        fault("UnrecognizedClientException", Refused, Prompt, ALL, |_| {
            error("UnrecognizedClientException")
        }),
        fault("AccessDeniedException", Refused, Prompt, ALL, |_| {
            error("AccessDeniedException")
        }),
        fault(
            "InvalidSignatureException from a clock an hour ahead",
            Refused,
            Prompt,
            ONE_BY_ONE,
            |_| skewed(),
        ),
        fault("ResourceNotFoundException", Refused, Prompt, ALL, |_| {
            error("ResourceNotFoundException")
        }),
        fault("ValidationException", Refused, Prompt, ALL, |_| {
            error("ValidationException")
        }),
        fault(
            "ItemCollectionSizeLimitExceededException",
            Refused,
            Prompt,
            WRITES,
            |_| error("ItemCollectionSizeLimitExceededException"),
        ),
        fault(
            "an error of a name that nobody knows, HTTP 400",
            Refused,
            Prompt,
            ALL,
            |_| {
                Action::error(&AwsError::new(
                    StatusCode::BAD_REQUEST,
                    "NoSuchException",
                    "new",
                ))
            },
        ),
        fault(
            "InternalServerError without effect",
            Unknown,
            Prompt,
            ALL,
            |_| error("InternalServerError"),
        ),
        fault(
            "InternalServerError after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| error("InternalServerError").after_effect(),
        ),
        fault(
            "ServiceUnavailable without effect",
            Unknown,
            Prompt,
            ALL,
            |_| error("ServiceUnavailable"),
        ),
        fault(
            "ServiceUnavailable after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| error("ServiceUnavailable").after_effect(),
        ),
    ]
};

/// The code is that of every invalid item: the sentence tells.
fn cancelled_for_an_items_size() -> Action {
    let size = "Item size has exceeded the maximum allowed size";
    let reasons = json!([
        { "Code": "None" },
        { "Code": "ValidationError", "Message": size },
        { "Code": "None" },
    ]);
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError, None]",
        "CancellationReasons": reasons,
    });
    Action::answer(Reply::json(StatusCode::BAD_REQUEST, &body))
}

fn skewed() -> Action {
    let ahead = SystemTime::now() + Duration::from_secs(3_600);
    let date = Some(httpdate::fmt_http_date(ahead));
    Action::error(&AwsError {
        date,
        ..named("InvalidSignatureException")
    })
}
