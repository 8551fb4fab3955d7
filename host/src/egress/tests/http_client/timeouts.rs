//! The two limits of a request, and that of a wait.

use super::{LONG, SHORT, Started, request, request_to, sent, until};
use crate::egress::http_client::{Failure, Request, Scheme, send, start};
use crate::egress::tests::server::Server;
use crate::egress::tests::{Egress, egress_to, instance};
use crate::tests::assert_matches;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{advance, pause, resume, timeout};

/// A limit for what must not take a minute.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn request_without_a_connection_is_a_connect_timeout() {
    // The server does not accept, so TCP connects and TLS waits forever.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let egress = Egress::builder().allow_url(format!("https://{address}"));
    let egress = egress.build().unwrap();
    for (connect_timeout, limit) in [(SHORT, LONG), (LONG, SHORT), (SHORT, SHORT)] {
        let late = Request {
            scheme: Scheme::Https,
            connect_timeout,
            timeout: limit,
            ..request_to(address)
        };
        let mut outgoing = instance(&egress, 1);
        let late = timeout(SOON, send(&mut outgoing, late)).await.unwrap();
        assert_matches!(late, Err(Failure::ConnectTimeout));
    }
}

/// Lets this much time pass at once.
async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

#[tokio::test]
async fn silent_server_hits_the_timeout() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart"] {
        let (server, mut is_closed) = Server::that_waits_after(answer).await;
        let mut outgoing = instance(&egress_to(&server), 1);
        let mut started = Started::default();
        let all = outgoing.kept_responses.free();
        let pending = [started.push(start(&mut outgoing, request(&server)).await)];
        until(|| server.requests() == 1).await;
        // The head of a response takes a part of the budget.
        until(|| answer.is_empty() || outgoing.kept_responses.free() < all).await;
        pass(Duration::from_nanos(LONG)).await;
        let late = started.next(&pending).await;
        assert_matches!(late.outcome, Err(Failure::Timeout));
        is_closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn trickling_server_hits_the_timeout() {
    let (go_on, goes_on) = mpsc::unbounded_channel();
    let goes_on = Arc::new(Mutex::new(goes_on));
    let server = Server::start(move |mut connection| {
        let goes_on = Arc::clone(&goes_on);
        async move {
            connection.request().await;
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            connection.write(head).await;
            while let Some(()) = goes_on.lock().await.recv().await {
                connection.write("1\r\nx\r\n").await;
            }
        }
    })
    .await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut started = Started::default();
    let mut free = outgoing.kept_responses.free();
    let pending = [started.push(start(&mut outgoing, request(&server)).await)];
    // No silence is as long as the limit, but all of them together are longer.
    for _ in 0..3 {
        go_on.send(()).unwrap();
        until(|| outgoing.kept_responses.free() < free).await;
        free = outgoing.kept_responses.free();
        pass(Duration::from_nanos(LONG / 3)).await;
    }
    let late = started.next(&pending).await;
    assert_matches!(late.outcome, Err(Failure::Timeout));
}

#[tokio::test]
async fn longest_timeout_is_ten_minutes() {
    let (server, mut is_closed) = Server::that_waits_after("").await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let endless = Request {
        connect_timeout: u64::MAX,
        timeout: u64::MAX,
        ..request(&server)
    };
    let mut started = Started::default();
    let pending = [started.push(start(&mut outgoing, endless).await)];
    until(|| server.requests() == 1).await;
    pass(Duration::from_secs(500)).await;
    assert!(started.within(SHORT, &pending).await.is_none());
    pass(Duration::from_secs(101)).await;
    let late = started.next(&pending).await;
    assert_matches!(late.outcome, Err(Failure::Timeout));
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn endless_wait_ends_with_the_request() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    let mut outgoing = instance(&egress, 1);
    let mut started = Started::default();
    let pending = [started.push(start(&mut outgoing, request(&server)).await)];
    let ended = timeout(SOON, started.within(u64::MAX, &pending)).await;
    ended.unwrap().unwrap().outcome.unwrap();
    sent(&egress, &server).await.unwrap();
    assert_eq!(server.connections(), 1);
}
