//! Responses that do not come from DynamoDB. Whatever their shape, length and depth, each is an
//! error of the right case. It is never a trap, a value or a success, and the instance serves the
//! next call.

use crate::fixture::{
    Build, Settings, Store, assert_error, assert_refused, delete, delete_if_etag, delete_of,
    first_write, if_etag, reaching, set, set_of, whole,
};
use dapr_wasm_host::CallError;
use http::StatusCode;
use std::time::Duration;
use test_support::faults::{Action, Delivery, FaultProxy, Orders, Reply};
use tokio::time::timeout;

const MB: usize = 1024 * 1024;
const JSON: &str = "application/x-amz-json-1.0";

/// Far more than any of these calls takes. Only a test that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that is not DynamoDB. It sends the same response to every request until it is given
/// another one.
struct HostileServer {
    proxy: FaultProxy,
    orders: Orders,
}

impl HostileServer {
    /// Starts the server and an instance that makes one attempt and uses the table `orders` without
    /// checking it.
    async fn start() -> (Self, Store) {
        let orders = Orders::default();
        let proxy = FaultProxy::start("", orders.clone()).unwrap();
        let server = Self { proxy, orders };
        server.answers_with("{}");
        let once = [("AWS_MAX_ATTEMPTS", "1")];
        let endpoint = server.proxy.endpoint();
        let store = reaching(endpoint, &whole("orders", endpoint, &once)).await;
        (server, store)
    }

    fn answers(&self, action: Action) {
        self.orders.always(action);
    }

    /// Responds with HTTP 200 and this body.
    fn answers_with(&self, body: &str) {
        self.answers(Action::answer(Reply::text(StatusCode::OK, JSON, body)));
    }

