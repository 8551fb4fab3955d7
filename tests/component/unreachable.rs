//! If DynamoDB is unreachable, the call fails in time with an error that says so, and the instance
//! stays usable.

use crate::fixture::{
    Settings, Store, assert_error, assert_refused, engine, own_engine, reaching, refusing_server,
    set, set_of, whole,
};
use http::StatusCode;
use test_support::faults::{Action, Delivery, FaultProxy, Opening, Reply};

const JSON: &str = "application/x-amz-json-1.0";

/// Returns a store with this endpoint in its environment, so the first request is the call's own.
async fn unchecked(endpoint: &str, attempts: u8) -> Store {
    let attempts = attempts.to_string();
    let more = [("AWS_MAX_ATTEMPTS", attempts.as_str())];
    reaching(endpoint, &whole("table", endpoint, &more)).await
}

#[tokio::test]
async fn port_without_a_listener_is_unavailable() {
    let server = refusing_server().await;
    let endpoint = server.endpoint();
    let settings = Settings::at(endpoint).with("table", "t");
    let told = ["refused; check that the server is running", endpoint];
    assert_refused(settings.init().await, "unavailable", &told);
    let mut store = unchecked(endpoint, 1).await;
    let mut state = store.state();
    let refused = [
        state.get("k", None).await.map(drop),
        state.set("k", b"v", None).await.map(drop),
        state.delete("k", None).await,
        state.transact(&[set("k", b"v", None)]).await.map(drop),
        store.create(r#"{"key": "k"}"#).await,
    ];
    for answer in refused {
        assert_refused(answer, "unavailable", &[]);
    }
}

#[tokio::test]
async fn host_name_that_does_not_resolve_is_unavailable() {
    let settings = Settings::at("http://no-such-host.invalid:8000").with("table", "t");
    // A resolver may itself wait for a server.
    let settings = settings
        .with("maxAttempts", "1")
        .with("connectTimeout", "60s")
        .with("requestTimeout", "60s");
    let answer = settings.init().await;
    assert_refused(answer, "unavailable", &["no-such-host.invalid"]);
}

#[tokio::test]
async fn stopped_server_is_unavailable_per_call_and_per_item() {
    let (engine, settings) = own_engine().await;
    let mut store = settings.with("maxAttempts", "2").store().await;
    drop(engine);
    assert_refused(store.state().get("k", None).await, "unavailable", &[]);
    let error = store.get_in_bulk("k").await.unwrap_err();
    assert_error(&error, "unavailable", &[]);
    let sets = [set_of("k", b"v", None)];
    let written = store.state().bulk_set(&sets).await.unwrap();
    assert_error(written[0].as_ref().unwrap_err(), "unavailable", &[]);
}

#[tokio::test]
async fn broken_connection_is_retried_for_reads() {
    let half_a_head = Action::bytes("HTTP/1.1 200 OK\r\nContent-Le");
    let truncated = Action::bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"Item\":");
    for server in [
        // The server reads first. A request that was never written is known not to be sent, and is
        // retried.
        FaultProxy::start("", Opening::EndsAfterReading),
        FaultProxy::stub(Action::drop_request()),
        FaultProxy::stub(half_a_head),
        FaultProxy::stub(truncated),
    ] {
        let server = server.unwrap();
        let mut store = unchecked(server.endpoint(), 3).await;
        assert_refused(store.state().get("k", None).await, "unavailable", &[]);
        assert_eq!(server.connections(), 3);
        // One request of the set, and three attempts to read its outcome.
        let written = store.state().set("k", b"v", None).await;
        assert_refused(written, "unavailable", &[]);
        assert_eq!(server.connections(), 3 + 1 + 3);
    }
}

