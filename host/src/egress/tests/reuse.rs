//! A connection serves one request after the other while it is open, and none after that.

use super::server::{OK, Server};
use super::{Egress, call, egress_to};
use crate::tests::assert_matches;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{advance, pause, resume, timeout};
use wasmtime_wasi_http::Error;

/// Lets other tasks run until the condition holds. Panics after a minute.
async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), waiting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequential_calls_use_one_connection() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    for _ in 0..50 {
        assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
    }
    assert_eq!(server.requests(), 50);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn clones_of_an_egress_share_connections() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    call(&egress.clone(), &server.url()).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn chunked_response_returns_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::that_answers_with(format!("{head}2\r\nok\r\n0\r\n\r\n")).await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn connection_closed_by_the_server_is_not_used() {
    let server = Server::that_ends_with(OK).await;
    let egress = egress_to(&server);
    for calls in 1..=5 {
        call(&egress, &server.url()).await.unwrap();
        until(|| egress.pool.open_idle() == 0).await;
        assert_eq!(server.connections(), calls);
    }
}

/// Starts a server on a thread of its own, which continues while the runtime of the test is blocked.
///
/// It responds to one request on each of two connections, and closes the first when the returned function is called.
fn server_that_closes_when_told() -> (String, impl Fn()) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (close, told) = std::sync::mpsc::channel::<()>();
    let (closed, is_closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            stream.write_all(OK.as_bytes()).unwrap();
            let _ = told.recv();
            drop(stream);
            let _ = closed.send(());
        }
    });
    let close_and_wait = move || {
        close.send(()).unwrap();
        is_closed.recv().unwrap();
    };
    (url, close_and_wait)
}

#[test]
fn unsent_request_is_sent_on_another_connection() {
    // This runtime polls its sockets before each task, and then the test.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .event_interval(1)
        .build();
    runtime.unwrap().block_on(async {
        let (url, close) = server_that_closes_when_told();
        let egress = Egress::builder().allow_url(&*url).build().unwrap();
        call(&egress, &url).await.unwrap();
        until(|| egress.pool.open_idle() == 1).await;
        close();
        // Now the runtime sees the end of the connection. The request is sent before anything else polls the connection.
        let mut looked = false;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            match std::mem::replace(&mut looked, true) {
                false => Poll::Pending,
                true => Poll::Ready(()),
            }
        })
        .await;
        assert_eq!(egress.pool.kept(), 1);
        assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    });
}

#[tokio::test]
async fn connection_closed_while_runtime_blocked_is_not_used() {
    let (url, close) = server_that_closes_when_told();
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    call(&egress, &url).await.unwrap();
    until(|| egress.pool.open_idle() == 1).await;
    close();
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(egress.pool.open_idle(), 1);
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
}

#[tokio::test]
async fn request_that_may_have_arrived_is_not_sent_again() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK).await;
        connection.request().await;
    })
    .await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    let lost = call(&egress, &server.url()).await;
    assert_matches!(lost, Err(Error::ConnectionTerminated));
    assert_eq!(server.requests(), 2);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn connection_close_header_is_obeyed() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let server = Server::that_answers_with(answer).await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    call(&egress, &server.url()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn connection_is_reused_for_twenty_seconds() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    for (idle_seconds, connections) in [(0, 1), (15, 1), (15, 1), (20, 2)] {
        pause();
        advance(Duration::from_secs(idle_seconds)).await;
        resume();
        call(&egress, &server.url()).await.unwrap();
        assert_eq!(server.connections(), connections);
    }
}
