//! A connection that nobody needs any more, or that nobody may use any more, is closed: the server sees it.

use super::server::{OK, Server};
use super::{Egress, call, egress_to, post, post_body};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use wasmtime_wasi_http::Error;

/// A server that answers, and says when a client has closed a connection.
pub(super) async fn server_that_tells_of_closing() -> (Server, mpsc::UnboundedReceiver<()>) {
    let (closed, told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            while connection.request().await.is_some() {
                connection.write(OK).await;
            }
            let _ = closed.send(());
        }
    })
    .await;
    (server, told)
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_its_time_is_up() {
    let (server, mut closed) = server_that_tells_of_closing().await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .idle_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    call(&egress, &server.url()).await.unwrap();
    closed.recv().await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_connection_is_kept_without_an_idle_timeout() {
    let server = Server::that_answers().await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .idle_timeout(Duration::ZERO)
        .build()
        .unwrap();
    call(&egress, &server.url()).await.unwrap();
    call(&egress, &server.url()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_has_ended_is_closed_though_nobody_asks_for_it() {
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.write(OK).await;
            connection.end().await;
            let _ = connection.closed().await;
            let _ = closed.send(());
        }
    })
    .await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn the_last_clone_of_an_egress_closes_its_connections() {
    let (server, mut closed) = server_that_tells_of_closing().await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    drop(egress);
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn an_exchange_that_nobody_waits_for_closes_its_connection() {
    let (arrived, mut has_arrived) = mpsc::unbounded_channel();
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let (arrived, closed) = (arrived.clone(), closed.clone());
        async move {
            connection.request().await;
            let _ = arrived.send(());
            let _ = connection.closed().await;
            let _ = closed.send(());
        }
    })
    .await;
    let egress = egress_to(&server);
    let url = server.url();
    let waiting = tokio::spawn(async move { call(&egress, &url).await });
    has_arrived.recv().await.unwrap();
    waiting.abort();
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_not_read_to_its_end_closes_its_connection() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000";
        connection.write(&format!("{head}\r\n\r\npart")).await;
        let _ = connection.closed().await;
    })
    .await;
    let egress = egress_to(&server);
    drop(post(&egress, &server.url(), None).await.unwrap());
    assert_eq!(egress.pool.open_idle(), 0);
    drop(post(&egress, &server.url(), None).await.unwrap());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_does_not_give_the_connection_back() {
    let server = Server::start(|mut connection| async move {
        connection.head().await;
        connection.write(OK).await;
        let _ = connection.closed().await;
    })
    .await;
    let egress = egress_to(&server);
    let response = post_body(&egress, &server.url(), None, Unfinished)
        .await
        .unwrap();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "ok");
    assert_eq!(egress.pool.open_idle(), 0);
}

/// A request's body that the plugin never finishes.
struct Unfinished;

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Pending
    }
}
