//! `dapr-wasm:host/http-client`: whole requests and whole responses, over the connections of `wasi:http`.

mod budgets;
mod timeouts;

use super::server::{OK, Server, refusing};
use super::{Egress, Outgoing, call, egress_to, instance};
use crate::egress::http_client::{
    Completion, Failure, Outcome, Pending, Received, Request, Response, Scheme, Sent, send, start,
    wait_any,
};
use crate::instance::HANDLES;
use crate::tests::assert_matches;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::yield_now;
use wasmtime::component::{Resource, ResourceTable};

/// A limit that no test reaches, in nanoseconds.
const LONG: u64 = 60_000_000_000;
/// A limit that a test waits for, in nanoseconds. Requests that must succeed do not have this limit.
const SHORT: u64 = 50_000_000;

/// Returns a POST request with the body `{}`.
pub(super) fn request_to(address: SocketAddr) -> Request {
    Request {
        method: "POST".to_owned(),
        scheme: Scheme::Http,
        authority: address.to_string(),
        path_with_query: "/".to_owned(),
        headers: Vec::new(),
        body: Sent::Text("{}".to_owned()),
        connect_timeout: LONG,
        timeout: LONG,
    }
}

fn request(server: &Server) -> Request {
    request_to(server.address())
}

/// Sends a POST request from a new instance.
async fn sent(egress: &Egress, server: &Server) -> Outcome {
    send(&mut instance(egress, 1), request(server)).await
}

/// Returns the status and the body of a response as text.
pub(super) fn text(response: Response) -> (u16, String) {
    let body = match response.body {
        Received::Text(text) => text,
        Received::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
    };
    (response.status, body)
}

/// The started requests of an instance.
#[derive(Default)]
struct Started(ResourceTable);

impl Started {
    fn push(&mut self, pending: Pending) -> Resource<Pending> {
        self.0.push(pending).unwrap()
    }

    /// Waits for one of the requests, no longer than a minute.
    async fn next(&mut self, requests: &[Resource<Pending>]) -> Completion {
        let ended = self.within(LONG, requests).await;
        ended.expect("no request has ended in a minute")
    }

    async fn within(&mut self, limit: u64, requests: &[Resource<Pending>]) -> Option<Completion> {
        wait_any(&mut self.0, requests, limit).await.unwrap()
    }

    fn give_up(&mut self, request: Resource<Pending>) {
        drop(self.0.delete(request).unwrap());
    }
}

/// Lets other tasks run until the condition holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        yield_now().await;
    }
}

/// A change that makes a request invalid.
type Change = fn(&mut Request);

const INVALID: &[(&str, Change)] = &[
    ("no method", |request| request.method.clear()),
    ("a space in the method", |request| {
        request.method = "GET /".to_owned();
    }),
    ("a long method", |request| request.method = "A".repeat(65)),
    ("CONNECT", |request| request.method = "CONNECT".to_owned()),
    ("no host", |request| request.authority.clear()),
    ("a user", |request| request.authority.insert_str(0, "user@")),
    ("a path in the host", |request| request.authority.push('/')),
    ("a line in the host", |request| {
        request.authority.push_str("\r\nx: y");
    }),
    ("a long host", |request| {
        request.authority = "a".repeat(301);
    }),
    ("an empty port", |request| {
        request.authority = "127.0.0.1:".to_owned();
    }),
    ("a port of five nines", |request| {
        request.authority = "127.0.0.1:99999".to_owned();
    }),
    ("no path", |request| request.path_with_query.clear()),
    ("a relative path", |request| {
        request.path_with_query = "path".to_owned();
    }),
    ("an asterisk", |request| {
        request.path_with_query = "*".to_owned();
    }),
    ("a URL as the path", |request| {
        request.path_with_query = "http://other.example/".to_owned();
    }),
    ("a space in the path", |request| {
        request.path_with_query = "/a b".to_owned();
    }),
    ("a line in the path", |request| {
        request.path_with_query = "/ HTTP/1.1\r\nx: y".to_owned();
    }),
    ("a fragment", |request| {
        request.path_with_query = "/a?b#c".to_owned();
    }),
    ("a long path", |request| {
        request.path_with_query.push_str(&"a".repeat(1 << 16));
    }),
];

