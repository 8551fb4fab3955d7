//! The bytes that the host keeps for an instance: bodies of started requests, and responses that it has not taken.

use super::{SHORT, Started, request, text, until};
use crate::egress::http_client::{Failure, Request, Sent, send, start};
use crate::egress::tests::server::Server;
use crate::egress::tests::{Egress, Outgoing, egress_to};
use crate::tests::{assert_matches, number};

/// Returns the outgoing HTTP of an instance with this memory limit.
fn limited(egress: &Egress, requests: usize, memory: usize) -> Outgoing {
    Outgoing::new(Some(egress.clone()), number(requests), Some(memory))
}

/// Returns a complete response with a body of 1,000 bytes.
fn kilobyte() -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}",
        "x".repeat(1_000)
    )
}

#[tokio::test]
async fn too_long_response_is_not_read_to_its_end() {
    let known = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\npart";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\n\
                   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n20\r\n\
                   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
    for answer in [known, chunked] {
        let (server, mut is_closed) = Server::that_waits_after(answer).await;
        let mut outgoing = limited(&egress_to(&server), 1, 90);
        let damaged = send(&mut outgoing, request(&server)).await;
        assert_matches!(damaged, Err(Failure::Damaged(_)));
        is_closed.recv().await.unwrap();
        assert_eq!(outgoing.kept_responses.free(), 90);
    }
}

#[tokio::test]
async fn headers_of_a_response_count() {
    let header = format!("x: {}\r\n", "y".repeat(1_000));
    let answer = format!("HTTP/1.1 200 OK\r\n{header}content-length: 2\r\n\r\nok");
    let server = Server::that_answers_with(answer).await;
    let egress = egress_to(&server);
    let damaged = send(&mut limited(&egress, 1, 1_000), request(&server)).await;
    assert_matches!(damaged, Err(Failure::Damaged(_)));
    let whole = send(&mut limited(&egress, 1, 2_000), request(&server)).await;
    assert_eq!(text(whole.unwrap()), (200, "ok".to_owned()));
}

#[tokio::test]
async fn taken_or_dropped_response_frees_its_bytes() {
    let server = Server::that_answers_with(kilobyte()).await;
    let mut outgoing = limited(&egress_to(&server), 64, 1_500);
    let mut started = Started::default();
    for is_taken in [true, false] {
        let pending = started.push(start(&mut outgoing, request(&server)).await);
        until(|| outgoing.kept_responses.free() < 500).await;
        // A component that waits in `send` cannot take the other response.
        let damaged = send(&mut outgoing, request(&server)).await;
        assert_matches!(damaged, Err(Failure::Damaged(_)));
        if is_taken {
            started.next(&[pending]).await.outcome.unwrap();
        } else {
            started.give_up(pending);
            until(|| outgoing.kept_responses.free() == 1_500).await;
        }
        assert_eq!(outgoing.kept_responses.free(), 1_500);
        let (_, body) = text(send(&mut outgoing, request(&server)).await.unwrap());
        assert_eq!(body.len(), 1_000);
    }
}

#[tokio::test]
async fn started_responses_wait_for_their_turn() {
    let server = Server::that_answers_with(kilobyte()).await;
    let mut outgoing = limited(&egress_to(&server), 64, 1_500);
    let mut started = Started::default();
    let first = started.push(start(&mut outgoing, request(&server)).await);
    until(|| outgoing.kept_responses.free() < 500).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(started.push(start(&mut outgoing, request(&server)).await));
    }
    until(|| server.requests() == 5).await;
    let early = started.within(SHORT, &others).await;
    assert!(early.is_none(), "{early:?}");
    let mut requests = others;
    requests.push(first);
    for _ in 0..5 {
        let (_, body) = text(started.next(&requests).await.outcome.unwrap());
        assert_eq!(body.len(), 1_000);
    }
    assert_eq!(outgoing.kept_responses.free(), 1_500);
}

#[tokio::test]
async fn bodies_of_started_requests_are_limited() {
    let (server, _) = Server::that_waits_after("").await;
    // The first request is in flight, so later ones wait with their bodies.
    let mut outgoing = limited(&egress_to(&server), 1, 1_000);
    let with_body = |length: usize| Request {
        body: Sent::Bytes(vec![b'x'; length]),
        connect_timeout: SHORT * 1_000,
        ..request(&server)
    };
    let mut started = Started::default();
    started.push(start(&mut outgoing, with_body(600)).await);
    until(|| server.requests() == 1).await;
    until(|| outgoing.kept_requests.free() == 1_000).await;
    let second = started.push(start(&mut outgoing, with_body(600)).await);
    assert_eq!(outgoing.kept_requests.free(), 400);

    let hasty = Request {
        connect_timeout: SHORT,
        ..with_body(600)
    };
    let third = started.push(start(&mut outgoing, hasty).await);
    let refused = started.next(&[third]).await;
    assert_matches!(refused.outcome, Err(Failure::NoConnection(_)));

    started.give_up(second);
    let largest = started.push(start(&mut outgoing, with_body(1_000)).await);
    assert_eq!(outgoing.kept_requests.free(), 0);
    started.give_up(largest);
    until(|| outgoing.kept_requests.free() == 1_000).await;
    let too_large = started.push(start(&mut outgoing, with_body(1_001)).await);
    let refused = started.next(&[too_large]).await;
    assert_matches!(refused.outcome, Err(Failure::InvalidRequest(_)));
    assert_eq!(server.requests(), 1);
}
