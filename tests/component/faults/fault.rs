//! The faults: their effect on a request, the knowledge that a caller can have of its outcome, and
//! the timeouts of their cells.
//!
//! - Faults of connections, and unusual responses that HTTP allows.
//! - Error responses of DynamoDB.
//! - Responses of another server in its place: a gateway, a captive portal, a proxy that mixes up its
//!   connections.
//! - Two faults in sequence. If the first leaves the outcome unknown, the second does not reveal it.

use super::calls::Call;
use Nature::{Harmless, NotSent, Refused, Unknown, UnknownAfterRefusal};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use test_support::faults::{Action, Arrived, AwsError, Delivery, Reply};

/// All faults, in the order of the document.
pub static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| {
    let all = [harmless(), of_dynamodb(), of_others(), broken(), in_turn()];
    all.into_iter().flatten().collect()
});

/// The knowledge of the outcome of a request that met a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The request has taken effect, and the response says so.
    Harmless,
    /// DynamoDB, or a server before it, says that the request has not taken effect.
    Refused,
    /// The request was never sent.
    NotSent,
    /// The outcome is unknown.
    Unknown,
    /// The outcome of the second request is unknown. The first request has not taken effect.
    UnknownAfterRefusal,
}

/// The configuration of an instance for the cells of a fault. Their results must not depend on the
/// machine's speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every response comes at once, so the request timeout is long enough for any machine.
    Prompt,
    /// The same as `Prompt`, with long waits between attempts.
    Throttled,
    /// No response comes, so the cell waits for the request timeout.
    Silent,
}

pub struct Fault {
    pub name: &'static str,
    pub nature: Nature,
    pub pace: Pace,
    pub strikes: Strikes,
    /// The calls that can meet the fault, or empty for all calls.
    calls: &'static [Call],
}

type Act = Box<dyn Fn(&Arrived) -> Action + Send + Sync>;

/// The way in which a fault occurs.
pub enum Strikes {
    Requests(Act),
    /// Affects every request, each in a different way.
    InTurn(Act),
    /// Passes each request on when the call has ended.
    AfterTheCall,
    /// Refuses all connections, starting before the call.
    Connections,
    /// Cuts the kept connection before the call.
    KeptConnection,
}

/// The calls that send their requests one after another.
const ONE_BY_ONE: &[Call] = &[
    Call::Get,
    Call::GetStrong,
    Call::BulkGet,
    Call::Set,
    Call::SetFirstWrite,
    Call::SetWithEtag,
    Call::BulkSet,
    Call::Delete,
    Call::DeleteWithEtag,
    Call::BulkDelete,
    Call::Transact,
    Call::Create,
];

const BATCHES: &[Call] = &[Call::BulkGet, Call::BulkSet, Call::BulkDelete];
const READS: &[Call] = &[Call::Get, Call::GetStrong, Call::BulkGet];
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

/// Longer than every cell, because the cell itself ends the outage.
const OUTAGE: Delivery = Delivery::Outage(Duration::from_secs(600));
const NOTICEABLE: Duration = Duration::from_millis(50);
/// The time between two bytes. The shortest body has two bytes.
const TOO_SLOW: Duration = Duration::from_secs(SHORT.as_secs() - 1);

/// The request timeout of cells that wait for it. Requests without a fault must be answered within
/// it too.
pub const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(30);

impl Pace {
    pub fn attempts(self) -> u32 {
        match self {
            Self::Prompt => 3,
            // Each wait for throttling is twice as long as the one before.
            Self::Throttled | Self::Silent => 2,
        }
    }

    pub fn request_timeout(self) -> Duration {
        match self {
            Self::Prompt | Self::Throttled => LONG,
            Self::Silent => SHORT,
        }
    }

    /// Returns the maximum time of a call with this configuration.
    pub fn longest(self) -> Duration {
        self.request_timeout() * self.attempts()
    }
}

impl Fault {
    fn striking(name: &'static str, nature: Nature, strikes: Strikes) -> Self {
        Self {
            name,
            nature,
            pace: Pace::Prompt,
            strikes,
            calls: &[],
        }
    }

    /// Returns a fault of requests, with an action for each request.
    fn by(
        name: &'static str,
        nature: Nature,
        act: impl Fn(&Arrived) -> Action + Send + Sync + 'static,
    ) -> Self {
        Self::striking(name, nature, Strikes::Requests(Box::new(act)))
    }

    /// Returns a fault of requests, with the same action for all.
    fn new(name: &'static str, nature: Nature, action: Action) -> Self {
        Self::by(name, nature, move |_| action.clone())
    }

    fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    fn throttled(self) -> Self {
        self.at(Pace::Throttled)
    }

    fn of(self, calls: &'static [Call]) -> Self {
        Self { calls, ..self }
    }

    pub fn concerns(&self, call: Call) -> bool {
        self.calls.is_empty() || self.calls.contains(&call)
    }
}