/// Headers that no request may have.
const INVALID_HEADERS: &[(&str, &str)] = &[
    ("connection", "keep-alive"),
    ("Content-Length", "2"),
    ("content-length", "200"),
    ("expect", "100-continue"),
    ("Host", "other.example"),
    ("http2-settings", "AAMAAABk"),
    ("keep-alive", "timeout=5"),
    ("proxy-authenticate", "Basic"),
    ("proxy-authorization", "Basic eDp5"),
    ("proxy-connection", "keep-alive"),
    ("te", "trailers"),
    ("trailer", "x"),
    ("transfer-encoding", "chunked"),
    ("Transfer-ENCODING", "identity"),
    ("upgrade", "websocket"),
    ("", "value"),
    ("a name", "value"),
    ("name:", "value"),
    ("name\r\n", "value"),
    ("näme", "value"),
    ("name", "one\r\nother: two"),
    ("name", "one\nother"),
    ("name", "\0"),
    ("name", "\u{7f}"),
    ("name", "\u{100}"),
];

#[tokio::test]
async fn invalid_request_is_not_sent() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    for (what, change) in INVALID {
        let mut invalid = request(&server);
        change(&mut invalid);
        let refused = send(&mut outgoing, invalid).await;
        assert!(
            matches!(refused, Err(Failure::InvalidRequest(_))),
            "{what}: {refused:?}"
        );
    }
    for (name, value) in INVALID_HEADERS {
        let mut invalid = request(&server);
        invalid.headers = vec![((*name).to_owned(), (*value).to_owned())];
        let refused = send(&mut outgoing, invalid).await;
        assert!(
            matches!(refused, Err(Failure::InvalidRequest(_))),
            "{name}: {value:?}: {refused:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    let valid = send(&mut outgoing, request(&server)).await.unwrap();
    assert_eq!(text(valid), (200, "ok".to_owned()));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn failure_shows_only_a_part_of_a_long_header_name() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut invalid = request(&server);
    invalid.headers = vec![("\u{1}".repeat(30 << 10), String::new())];
    match send(&mut outgoing, invalid).await {
        Err(Failure::InvalidRequest(text)) => assert!(text.len() < 1 << 10, "{} bytes", text.len()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn headers_are_limited_in_size_and_number() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    // Each header counts 32 bytes more than its text.
    for (headers, length, is_valid) in [
        (1, (32 << 10) - 33, true),
        (1, (32 << 10) - 32, false),
        (900, 1, true),
        (1_000, 1, false),
        (1_000_000, 0, false),
    ] {
        let mut large = request(&server);
        large.headers = vec![("x".to_owned(), "y".repeat(length)); headers];
        let answer = send(&mut outgoing, large).await;
        match answer {
            Ok(response) if is_valid => assert_eq!(response.status, 200),
            Err(Failure::InvalidRequest(_)) if !is_valid => {}
            other => panic!("{headers} headers of {length} bytes: {other:?}"),
        }
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn unlisted_host_is_denied_before_any_lookup() {
    let looked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looked);
    let egress = Egress::builder().allow("a.example:80").resolver(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) }
    });
    let mut outgoing = instance(&egress.build().unwrap(), 1);
    let server = Server::that_answers().await;
    for authority in ["b.example", "a.example:81", &server.address().to_string()] {
        let mut other = request(&server);
        other.authority = authority.to_owned();
        let refused = send(&mut outgoing, other).await;
        assert_matches!(refused, Err(Failure::Denied(_)));
    }
    let mut other = request(&server);
    other.authority = "b.example".to_owned();
    let mut started = Started::default();
    let pending = started.push(start(&mut outgoing, other).await);
    let refused = started.next(&[pending]).await;
    assert_matches!(refused.outcome, Err(Failure::Denied(_)));
    assert_eq!(looked.load(Ordering::SeqCst), 0);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn instance_without_egress_is_denied() {
    let server = Server::that_answers().await;
    let mut outgoing = Outgoing::new(None, std::num::NonZeroUsize::MIN, None);
    let refused = send(&mut outgoing, request(&server)).await;
    assert_matches!(refused, Err(Failure::Denied(_)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn closed_port_is_no_connection() {
    let (_socket, url) = refusing();
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let request = request_to(address.parse().unwrap());
    let refused = send(&mut instance(&egress, 1), request).await;
    assert_matches!(refused, Err(Failure::NoConnection(_)));
}

#[tokio::test]
async fn request_has_its_host_length_path_and_headers() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    for (method, body, length) in [
        ("POST", "{}", Some("content-length: 2")),
        ("POST", "", Some("content-length: 0")),
        ("PUT", "", Some("content-length: 0")),
        ("GET", "", None),
        ("DELETE", "{}", Some("content-length: 2")),
    ] {
        let mut request = request(&server);
        request.method = method.to_owned();
        request.path_with_query = "/path?query=1".to_owned();
        request.headers = [("X-One", "1"), ("x-two", "2"), ("x-one", "3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        request.body = Sent::Bytes(body.as_bytes().to_vec());
        send(&mut instance(&egress, 1), request).await.unwrap();
        let head = server.heads().pop().unwrap();
        let line = format!("{method} /path?query=1 HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        let has = |line: &str| head.lines().filter(|each| *each == line).count();
        assert_eq!(has(&format!("host: {}", server.address())), 1, "{head}");
        for line in ["x-one: 1", "x-one: 3", "x-two: 2"] {
            assert_eq!(has(line), 1, "{head}");
        }
        let lengths = head
            .lines()
            .filter(|line| line.starts_with("content-length"));
        assert_eq!(
            lengths.collect::<Vec<_>>(),
            Vec::from_iter(length),
            "{head}"
        );
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn header_values_are_iso_8859_1_both_ways() {
    let (arriving, mut arrived) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let arriving = arriving.clone();
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.extend(connection.bytes(1).await);
            }
            let _ = arriving.send(head);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nname: \xe9\x80\xff\tz\r\n\r\n";
            connection.write_bytes(answer).await;
            let _ = connection.closed().await;
        }
    })
    .await;
    let mut request = request(&server);
    request.method = "GET".to_owned();
    request.body = Sent::Bytes(Vec::new());
    request.headers = vec![("name".to_owned(), "é\u{80}ÿ\tz".to_owned())];
    let egress = egress_to(&server);
    let response = send(&mut instance(&egress, 1), request).await.unwrap();
    let head = arrived.recv().await.unwrap();
    let line = b"\r\nname: \xe9\x80\xff\tz\r\n";
    assert!(head.windows(line.len()).any(|part| part == line));
    let value = ("name".to_owned(), "é\u{80}ÿ\tz".to_owned());
    assert!(response.headers.contains(&value), "{response:?}");
}

#[tokio::test]
async fn both_interfaces_share_connections() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
        let response = sent(&egress, &server).await.unwrap();
        assert_eq!(text(response), (200, "ok".to_owned()));
        let mut outgoing = instance(&egress, 1);
        let mut started = Started::default();
        let pending = started.push(start(&mut outgoing, request(&server)).await);
        started.next(&[pending]).await.outcome.unwrap();
    }
    assert_eq!(server.requests(), 9);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn idle_connection_closed_by_the_server_is_replaced() {
    let server = Server::that_ends_with(OK).await;
    let egress = egress_to(&server);
    for connections in 1..=3 {
        sent(&egress, &server).await.unwrap();
        until(|| egress.pool.open_idle() == 0).await;
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn incomplete_response_is_a_lost_connection() {
    let head = "HTTP/1.1 200 OK\r\n";
    let part = format!("{head}content-length: 10\r\n\r\npart");
    let chunk = format!("{head}transfer-encoding: chunked\r\n\r\n4\r\npart\r\n");
    for answer in [part, chunk, String::new()] {
        let server = Server::that_ends_with(answer.clone()).await;
        let egress = egress_to(&server);
        let failure = sent(&egress, &server).await.unwrap_err();
        assert!(
            matches!(failure, Failure::ConnectionLost(_)),
            "{answer}: {failure:?}"
        );
        assert_eq!(server.requests(), 1, "{answer}");
        assert_eq!(egress.pool.open_idle(), 0, "{answer}");
    }
}

#[tokio::test]
async fn response_of_any_status_and_length_is_whole() {
    let large = "x".repeat(3_000_000);
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), (204, "")),
        (
            "HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno".to_owned(),
            (500, "no"),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
                .to_owned(),
            (200, "abc"),
        ),
        (
            format!("HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n{large}"),
            (200, large.as_str()),
        ),
    ] {
        let server = Server::that_answers_with(answer).await;
        let egress = egress_to(&server);
        for _ in 0..2 {
            let (status, body) = text(sent(&egress, &server).await.unwrap());
            assert!((status, body.as_str()) == expected, "{status}");
        }
        assert_eq!(server.connections(), 1);
    }
}

// The first checksum is the check value of CRC-32 in the catalogue of CRC algorithms
// (<https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc>).
#[tokio::test]
async fn response_has_the_crc32_of_its_body() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked";
    for (answer, checksum) in [
        (
            format!("{head}\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"),
            0xcbf4_3926,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), 0),
    ] {
        let server = Server::that_answers_with(answer).await;
        let response = sent(&egress_to(&server), &server).await.unwrap();
        assert_eq!(response.crc32, Some(checksum));
    }
}

#[tokio::test]
async fn dropped_request_closes_its_connection() {
    let (server, mut is_closed) = Server::that_waits_after("").await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut started = Started::default();
    let pending = started.push(start(&mut outgoing, request(&server)).await);
    until(|| server.requests() == 1).await;
    started.give_up(pending);
    is_closed.recv().await.unwrap();
    // Its permit is free again.
    started.push(start(&mut outgoing, request(&server)).await);
    until(|| server.requests() == 2).await;
}

#[tokio::test]
async fn resources_of_a_lost_instance_close_connections() {
    let (server, mut is_closed) = Server::that_waits_after("").await;
    let mut outgoing = instance(&egress_to(&server), 2);
    let mut started = Started::default();
    for _ in 0..2 {
        started.push(start(&mut outgoing, request(&server)).await);
    }
    until(|| server.requests() == 2).await;
    drop(outgoing);
    drop(started);
    for _ in 0..2 {
        is_closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn outcome_is_taken_once_and_by_position() {
    let server = Server::that_answers().await;
    let (silent, _) = Server::that_waits_after("").await;
    let egress = super::allowing(&server).allow_url(silent.url());
    let mut outgoing = instance(&egress.build().unwrap(), 4);
    let mut started = Started::default();
    let waits = started.push(start(&mut outgoing, request(&silent)).await);
    let ends = started.push(start(&mut outgoing, request(&server)).await);
    // The same request twice in a list ends once.
    let borrowed = Resource::new_borrow(ends.rep());
    let requests = [waits, ends, borrowed];
    let first = started.next(&requests).await;
    assert_eq!(first.index, 1);
    assert_eq!(text(first.outcome.unwrap()), (200, "ok".to_owned()));
    assert!(started.within(SHORT, &requests).await.is_none());
    assert!(started.within(0, &requests).await.is_none());
    assert!(started.within(SHORT, &[]).await.is_none());
}

#[tokio::test]
async fn unknown_request_or_too_many_are_an_error() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut started = Started::default();
    let pending = started.push(start(&mut outgoing, request(&server)).await);
    let listed = |length: usize, rep: u32| -> Vec<_> {
        (0..length)
            .map(|_| Resource::<Pending>::new_borrow(rep))
            .collect()
    };
    let (known, unknown) = (pending.rep(), pending.rep() + 1);
    let excess = wait_any(&mut started.0, &listed(HANDLES + 1, known), LONG).await;
    assert!(excess.unwrap_err().to_string().contains("twice"));
    let unknown = wait_any(&mut started.0, &listed(1, unknown), LONG).await;
    assert!(unknown.is_err());
    let most = wait_any(&mut started.0, &listed(HANDLES, known), LONG).await;
    most.unwrap().unwrap().outcome.unwrap();
}

#[tokio::test]
async fn requests_of_instance_and_plugin_are_limited() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    let hasty = || Request {
        connect_timeout: SHORT,
        ..request(&server)
    };
    let mut started = Started::default();
    let mut alone = instance(&egress, 1);
    let first = started.push(start(&mut alone, request(&server)).await);
    until(|| server.requests() == 1).await;
    let refused = send(&mut alone, hasty()).await;
    assert_matches!(refused, Err(Failure::NoConnection(_)));

    let of_plugin = Arc::new(Semaphore::new(1));
    let mut one = instance(&egress, 64).of_plugin(Arc::clone(&of_plugin));
    let mut other = instance(&egress, 64).of_plugin(of_plugin);
    let second = started.push(start(&mut one, request(&server)).await);
    until(|| server.requests() == 2).await;
    let refused = send(&mut other, hasty()).await;
    assert_matches!(refused, Err(Failure::NoConnection(_)));
    assert_eq!(server.connections(), 2);

    for (given_up, instance) in [(first, &mut alone), (second, &mut other)] {
        started.give_up(given_up);
        started.push(start(instance, request(&server)).await);
    }
    until(|| server.requests() == 4).await;
}

#[tokio::test]
async fn response_is_in_flight_until_it_is_taken() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut started = Started::default();
    let pending = started.push(start(&mut outgoing, request(&server)).await);
    until(|| server.requests() == 1).await;
    let mut hasty = request(&server);
    hasty.connect_timeout = SHORT;
    let refused = send(&mut outgoing, hasty).await;
    assert_matches!(refused, Err(Failure::NoConnection(_)));
    started.next(&[pending]).await.outcome.unwrap();
    send(&mut outgoing, request(&server)).await.unwrap();
    assert_eq!(server.connections(), 1);
}
