//! Faults that are answers: DynamoDB's errors, and the answers of whoever else stands in the way.

use std::time::{Duration, SystemTime};

use host_test::faults::{Action, Arrived, AwsError, Reply};
use http::StatusCode;
use serde_json::{Value, json};

use super::calls::Call;
use super::fault::{Fault, Nature, Pace, Strikes};

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
const READS: &[Call] = &[Call::Get, Call::GetStrong, Call::BulkGet];
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

const fn fault(
    name: &'static str,
    nature: Nature,
    pace: Pace,
    calls: &'static [Call],
    action: fn(&Arrived) -> Action,
) -> Fault {
    Fault {
        name,
        nature,
        pace,
        strikes: Strikes::Requests(action),
        calls,
    }
}

const ALL: &[Call] = &[];

/// What DynamoDB itself answers.
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
            ALL,
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

/// What somebody else answers in its place.
pub const OF_OTHERS: &[Fault] = {
    use Nature::Unknown;
    use Pace::Prompt;
    &[
        fault("a page of HTML, HTTP 200", Unknown, Prompt, ALL, |_| {
            page(StatusCode::OK)
        }),
        fault(
            "a page of HTML, HTTP 200, after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| page(StatusCode::OK).after_effect(),
        ),
        fault("a page of HTML, HTTP 403", Unknown, Prompt, ALL, |_| {
            page(StatusCode::FORBIDDEN)
        }),
        fault("a page of HTML, HTTP 502", Unknown, Prompt, ALL, |_| {
            page(StatusCode::BAD_GATEWAY)
        }),
        fault(
            "a page of HTML, HTTP 503, after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| page(StatusCode::SERVICE_UNAVAILABLE).after_effect(),
        ),
        fault("a redirect, HTTP 301", Unknown, Prompt, ALL, |_| {
            redirect(StatusCode::MOVED_PERMANENTLY)
        }),
        fault("a redirect, HTTP 307", Unknown, Prompt, ALL, |_| {
            redirect(StatusCode::TEMPORARY_REDIRECT)
        }),
        fault("no body, HTTP 200", Unknown, Prompt, ALL, |_| text("")),
        fault(
            "no body, HTTP 200, after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| text("").after_effect(),
        ),
        fault("JSON `null`", Unknown, Prompt, ALL, |_| text("null")),
        fault("JSON `[]`", Unknown, Prompt, ALL, |_| text("[]")),
        fault(
            "JSON whose members have other types",
            Unknown,
            Prompt,
            READS,
            |arrived| json_answer(&wrong_shape(arrived)),
        ),
        fault(
            "the item of another key",
            Unknown,
            Prompt,
            READS,
            |arrived| json_answer(&of_another_key(arrived)),
        ),
    ]
};

fn page(status: StatusCode) -> Action {
    Action::answer(Reply::html(status))
}

/// Nobody is there: whoever follows it fails otherwise.
fn redirect(status: StatusCode) -> Action {
    Action::answer(Reply::redirect(status, "http://127.0.0.1:1/"))
}

fn text(body: &str) -> Action {
    Action::answer(Reply::text(StatusCode::OK, "application/x-amz-json-1.0", body).with_checksum())
}

fn json_answer(body: &Value) -> Action {
    Action::answer(Reply::json(StatusCode::OK, body))
}

fn skewed() -> Action {
    let ahead = SystemTime::now() + Duration::from_secs(3_600);
    let date = Some(httpdate::fmt_http_date(ahead));
    Action::error(&AwsError {
        date,
        ..named("InvalidSignatureException")
    })
}

fn wrong_shape(arrived: &Arrived) -> Value {
    match arrived.operation.as_str() {
        "GetItem" => json!({ "Item": ["key", "value"] }),
        _ => json!({ "Responses": [], "UnprocessedKeys": {} }),
    }
}

/// As an answer that got onto the wrong connection would be.
fn of_another_key(arrived: &Arrived) -> Value {
    let item = json!({ "key": { "S": "another" }, "value": { "S": "anothers" }, "etag": { "S": "another" } });
    match arrived.operation.as_str() {
        "GetItem" => json!({ "Item": item }),
        _ => {
            let tables = arrived.json();
            let table = tables["RequestItems"]
                .as_object()
                .and_then(|tables| tables.keys().next().cloned());
            let table = table.unwrap_or_default();
            json!({ "Responses": { table: [item] }, "UnprocessedKeys": {} })
        }
    }
}
