//! What somebody else answers in DynamoDB's place: a gateway, a captive portal, a proxy that mixes up its connections.

use http::StatusCode;
use serde_json::{Value, json};
use test_support::faults::{Action, Arrived, Reply};

use super::calls::Call;
use super::fault::{ALL, Fault, Nature, Pace, fault};

const READS: &[Call] = &[Call::Get, Call::GetStrong, Call::BulkGet];

pub const OF_OTHERS: &[Fault] = {
    use Nature::{Refused, Unknown};
    use Pace::{Prompt, Throttled};
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
        fault("a page of HTML, HTTP 429", Refused, Throttled, ALL, |_| {
            page(StatusCode::TOO_MANY_REQUESTS)
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
        fault("a page of HTML, HTTP 413", Refused, Prompt, ALL, |_| {
            page(StatusCode::PAYLOAD_TOO_LARGE)
        }),
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
        fault("JSON `{}`", Unknown, Prompt, &[Call::BulkGet], |_| {
            text("{}")
        }),
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
