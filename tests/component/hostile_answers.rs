//! An answer that is JSON and not DynamoDB's is an error of the right case, and never a trap, a value or a success.

use dapr_wasm_host::CallError;

use crate::fixture::{
    Store, assert_error, assert_refused, delete_if_etag, delete_of, first_write, if_etag, set_of,
};
use crate::hostile_server::HostileServer;
use crate::transaction::{delete, set};

/// What no operation answers.
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

/// Answers to a read of `k` that hold no item of it: what they hold otherwise may not be taken for one.
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

/// Whether something was written, nobody can know.
#[track_caller]
fn assert_unknown<T: std::fmt::Debug>(answer: Result<T, CallError>, body: &str) {
    match answer {
        Err(CallError::Component(error)) => assert_eq!(error.case(), "unavailable", "{body}"),
        other => panic!("{body}: {other:?}"),
    }
}

async fn assert_nothing_is_read(store: &mut Store, body: &str) {
    assert_not_read(store.state().get("k", None).await, body);
    let found = store
        .state()
        .bulk_get(&["k".to_owned()], None)
        .await
        .unwrap();
    assert_not_read(
        found.into_iter().next().unwrap().map_err(CallError::from),
        body,
    );
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
    for result in state
        .bulk_set(&[set_of("k", b"v", None), set_of("l", b"v", None)])
        .await
        .unwrap()
    {
        assert_unknown(result.map_err(CallError::from), body);
    }
    for result in state
        .bulk_delete(&[delete_of("k", None), delete_of("l", None)])
        .await
        .unwrap()
    {
        assert_unknown(result.map_err(CallError::from), body);
    }
    let created = store
        .binding()
        .invoke("create", br#"{"key":"k"}"#, None)
        .await;
    assert_unknown(created, body);
}

/// The last answer on the same instance is one that can be read.
async fn assert_goes_on(server: &HostileServer, store: &mut Store) {
    server.answers_with(r#"{"Item":{"key":{"S":"k"},"value":{"S":"v"}}}"#);
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"v");
}

#[tokio::test]
async fn an_answer_of_no_operation_is_neither_a_value_nor_a_success() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    for body in SHAPES {
        server.answers_with(body);
        assert_nothing_is_read(&mut store, body).await;
        assert_no_write_succeeds(&mut store, body).await;
        assert_not_read(store.state().ping().await, body);
        assert_not_read(store.binding().ping().await, body);
    }
    assert_goes_on(&server, &mut store).await;
}

#[tokio::test]
async fn an_item_that_is_none_of_the_key_is_no_value() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    for item in ITEMS {
        let one = format!(r#"{{"Item":{item}}}"#);
        server.answers_with(&one);
        assert_not_read(store.state().get("k", None).await, &one);
        let many = format!(r#"{{"Responses":{{"orders":[{item}]}},"UnprocessedKeys":{{}}}}"#);
        server.answers_with(&many);
        let found = store
            .state()
            .bulk_get(&["k".to_owned()], None)
            .await
            .unwrap();
        assert_not_read(
            found.into_iter().next().unwrap().map_err(CallError::from),
            &many,
        );
    }
    assert_goes_on(&server, &mut store).await;
}

#[tokio::test]
async fn an_item_that_was_asked_for_is_told_from_one_that_was_not() {
    let server = HostileServer::start().await;
    server.answers_with(r#"{"Item":{"key":{"S":"another"},"value":{"S":"v"}}}"#);
    let answer = server.store().await.state().get("k", None).await;
    assert_refused(
        answer,
        "unavailable",
        &["\"k\"", "another key", "`endpoint`"],
    );
}

#[tokio::test]
async fn a_batch_with_what_nobody_asked_for_brings_nothing() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    let item = |key: &str| format!(r#"{{"key":{{"S":"{key}"}},"value":{{"S":"v"}}}}"#);
    let (k, l, other) = (item("k"), item("l"), item("other"));
    let key = |key: &str| format!(r#"{{"orders":{{"Keys":[{{"key":{key}}}]}}}}"#);
    for (responses, unprocessed) in [
        (format!(r#"{{"another":[{k},{l}]}}"#), "{}".to_owned()),
        (
            format!(r#"{{"orders":[{k}],"another":[{l}]}}"#),
            "{}".to_owned(),
        ),
        (format!(r#"{{"orders":[{k},{other}]}}"#), "{}".to_owned()),
        (format!(r#"{{"orders":[{k},{k}]}}"#), "{}".to_owned()),
        (format!(r#"{{"orders":[{k}]}}"#), key(r#"{"S":"other"}"#)),
        (format!(r#"{{"orders":[{k}]}}"#), key(r#"{"S":"k"}"#)),
        (format!(r#"{{"orders":[{k}]}}"#), key(r#"{"N":"1"}"#)),
        (
            format!(r#"{{"orders":[{k}]}}"#),
            r#"{"another":{"Keys":[{"key":{"S":"l"}}]}}"#.to_owned(),
        ),
    ] {
        let body = format!(r#"{{"Responses":{responses},"UnprocessedKeys":{unprocessed}}}"#);
        server.answers_with(&body);
        let keys = ["k", "l"].map(str::to_owned);
        for (key, found) in keys
            .iter()
            .zip(store.state().bulk_get(&keys, None).await.unwrap())
        {
            assert_error(&found.expect_err(&body), "unavailable", &[key]);
        }
    }
    assert_goes_on(&server, &mut store).await;
}

/// What an answer does not name as left is written; so what it names has to be of what was sent.
#[tokio::test]
async fn a_batch_that_leaves_what_nobody_sent_is_of_unknown_outcome() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
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
    assert_goes_on(&server, &mut store).await;
}

#[tokio::test]
async fn text_in_an_answer_is_what_json_says_it_is() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    for (json, text) in [
        (r#""\u0000""#, "\0"),
        (r#""\ud83d\uddddé\u200f""#, "\u{1f5dd}é\u{200f}"),
    ] {
        server.answers_with(&format!(
            r#"{{"Item":{{"key":{{"S":"k"}},"value":{{"S":{json}}}}}}}"#
        ));
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.value, text.as_bytes());
    }
}