/// Unusual behaviour that is not a fault.
fn harmless() -> Vec<Fault> {
    let deliver = |name, delivery| Fault::new(name, Harmless, Action::deliver(delivery));
    let kept = "idle connection reset before the call";
    vec![
        Fault::new("none", Harmless, Action::pass()),
        Fault::striking(kept, Harmless, Strikes::KeptConnection),
        Fault::new("50 ms late", Harmless, Action::pass().delayed(NOTICEABLE)),
        deliver("byte by byte", Delivery::Trickled(Duration::from_millis(1))),
        deliver("in chunks of a byte", Delivery::Chunked),
        deliver("after `100 Continue`", Delivery::AfterInterim),
        deliver("`content-length` twice, equal", Delivery::LengthTwice),
        deliver(
            "closed after the response, with `connection: close`",
            Delivery::Last,
        ),
        deliver(
            "closed after the response, without notice",
            Delivery::HungUp,
        ),
        deliver("followed by an unrequested response", Delivery::Followed),
    ]
}

fn named(code: &str) -> AwsError {
    AwsError::named(code).expect("DynamoDB has an error of this name")
}

fn error(code: &str) -> Action {
    Action::error(&named(code))
}

fn of_dynamodb() -> Vec<Fault> {
    let refused = |code| Fault::new(code, Refused, error(code));
    let cancelled = |name: &'static str| {
        let (_, reason) = name.split_once(": ").expect("a code and a reason");
        let error = AwsError::cancelled(&["None", reason, "None"]);
        Fault::new(name, Refused, Action::error(&error)).of(TRANSACTIONS)
    };
    let batch = |name, processed| {
        let action = Action::leave_unprocessed(processed);
        Fault::new(name, Refused, action).of(BATCHES).throttled()
    };
    let waits = Action::error(&AwsError {
        retry_after: Some(Duration::from_millis(1_100)),
        ..named("ThrottlingException")
    });
    let item_size = "TransactionCanceledException: ValidationError for an item's size";
    let in_progress = "TransactionInProgressException";
    let unknown_error = AwsError::new(StatusCode::BAD_REQUEST, "NoSuchException", "new");
    let [internal, unavailable] = ["InternalServerError", "ServiceUnavailable"].map(error);
    vec![
        refused("ProvisionedThroughputExceededException").throttled(),
        refused("ThrottlingException").throttled(),
        refused("RequestLimitExceeded").throttled(),
        Fault::new(
            "ThrottlingException that asks to wait 1.1 s",
            Refused,
            waits,
        )
        .throttled(),
        batch("whole batch unprocessed", 0),
        batch("all but one of a batch unprocessed", 1),
        refused("TransactionConflictException").of(WRITES),
        refused("ReplicatedWriteConflictException").of(WRITES),
        cancelled("TransactionCanceledException: TransactionConflict"),
        cancelled("TransactionCanceledException: ThrottlingError").throttled(),
        cancelled("TransactionCanceledException: ValidationError"),
        Fault::new(item_size, Refused, cancelled_for_an_items_size()).of(TRANSACTIONS),
        Fault::new(in_progress, Unknown, error(in_progress))
            .of(TRANSACTIONS)
            .throttled(),
        refused("IdempotentParameterMismatchException").of(TRANSACTIONS),
        refused("ExpiredTokenException"),
        refused("UnrecognizedClientException"),
        refused("AccessDeniedException"),
        Fault::by(
            "InvalidSignatureException from a clock an hour ahead",
            Refused,
            |_| skewed(),
        )
        .of(ONE_BY_ONE),
        refused("ResourceNotFoundException"),
        refused("ValidationException"),
        refused("ItemCollectionSizeLimitExceededException").of(WRITES),
        Fault::new(
            "unknown error, HTTP 400",
            Refused,
            Action::error(&unknown_error),
        ),
        Fault::new(
            "InternalServerError without effect",
            Unknown,
            internal.clone(),
        ),
        Fault::new(
            "InternalServerError after the effect",
            Unknown,
            internal.after_effect(),
        ),
        Fault::new(
            "ServiceUnavailable without effect",
            Unknown,
            unavailable.clone(),
        ),
        Fault::new(
            "ServiceUnavailable after the effect",
            Unknown,
            unavailable.after_effect(),
        ),
    ]
}

/// Returns the cancellation for an item's size. Its code is the one of every invalid item, so only
/// the message shows the reason.
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

