//! Bodies flow while anybody waits for them, in both directions, and hold the connection no longer than they must.

use super::server::{OK, Server};
use super::{egress_to, post, post_body};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use wasmtime_wasi_http::Error;

/// A request's body in parts, as the plugin writes them. As in wasmtime-wasi-http 48, the end of the channel ends it.
pub(super) struct Parts(pub(super) mpsc::Receiver<Bytes>);

impl Body for Parts {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0
            .poll_recv(cx)
            .map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}

#[tokio::test]
async fn an_answer_without_a_body_gives_its_connection_back() {
    let server = Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        let response = post(&egress, &server.url(), None).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert!(body.to_bytes().is_empty());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_larger_than_any_buffer_arrives_whole() {
    const LENGTH: usize = 3_000_000;
    let server = Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
            connection.write(&head).await;
            connection.write(&"x".repeat(LENGTH)).await;
        }
    })
    .await;
    let egress = egress_to(&server);
    for _ in 0..2 {
        let response = post(&egress, &server.url(), None).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), LENGTH);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_goes_on_after_the_head_of_the_answer_though_nobody_reads_the_answer() {
    let (arriving, mut arrived) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let arriving = arriving.clone();
        async move {
            connection.head().await;
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
            connection.write(head).await;
            // A chunk of four bytes.
            let chunk = connection.bytes(b"4\r\npart\r\n".len()).await;
            arriving.send(chunk).unwrap();
            connection.write("ok").await;
            let _ = connection.closed().await;
        }
    })
    .await;
    let egress = egress_to(&server);
    let (write, parts) = mpsc::channel(1);
    let response = post_body(&egress, &server.url(), None, Parts(parts))
        .await
        .unwrap();
    write.send(Bytes::from_static(b"part")).await.unwrap();
    assert_eq!(arrived.recv().await.unwrap(), b"4\r\npart\r\n");
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "ok");
    assert_eq!(egress.pool.open_idle(), 0);
}

#[tokio::test]
async fn a_small_request_is_one_segment() {
    let (arriving, mut arrived) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let arriving = arriving.clone();
        async move {
            while let Some(segment) = connection.segment().await {
                let _ = arriving.send(segment);
                connection.write(OK).await;
            }
        }
    })
    .await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        post(&egress, &server.url(), None).await.unwrap();
        let segment = arrived.recv().await.unwrap();
        assert!(segment.starts_with("POST / ") && segment.ends_with("\r\n\r\n{}"));
    }
}