/// A write may have taken effect even if its response is unreadable, so the outcome must be
/// unknown.
#[tokio::test]
async fn response_not_from_dynamodb_is_unavailable() {
    let json = |body| Action::answer(Reply::text(StatusCode::OK, JSON, body));
    let page = |status| Action::answer(Reply::html(status));
    let damaged = Reply::text(StatusCode::OK, JSON, "{}").with("x-amz-crc32", "1");
    let empty = Reply::text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "");
    let moved = Reply::redirect(StatusCode::MOVED_PERMANENTLY, "http://127.0.0.1:1/");
    for action in [
        page(StatusCode::OK),
        json("[]"),
        json("7"),
        json("{\"Item\":"),
        json("{\"Item\": 7}"),
        json("{\"Item\": {\"key\": \"k\"}}"),
        json("{\"Item\": {\"key\": {\"S\": 7}}}"),
        Action::answer(damaged),
        page(StatusCode::INTERNAL_SERVER_ERROR),
        page(StatusCode::BAD_GATEWAY),
        Action::answer(empty),
        Action::answer(moved),
        Action::bytes("SSH-2.0-OpenSSH_9.6\r\n"),
        Action::bytes(&b"\x15\x03\x01\x00\x02\x02\x46"[..]),
    ] {
        let shown = format!("{action:?}");
        let server = FaultProxy::stub(action).unwrap();
        let mut store = unchecked(server.endpoint(), 1).await;
        let mut state = store.state();
        for refused in [
            state.get("k", None).await.map(drop),
            state.set("k", b"v", None).await.map(drop),
        ] {
            let error = refused.expect_err(&shown);
            let case = error.component().map(|error| error.case());
            assert_eq!(case, Some("unavailable"), "{shown}");
        }
    }
}

/// A proxy's own error reveals nothing about the table, the credentials or the outcome of an
/// earlier write.
#[tokio::test]
async fn error_page_is_not_taken_for_an_error_of_dynamodb() {
    for code in ["400", "403", "404", "407"] {
        let status = StatusCode::from_bytes(code.as_bytes()).unwrap();
        let server = FaultProxy::stub(Action::answer(Reply::html(status))).unwrap();
        let mut store = unchecked(server.endpoint(), 1).await;
        assert_refused(store.state().get("k", None).await, "unavailable", &[code]);
        let answer = store.state().set("k", b"v", None).await;
        assert_refused(answer, "unavailable", &[code]);
    }
}

#[tokio::test]
async fn http_429_of_a_proxy_is_throttled_and_retried() {
    let page = Action::answer(Reply::html(StatusCode::TOO_MANY_REQUESTS));
    let server = FaultProxy::stub(page).unwrap();
    let mut store = unchecked(server.endpoint(), 2).await;
    let words = ["HTTP 429", server.endpoint()];
    assert_refused(store.state().get("k", None).await, "throttled", &words);
    assert_eq!(server.count("GetItem").arrived, 2);
    let refused = store.state().set("k", b"v", None).await;
    assert_refused(refused, "throttled", &words);
    assert_eq!(server.count("PutItem").arrived, 2);
}

#[tokio::test]
async fn error_names_an_unrequested_content_encoding() {
    let gzipped = Action {
        delivery: Delivery::Gzipped,
        ..Action::answer(Reply::text(StatusCode::OK, JSON, "{}"))
    };
    let server = FaultProxy::stub(gzipped).unwrap();
    let mut store = unchecked(server.endpoint(), 1).await;
    let words = ["content encoding gzip", "not requested"];
    assert_refused(store.state().get("k", None).await, "unavailable", &words);
}

#[tokio::test]
async fn endless_page_does_not_fill_the_instances_memory() {
    let endless = Action {
        delivery: Delivery::Endless,
        ..Action::answer(Reply::html(StatusCode::OK))
    };
    let server = FaultProxy::stub(endless).unwrap();
    let mut store = unchecked(server.endpoint(), 1).await;
    assert_refused(store.state().get("k", None).await, "unavailable", &[]);
    assert_refused(store.state().get("", None).await, "invalid-argument", &[]);
}

#[tokio::test]
async fn https_to_a_plain_http_server_is_unavailable() {
    let plain = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let server = FaultProxy::start("", Opening::Ends(plain.into())).unwrap();
    let endpoint = server.endpoint().replace("http://", "https://");
    let settings = Settings::at(&endpoint)
        .with("table", "t")
        .with("maxAttempts", "1");
    assert_refused(settings.init().await, "unavailable", &["TLS"]);
}

#[tokio::test]
async fn instance_works_again_once_its_endpoint_does() {
    let server = refusing_server().await;
    let settings = Settings::new().await.with("maxAttempts", "1");
    let broken = settings.through(server.endpoint());
    let mut store = broken.blank().await;
    for _ in 0..3 {
        let answer = store.state().init(&broken.metadata).await;
        assert_refused(answer, "unavailable", &[]);
        let working = settings.with("endpoint", engine().await.endpoint());
        store.state().init(&working.metadata).await.unwrap();
        store.set("k", b"v").await;
    }
}
