//! An answer of any length and depth is read, or is an error; the instance serves the next call.

use std::time::Duration;

use dapr_wasm_host::CallError;
use tokio::time::timeout;

use crate::fixture::{Settings, Store, assert_refused};
use crate::hostile_server::{Answer, HostileServer};

const MB: usize = 1024 * 1024;

/// Far more than any of these calls takes, and less than a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer to a read of `k`.
fn item(value: &str) -> String {
    format!(r#"{{"Item":{{"key":{{"S":"k"}},"value":{value}}}}}"#)
}

async fn assert_goes_on(server: &HostileServer, store: &mut Store) {
    server.answers_with(&item(r#"{"S":"v"}"#));
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"v");
}

/// More than DynamoDB's 16 MB, which base64 makes a third longer.
#[tokio::test]
async fn an_answer_of_24_mb_is_read() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    for size in [16 * MB, 24 * MB] {
        server.answers_with(&item(&format!(r#"{{"S":"{}"}}"#, "x".repeat(size))));
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!(item.value.len(), size);
    }
    // Not plain, so that the SDK reads it.
    let list = format!(r#"{{"L":[{}{{"S":"x"}}]}}"#, r#"{"S":"x"},"#.repeat(MB));
    server.answers_with(&item(&list));
    assert_refused(
        store.state().get("k", None).await,
        "other",
        &["\"k\"", "`value`"],
    );
    assert_goes_on(&server, &mut store).await;
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_and_so_is_one_that_promises_4_gb() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    server.answers(Answer::Endless);
    let answer = timeout(PATIENCE, store.state().get("k", None)).await;
    assert_refused(answer.unwrap(), "unavailable", &["longer than"]);
    for length in ["4294967295", "4294967296", "18446744073709551615"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}");
        server.answers(Answer::Raw(head.into_bytes()));
        let answer = timeout(PATIENCE, store.state().get("k", None)).await;
        assert_refused(answer.unwrap(), "unavailable", &[]);
    }
    assert_goes_on(&server, &mut store).await;
}

#[tokio::test]
async fn an_answer_beyond_the_memory_limit_is_told_apart() {
    const LIMIT: usize = 16 * MB;
    let server = HostileServer::start().await;
    let settings = Settings::at(&server.endpoint).with("table", "orders");
    let mut store = settings
        .blank_with(|options| options.memory_limit(LIMIT))
        .await;
    store.state().init(&settings.metadata).await.unwrap();
    server.answers(Answer::Endless);
    let answer = timeout(PATIENCE, store.state().get("k", None))
        .await
        .unwrap();
    assert!(
        matches!(answer, Err(CallError::MemoryLimit { limit: LIMIT, .. })),
        "{answer:?}"
    );
}

/// DynamoDB nests 32 levels; a parser that recurses ends at some depth, with an error and not with its stack.
#[tokio::test]
async fn an_answer_nested_a_million_levels_deep_is_an_error_and_no_trap() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    for levels in [100, 10_000, 1_000_000] {
        for (open, close, end) in [
            (r#"{"L":["#, "]}", r#"{"S":"x"}"#),
            (r#"{"M":{"a":"#, "}}", r#"{"S":"x"}"#),
            ("[", "]", "1"),
            (r#"{"a":"#, "}", "1"),
        ] {
            let nested = format!("{}{end}{}", open.repeat(levels), close.repeat(levels));
            let passed_over =
                format!(r#"{{"Item":{{"key":{{"S":"k"}},"value":{{"S":"v"}}}},"Later":{nested}}}"#);
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
                let found = store
                    .state()
                    .bulk_get(&["k".to_owned()], None)
                    .await
                    .unwrap();
                assert!(found[0].is_err(), "{what}");
            }
        }
    }
    assert_goes_on(&server, &mut store).await;
}

/// Of a server's own sentence no more is told than a person reads.
#[tokio::test]
async fn an_error_of_16_mb_has_a_short_sentence() {
    let server = HostileServer::start().await;
    let mut store = server.store().await;
    let body = format!(
        r#"{{"__type":"{}","message":"{}"}}"#,
        "T".repeat(MB),
        "m".repeat(16 * MB)
    );
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    server.answers(Answer::Raw([head.as_bytes(), body.as_bytes()].concat()));
    let sentence = store.state().get("k", None).await.unwrap_err().to_string();
    assert!(sentence.len() < 4_000, "{} bytes", sentence.len());
    assert_goes_on(&server, &mut store).await;
}
