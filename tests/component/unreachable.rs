//! Where DynamoDB is out of reach the error says so, in time, and the instance lives on.

use crate::faulty_server::{DeadPort, Fault, FaultyServer, answer};
use crate::fixture::{Settings, Store, Table, assert_refused, engine, reaching, set_of, whole};
use crate::transaction::set;

const HTML: &str = "<html><body>Welcome to the hotel's network</body></html>";

/// A store that takes this endpoint from its environment, so that the first request is the call's own.
async fn unchecked(endpoint: &str, attempts: u8) -> Store {
    let attempts = attempts.to_string();
    let more = [("AWS_MAX_ATTEMPTS", attempts.as_str())];
    reaching(endpoint, &whole("table", endpoint, &more)).await
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unavailable() {
    let port = DeadPort::new();
    let endpoint = port.endpoint.as_str();
    let settings = Settings::at(endpoint).with("table", "t");
    assert_refused(settings.init().await, "unavailable", &["refused", endpoint]);
    let mut store = unchecked(endpoint, 1).await;
    assert_refused(store.state().get("k", None).await, "unavailable", &[]);
    assert_refused(store.state().set("k", b"v", None).await, "unavailable", &[]);
    assert_refused(store.state().delete("k", None).await, "unavailable", &[]);
    assert_refused(
        store.state().transact(&[set("k", b"v", None)]).await,
        "unavailable",
        &[],
    );
    let answer = store
        .binding()
        .invoke("create", br#"{"key": "k"}"#, None)
        .await;
    assert_refused(answer, "unavailable", &[]);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unavailable() {
    let settings = Settings::at("http://no-such-host.invalid:8000").with("table", "t");
    // A resolver may itself wait for a server.
    let settings = settings
        .with("maxAttempts", "1")
        .with("connectTimeout", "60s")
        .with("requestTimeout", "60s");
    assert_refused(
        settings.init().await,
        "unavailable",
        &["no-such-host.invalid"],
    );
}

#[tokio::test]
async fn a_server_that_goes_away_after_init_is_unavailable_per_call_and_per_item() {
    let engine = host_test::embedded::Embedded::start(host_test::embedded::Storage::Memory)
        .await
        .unwrap();
    engine.create_table("brief", "key").await.unwrap();
    let settings = Settings::at(engine.endpoint())
        .with("table", "brief")
        .with("maxAttempts", "2");
    let mut store = settings.store().await;
    drop(engine);
    assert_refused(store.state().get("k", None).await, "unavailable", &[]);
    for outcome in [
        store
            .state()
            .bulk_get(&["k".to_owned()], None)
            .await
            .map(|items| items[0].clone().err()),
        store
            .state()
            .bulk_set(&[set_of("k", b"v", None)])
            .await
            .map(|items| items[0].clone().err()),
    ] {
        match outcome {
            Ok(error) => crate::fixture::assert_error(&error.unwrap(), "unavailable", &[]),
            refused => assert_refused(refused, "unavailable", &[]),
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_for_reads_and_then_unavailable() {
    let truncated = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"Item\":".to_vec();
    let half_a_head = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    for fault in [
        Fault::HangsUp,
        Fault::ClosesWithoutAnswer,
        Fault::Answers(half_a_head),
        Fault::Answers(truncated),
    ] {
        let server = FaultyServer::start(fault).await;
        let mut store = unchecked(&server.endpoint, 3).await;
        assert_refused(store.state().get("k", None).await, "unavailable", &[]);
        assert_eq!(server.connections(), 3);
        // One request of the set, and three attempts to read what became of it.
        assert_refused(store.state().set("k", b"v", None).await, "unavailable", &[]);
        assert_eq!(server.connections(), 3 + 1 + 3);
    }
}

/// A write may have happened behind an answer that cannot be read, so only an unknown outcome is true.
#[tokio::test]
async fn an_answer_that_is_not_dynamodbs_is_unavailable() {
    for bytes in [
        answer("200 OK", "Content-Type: text/html\r\n", HTML),
        answer(
            "200 OK",
            "Content-Type: application/x-amz-json-1.0\r\n",
            "[]",
        ),
        answer(
            "200 OK",
            "Content-Type: application/x-amz-json-1.0\r\n",
            "{\"Item\":",
        ),
        answer("200 OK", "x-amz-crc32: 1\r\n", "{}"),
        answer(
            "500 Internal Server Error",
            "Content-Type: text/html\r\n",
            HTML,
        ),
        answer("502 Bad Gateway", "Content-Type: text/html\r\n", HTML),
        answer("503 Service Unavailable", "", ""),
        answer(
            "301 Moved Permanently",
            "Location: http://127.0.0.1:1/\r\n",
            "",
        ),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        b"\x15\x03\x01\x00\x02\x02\x46".to_vec(),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let server = FaultyServer::start(Fault::Answers(bytes)).await;
        let mut store = unchecked(&server.endpoint, 1).await;
        for refused in [
            store.state().get("k", None).await.map(|_| ()),
            store.state().set("k", b"v", None).await.map(|_| ()),
        ] {
            let case = refused
                .err()
                .and_then(|error| Some(error.component()?.case()));
            assert_eq!(case, Some("unavailable"), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_than_the_operations_is_unavailable() {
    for body in [
        "{\"Item\": 7}",
        "{\"Item\": {\"key\": \"k\"}}",
        "{\"Item\": {\"key\": {\"S\": 7}}}",
        "7",
    ] {
        let page = answer(
            "200 OK",
            "Content-Type: application/x-amz-json-1.0\r\n",
            body,
        );
        let server = FaultyServer::start(Fault::Answers(page)).await;
        let mut store = unchecked(&server.endpoint, 1).await;
        let read = store.state().get("k", None).await;
        assert_refused(read, "unavailable", &[]);
    }
}

/// A proxy's own refusal says nothing about the table, the credentials or whether a write has passed before.
#[tokio::test]
async fn an_error_page_is_never_taken_for_an_absent_table_or_a_refused_credential() {
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "407 Proxy Authentication Required",
    ] {
        let page = answer(status, "Content-Type: text/html\r\n", HTML);
        let server = FaultyServer::start(Fault::Answers(page)).await;
        let mut store = unchecked(&server.endpoint, 1).await;
        let code = status.split_once(' ').unwrap().0;
        assert_refused(store.state().get("k", None).await, "unavailable", &[code]);
        let answer = store.state().set("k", b"v", None).await;
        assert_refused(answer, "unavailable", &[code]);
    }
}

#[tokio::test]
async fn http_429_of_a_proxy_is_throttled_and_retried() {
    let page = answer("429 Too Many Requests", "Content-Type: text/html\r\n", HTML);
    let server = FaultyServer::start(Fault::Answers(page)).await;
    let mut store = unchecked(&server.endpoint, 2).await;
    let words = ["HTTP 429", &server.endpoint];
    assert_refused(store.state().get("k", None).await, "throttled", &words);
    assert_eq!(server.connections(), 2);
    let refused = store.state().set("k", b"v", None).await;
    assert_refused(refused, "throttled", &words);
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn answer_in_an_encoding_nobody_asked_for_names_it() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\n";
    let page = [head.as_bytes(), b"\x1f\x8b\x08\0"].concat();
    let server = FaultyServer::start(Fault::Answers(page)).await;
    let mut store = unchecked(&server.endpoint, 1).await;
    let words = ["content encoding gzip", "not asked for"];
    assert_refused(store.state().get("k", None).await, "unavailable", &words);
}

#[tokio::test]
async fn a_page_without_end_does_not_fill_the_instance() {
    let mut endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n".to_vec();
    endless.resize(64 * 1024 * 1024, b'x');
    let server = FaultyServer::start(Fault::Answers(endless)).await;
    let mut store = unchecked(&server.endpoint, 1).await;
    assert_refused(store.state().get("k", None).await, "unavailable", &[]);
    assert_refused(store.state().get("", None).await, "invalid-argument", &[]);
}

#[tokio::test]
async fn https_to_a_server_that_speaks_plainly_is_unavailable() {
    let server = FaultyServer::start(Fault::SpeaksFirst(answer("400 Bad Request", "", ""))).await;
    let endpoint = server.endpoint.replace("http://", "https://");
    let settings = Settings::at(&endpoint)
        .with("table", "t")
        .with("maxAttempts", "1");
    assert_refused(settings.init().await, "unavailable", &["TLS"]);
}

#[tokio::test]
async fn an_instance_works_again_once_its_endpoint_does() {
    let port = DeadPort::new();
    let table = Table::new().await;
    let settings = table.settings().await.with("maxAttempts", "1");
    let broken = settings.through(&port.endpoint);
    let mut store = broken.blank().await;
    for _ in 0..3 {
        let answer = store.state().init(&broken.metadata).await;
        assert_refused(answer, "unavailable", &[]);
        let working = settings.with("endpoint", engine().await.endpoint());
        store.state().init(&working.metadata).await.unwrap();
        store.state().set("k", b"v", None).await.unwrap();
    }
}