    /// Asserts that the same instance reads the next valid response.
    async fn assert_goes_on(&self, store: &mut Store) {
        self.answers_with(&item(r#"{"S":"v"}"#));
        assert_eq!(store.value("k").await.unwrap(), b"v");
    }
}

/// Returns a response with HTTP 200 and a body that never ends.
fn endless() -> Action {
    let delivery = Delivery::Endless;
    let reply = Reply::text(StatusCode::OK, JSON, "");
    Action {
        delivery,
        ..Action::answer(reply)
    }
}

/// Returns the body of a response to a read of `k`.
fn item(value: &str) -> String {
    format!(r#"{{"Item":{{"key":{{"S":"k"}},"value":{value}}}}}"#)
}

/// Bodies that no operation returns.
const SHAPES: &[&str] = &[
    "[]",
    "[{}]",
    "null",
    "true",
    "7",
    "\"Item\"",
    "{} {}",
    "{",
    "",
    "\u{feff}{}",
    "\0",
    r#"{"status":"ok"}"#,
    r#"{"message":"Please log in"}"#,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#GetItem"}"#,
    r#"{"Item":[],"Responses":[],"UnprocessedKeys":[],"UnprocessedItems":[],"Attributes":[],"ConsumedCapacity":7}"#,
    r#"{"Item":"x","Responses":"x","UnprocessedKeys":"x","UnprocessedItems":"x","Attributes":"x","ConsumedCapacity":"x"}"#,
];

/// Items in responses to a read of `k` that are not a valid item of `k`. None of their content may
/// be returned as its value.
const ITEMS: &[&str] = &[
    r#"{"value":{"S":"v"}}"#,
    r#"{"key":{"S":"another"},"value":{"S":"v"}}"#,
    r#"{"key":{"B":"aw=="},"value":{"S":"v"}}"#,
    r#"{"key":{"S":"k"},"value":{"S":"v","B":"AA=="}}"#,
    r#"{"key":{"S":"k"},"value":{}}"#,
    r#"{"key":{"S":"k"},"value":"v"}"#,
    r#"{"key":{"S":"k"},"value":["v"]}"#,
    r#"{"key":{"S":"k"},"value":null}"#,
    r#"{"key":{"S":"k"},"value":{"S":7}}"#,
    r#"{"key":{"S":"k"},"value":{"S":null}}"#,
    r#"{"key":{"S":"k"},"value":{"N":7}}"#,
    r#"{"key":{"S":"k"},"value":{"B":"%%%"}}"#,
    r#"{"key":{"S":"k"},"value":{"B":"AA"}}"#,
    r#"{"key":{"S":"k"},"value":{"NEW":"v"}}"#,
    r#"{"key":{"S":"k"},"value":{"S":"\ud800"}}"#,
    r#"{"key":{"S":"k"},"value":{"S":"v"},"etag":{"N":"1e999999999"}}"#,
    r#"{"key":{"S":"k"},"value":{"L":[{"M":{"a":{"NULL":"x"}}}]}}"#,
    "[]",
    "7",
];

#[track_caller]
fn assert_not_read<T: std::fmt::Debug>(answer: Result<T, CallError>, body: &str) {
    match answer {
        Err(CallError::Component(error)) => {
            assert!(
                ["unavailable", "other"].contains(&error.case()),
                "{body}: {error}"
            );
        }
        other => panic!("{body}: {other:?}"),
    }
}

/// Asserts that the outcome is unknown: nobody can know if something was written.
#[track_caller]
fn assert_unknown<T: std::fmt::Debug>(answer: Result<T, CallError>, body: &str) {
    match answer {
        Err(CallError::Component(error)) => assert_eq!(error.case(), "unavailable", "{body}"),
        other => panic!("{body}: {other:?}"),
    }
}

async fn assert_nothing_is_read(store: &mut Store, body: &str) {
    assert_not_read(store.state().get("k", None).await, body);
    let in_bulk = store.get_in_bulk("k").await;
    assert_not_read(in_bulk.map_err(CallError::from), body);
}

async fn assert_no_write_succeeds(store: &mut Store, body: &str) {
    let mut state = store.state();
    for options in [None, first_write(), if_etag("e")] {
        assert_unknown(state.set("k", b"v", options).await, body);
    }
    for options in [None, delete_if_etag("e")] {
        assert_unknown(state.delete("k", options).await, body);
    }
    let operations = [set("k", b"v", if_etag("e")), delete("l", None)];
    assert_unknown(state.transact(&operations).await, body);
    let sets = ["k", "l"].map(|key| set_of(key, b"v", None));
    for result in state.bulk_set(&sets).await.unwrap() {
        assert_unknown(result.map_err(CallError::from), body);
    }
    let deletes = ["k", "l"].map(|key| delete_of(key, None));
    for result in state.bulk_delete(&deletes).await.unwrap() {
        assert_unknown(result.map_err(CallError::from), body);
    }
    assert_unknown(store.create(r#"{"key":"k"}"#).await, body);
}

#[tokio::test]
async fn response_of_no_operation_is_an_error() {
    let (server, mut store) = HostileServer::start().await;
    for body in SHAPES {
        server.answers_with(body);
        assert_nothing_is_read(&mut store, body).await;
        assert_no_write_succeeds(&mut store, body).await;
        assert_not_read(store.state().ping().await, body);
        assert_not_read(store.binding().ping().await, body);
    }
    server.assert_goes_on(&mut store).await;
}

#[tokio::test]
async fn invalid_item_of_the_key_is_an_error() {
    let (server, mut store) = HostileServer::start().await;
    for item in ITEMS {
        let one = format!(r#"{{"Item":{item}}}"#);
        server.answers_with(&one);
        assert_not_read(store.state().get("k", None).await, &one);
        let many = format!(r#"{{"Responses":{{"orders":[{item}]}},"UnprocessedKeys":{{}}}}"#);
        server.answers_with(&many);
        let in_bulk = store.get_in_bulk("k").await;
        assert_not_read(in_bulk.map_err(CallError::from), &many);
    }
    server.assert_goes_on(&mut store).await;
}

#[tokio::test]
async fn item_of_another_key_is_an_error_that_says_so() {
    let (server, mut store) = HostileServer::start().await;
    server.answers_with(r#"{"Item":{"key":{"S":"another"},"value":{"S":"v"}}}"#);
    let answer = store.state().get("k", None).await;
    let names = ["\"k\"", "another key", "`endpoint`"];
    assert_refused(answer, "unavailable", &names);
}

#[tokio::test]
async fn batch_response_with_unrequested_items_is_an_error() {
    let (server, mut store) = HostileServer::start().await;
    let item = |key: &str| format!(r#"{{"key":{{"S":"{key}"}},"value":{{"S":"v"}}}}"#);
    let (k, l, other) = (item("k"), item("l"), item("other"));
    let none = String::new;
    let left = |table: &str, key: &str| format!(r#""{table}":{{"Keys":[{{"key":{key}}}]}}"#);
    let only_k = || format!(r#""orders":[{k}]"#);
    for (responses, unprocessed) in [
        (format!(r#""another":[{k},{l}]"#), none()),
        (format!(r#""orders":[{k}],"another":[{l}]"#), none()),
        (format!(r#""orders":[{k},{other}]"#), none()),
        (format!(r#""orders":[{k},{k}]"#), none()),
        (only_k(), left("orders", r#"{"S":"other"}"#)),
        (only_k(), left("orders", r#"{"S":"k"}"#)),
        (only_k(), left("orders", r#"{"N":"1"}"#)),
        (only_k(), left("another", r#"{"S":"l"}"#)),
    ] {
        let body =
            format!(r#"{{"Responses":{{{responses}}},"UnprocessedKeys":{{{unprocessed}}}}}"#);
        server.answers_with(&body);
        let keys = ["k", "l"].map(str::to_owned);
        let found = store.state().bulk_get(&keys, None).await.unwrap();
        for (key, found) in keys.iter().zip(found) {
            assert_error(&found.expect_err(&body), "unavailable", &[key]);
        }
    }
    server.assert_goes_on(&mut store).await;
}

/// Requests that a response does not name as unprocessed count as written. The unprocessed ones
/// must therefore be among those that were sent.
#[tokio::test]
async fn unprocessed_items_never_sent_are_an_unknown_outcome() {
    let (server, mut store) = HostileServer::start().await;
    let put = |item: &str| format!(r#"{{"PutRequest":{{"Item":{item}}}}}"#);
    for left in [
        format!(r#"{{"another":[{}]}}"#, put(r#"{"key":{"S":"k"}}"#)),
        format!(r#"{{"orders":[{}]}}"#, put(r#"{"key":{"S":"other"}}"#)),
        format!(r#"{{"orders":[{}]}}"#, put(r#"{"key":{"N":"1"}}"#)),
        format!(r#"{{"orders":[{}]}}"#, put("{}")),
        r#"{"orders":[{}]}"#.to_owned(),
        r#"{"orders":[{"DeleteRequest":{"Key":{"key":{"S":"other"}}}}]}"#.to_owned(),
    ] {
        server.answers_with(&format!(r#"{{"UnprocessedItems":{left}}}"#));
        let sets = [set_of("k", b"v", None), set_of("l", b"v", None)];
        for result in store.state().bulk_set(&sets).await.unwrap() {
            assert_unknown(result.map_err(CallError::from), &left);
        }
    }
    server.assert_goes_on(&mut store).await;
}

#[tokio::test]
async fn json_escapes_in_a_response_are_decoded() {
    let (server, mut store) = HostileServer::start().await;
    for (json, text) in [
        (r#""\u0000""#, "\0"),
        (r#""\ud83d\uddddé\u200f""#, "\u{1f5dd}é\u{200f}"),
    ] {
        server.answers_with(&item(&format!(r#"{{"S":{json}}}"#)));
        assert_eq!(store.value("k").await.unwrap(), text.as_bytes());
    }
}

/// More than DynamoDB's 16 MB, which base64 makes a third longer.
#[tokio::test]
async fn response_of_24_mb_is_read() {
    let (server, mut store) = HostileServer::start().await;
    for size in [16 * MB, 24 * MB] {
        server.answers_with(&item(&format!(r#"{{"S":"{}"}}"#, "x".repeat(size))));
        assert_eq!(store.value("k").await.unwrap().len(), size);
    }
    // A list is not a plain value, so the SDK parses it.
    let list = format!(r#"{{"L":[{}{{"S":"x"}}]}}"#, r#"{"S":"x"},"#.repeat(MB));
    server.answers_with(&item(&list));
    let answer = store.state().get("k", None).await;
    assert_refused(answer, "other", &["\"k\"", "`value`"]);
    server.assert_goes_on(&mut store).await;
}

#[tokio::test]
async fn endless_response_and_one_of_4_gb_are_abandoned() {
    let (server, mut store) = HostileServer::start().await;
    server.answers(endless());
    let answer = timeout(PATIENCE, store.state().get("k", None)).await;
    assert_refused(answer.unwrap(), "unavailable", &["longer than"]);
    for length in ["4294967295", "4294967296", "18446744073709551615"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}");
        server.answers(Action::bytes(head));
        let answer = timeout(PATIENCE, store.state().get("k", None)).await;
        assert_refused(answer.unwrap(), "unavailable", &[]);
    }
    server.assert_goes_on(&mut store).await;
}

/// The portable build collects a response itself, and its memory ends. The host collects it for the
/// hosted build, so the instance stays usable.
#[tokio::test]
async fn response_beyond_the_memory_limit_is_abandoned() {
    const LIMIT: usize = 16 * MB;
    let (server, _) = HostileServer::start().await;
    let settings = Settings::at(server.proxy.endpoint()).with("table", "orders");
    let mut store = settings
        .blank_with(|options| options.memory_limit(LIMIT))
        .await;
    store.state().init(&settings.metadata).await.unwrap();
    server.answers(endless());
    let answer = timeout(PATIENCE, store.state().get("k", None))
        .await
        .unwrap();
    match Build::tested() {
        Build::Portable => assert!(
            matches!(answer, Err(CallError::MemoryLimit { limit: LIMIT, .. })),
            "{answer:?}"
        ),
        Build::Hosted => {
            assert_refused(answer, "unavailable", &["longer than"]);
            server.assert_goes_on(&mut store).await;
        }
    }
}

/// DynamoDB allows 32 levels of nesting. A recursive parser must stop at some depth with an error,
/// before its stack overflows.
#[tokio::test]
async fn response_nested_a_million_levels_is_an_error() {
    let (server, mut store) = HostileServer::start().await;
    for levels in [100, 10_000, 1_000_000] {
        for (open, close, end) in [
            (r#"{"L":["#, "]}", r#"{"S":"x"}"#),
            (r#"{"M":{"a":"#, "}}", r#"{"S":"x"}"#),
            ("[", "]", "1"),
            (r#"{"a":"#, "}", "1"),
        ] {
            let nested = format!("{}{end}{}", open.repeat(levels), close.repeat(levels));
            let read = item(r#"{"S":"v"}"#);
            let passed_over = format!(r#"{},"Later":{nested}}}"#, &read[..read.len() - 1]);
            for body in [item(&nested), passed_over, nested] {
                server.answers_with(&body);
                let what = format!("{levels} levels of {open}");
                match store.state().get("k", None).await {
                    Ok(Some(item)) => assert_eq!(item.value, b"v", "{what}"),
                    Err(CallError::Component(error)) => {
                        assert!(
                            ["other", "unavailable"].contains(&error.case()),
                            "{what}: {error}"
                        );
                    }
                    other => panic!("{what}: {other:?}"),
                }
                let written = store.state().set("k", b"v", None).await;
                assert_refused(written, "unavailable", &[]);
                assert!(store.get_in_bulk("k").await.is_err(), "{what}");
            }
        }
    }
    server.assert_goes_on(&mut store).await;
}

/// Error sentences quote no more of a server's message than a person would read.
#[tokio::test]
async fn error_response_of_16_mb_has_a_short_sentence() {
    let (server, mut store) = HostileServer::start().await;
    let body = format!(
        r#"{{"__type":"{}","message":"{}"}}"#,
        "T".repeat(MB),
        "m".repeat(16 * MB)
    );
    let error = Reply::text(StatusCode::BAD_REQUEST, JSON, &body);
    server.answers(Action::answer(error));
    let sentence = store.state().get("k", None).await.unwrap_err().to_string();
    assert!(sentence.len() < 4_000, "{} bytes", sentence.len());
    server.assert_goes_on(&mut store).await;
}
