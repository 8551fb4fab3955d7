//! A connection that is no longer needed, or that must not be used again, is closed. The server sees the close.

use super::server::{OK, Server};
use super::{Parts, allowing, call, egress_to, instance, post, send};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::test]
async fn idle_connection_is_closed_after_its_timeout() {
    let (server, mut closed) = Server::that_tells_of_closing().await;
    let egress = allowing(&server).idle_timeout(Duration::from_millis(20));
    call(&egress.build().unwrap(), &server.url()).await.unwrap();
    closed.recv().await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn zero_idle_timeout_keeps_no_connection() {
    let server = Server::that_answers().await;
    let egress = allowing(&server).idle_timeout(Duration::ZERO);
    let egress = egress.build().unwrap();
    call(&egress, &server.url()).await.unwrap();
    call(&egress, &server.url()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn idle_connection_ended_by_the_server_is_closed() {
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
async fn last_clone_of_an_egress_closes_its_connections() {
    let (server, mut closed) = Server::that_tells_of_closing().await;
    let egress = egress_to(&server);
    call(&egress, &server.url()).await.unwrap();
    drop(egress);
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn abandoned_exchange_closes_its_connection() {
    let (server, mut is_closed) = Server::that_waits_after("").await;
    let (egress, url) = (egress_to(&server), server.url());
    let waiting = tokio::spawn(async move { call(&egress, &url).await });
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn partly_read_body_closes_its_connection() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    drop(post(&egress, &server.url(), None).await.unwrap());
    assert_eq!(egress.pool.open_idle(), 0);
    drop(post(&egress, &server.url(), None).await.unwrap());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn early_response_does_not_return_the_connection() {
    let server = Server::start(|mut connection| async move {
        connection.head().await;
        connection.write(OK).await;
        let _ = connection.closed().await;
    })
    .await;
    let egress = egress_to(&server);
    let (_never_written, unfinished) = Parts::new();
    let mut instance = instance(&egress, 1);
    let response = send(&mut instance, &server.url(), None, unfinished).await;
    let answer = response.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "ok");
    assert_eq!(egress.pool.open_idle(), 0);
}