/// Returns faults in which another server responds in DynamoDB's place.
fn of_others() -> Vec<Fault> {
    let unknown = |name, action| Fault::new(name, Unknown, action);
    let late = page(StatusCode::SERVICE_UNAVAILABLE).after_effect();
    let busy = page(StatusCode::TOO_MANY_REQUESTS);
    let too_large = page(StatusCode::PAYLOAD_TOO_LARGE);
    let of_another_key = |arrived: &Arrived| json_answer(&of_another_key(arrived));
    let wrong_shape = |arrived: &Arrived| json_answer(&wrong_shape(arrived));
    vec![
        unknown("HTML page, HTTP 200", page(StatusCode::OK)),
        unknown(
            "HTML page, HTTP 200, after the effect",
            page(StatusCode::OK).after_effect(),
        ),
        unknown("HTML page, HTTP 403", page(StatusCode::FORBIDDEN)),
        Fault::new("HTML page, HTTP 429", Refused, busy).throttled(),
        unknown("HTML page, HTTP 502", page(StatusCode::BAD_GATEWAY)),
        unknown("HTML page, HTTP 503, after the effect", late),
        Fault::new("HTML page, HTTP 413", Refused, too_large),
        unknown(
            "redirect, HTTP 301",
            redirect(StatusCode::MOVED_PERMANENTLY),
        ),
        unknown(
            "redirect, HTTP 307",
            redirect(StatusCode::TEMPORARY_REDIRECT),
        ),
        unknown("no body, HTTP 200", text("")),
        unknown(
            "no body, HTTP 200, after the effect",
            text("").after_effect(),
        ),
        unknown("JSON `null`", text("null")),
        unknown("JSON `[]`", text("[]")),
        unknown("JSON `{}`", text("{}")).of(&[Call::BulkGet]),
        Fault::by("JSON members of wrong types", Unknown, wrong_shape).of(READS),
        Fault::by("item of another key", Unknown, of_another_key).of(READS),
    ]
}

fn page(status: StatusCode) -> Action {
    Action::answer(Reply::html(status))
}

/// Returns a redirect to a port without a server, so a client that follows it fails in a different
/// way.
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

/// Returns a response that belongs to another request, as if sent on the wrong connection.
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

/// Returns faults of broken connections and missing responses.
fn broken() -> Vec<Fault> {
    let deliver = |name, delivery| Fault::new(name, Unknown, Action::deliver(delivery));
    let lost = |name, delivery| {
        let action = Action::deliver(delivery).without_effect();
        Fault::new(name, Unknown, action)
    };
    let silent = |fault: Fault| fault.at(Pace::Silent);
    let given_up = "takes effect after the client has given up";
    vec![
        Fault::striking("connections are refused", NotSent, Strikes::Connections),
        lost(
            "closed without a response, without effect",
            Delivery::Closed,
        ),
        deliver(
            "closed without a response, after the effect",
            Delivery::Closed,
        ),
        lost("reset, without effect", Delivery::Reset),
        deliver("reset, after the effect", Delivery::Reset),
        lost("server goes down, without effect", OUTAGE).of(ONE_BY_ONE),
        deliver("server goes down, after the effect", OUTAGE).of(ONE_BY_ONE),
        deliver("cut off within the body", Delivery::Truncated(1)),
        deliver("cut off before the body", Delivery::Truncated(0)),
        deliver(
            "cut off within a body of unknown length",
            Delivery::TruncatedUnframed(1),
        ),
        deliver(
            "cut off before a body of unknown length",
            Delivery::TruncatedUnframed(0),
        ),
        deliver("one bit flipped", Delivery::Corrupted),
        deliver("compressed without a request for it", Delivery::Gzipped),
        deliver(
            "two different `content-length` headers",
            Delivery::TwoLengths,
        ),
        silent(lost("no response, without effect", Delivery::Withheld)),
        silent(deliver("no response, after the effect", Delivery::Withheld)),
        silent(deliver(
            "nothing after the status line",
            Delivery::WithheldInHead,
        )),
        silent(deliver(
            "nothing after the first byte of the body",
            Delivery::WithheldAfter(1),
        )),
        silent(deliver(
            "byte by byte, too slowly",
            Delivery::Trickled(TOO_SLOW),
        )),
        silent(Fault::striking(given_up, Unknown, Strikes::AfterTheCall)),
    ]
}

/// Returns faults that combine two, one after the other.
fn in_turn() -> Vec<Fault> {
    let turns = |name, nature, first: Action, others: Action| {
        let act = move |arrived: &Arrived| match arrived.nth_of_all {
            1 => first.clone(),
            _ => others.clone(),
        };
        Fault::striking(name, nature, Strikes::InTurn(Box::new(act))).of(ONE_BY_ONE)
    };
    let lost_then = |name: &'static str| {
        let (_, code) = name.rsplit_once(' ').expect("the code is last");
        turns(name, Unknown, Action::drop_answer(), error(code))
    };
    let throttled_then_lost =
        "ThrottlingException, then closed without a response after the effect";
    let throttling = error("ThrottlingException");
    vec![
        lost_then("closed without a response after the effect, then ThrottlingException")
            .throttled(),
        lost_then("closed without a response after the effect, then AccessDeniedException"),
        lost_then("closed without a response after the effect, then ResourceNotFoundException"),
        lost_then("closed without a response after the effect, then TransactionConflictException"),
        turns(
            throttled_then_lost,
            UnknownAfterRefusal,
            throttling,
            Action::drop_answer(),
        )
        .throttled(),
    ]
}
