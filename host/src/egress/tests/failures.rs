//! The plugin gets the right error code for each cause.

use super::server::{Server, refusing};
use super::{Egress, Parts, call, egress_to, instance, send};
use crate::egress::failure;
use crate::tests::assert_matches;
use std::future::poll_fn;
use std::io;
use std::mem::discriminant;
use std::pin::pin;
use std::task::Poll;
use tokio::net::TcpListener;
use wasmtime_wasi_http::Error;

#[tokio::test]
async fn closed_port_is_connection_refused() {
    let (_socket, url) = refusing();
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let refused = call(&egress, &url).await;
    assert_matches!(refused, Err(Error::ConnectionRefused));
}

#[tokio::test]
async fn close_before_the_request_means_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let mut calling = pin!(call(&egress, &url));
    // TCP connects meanwhile. The runtime sees the connection and its end at the same time.
    let begun = poll_fn(|cx| Poll::Ready(calling.as_mut().poll(cx))).await;
    assert!(begun.is_pending());
    drop(listener.accept().unwrap());
    let gone = calling.await;
    assert_matches!(gone, Err(Error::DestinationUnavailable));
}

#[tokio::test]
async fn close_during_tls_handshake_means_nothing_was_sent() {
    let server = Server::start(|_| async {}).await;
    let url = server.url().replace("http://", "https://");
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let gone = call(&egress, &url).await;
    assert_matches!(gone, Err(Error::DestinationUnavailable));
}

#[test]
fn connect_failures_say_that_nothing_was_sent() {
    let of = |kind: io::ErrorKind| failure::of_connecting(&io::Error::from(kind));
    let reset = of(io::ErrorKind::ConnectionReset);
    assert_matches!(reset, Error::DestinationUnavailable);
    let no_port = of(io::ErrorKind::AddrNotAvailable);
    assert_matches!(no_port, Error::ConnectionLimitReached);
    // Other local errors are reported as text.
    let lack = failure::of_connecting(&io::Error::other("too many open files"));
    assert_matches!(lack, Error::InternalError(Some(text)) if text.contains("too many open files"));
}

#[tokio::test]
async fn unknown_name_is_a_dns_error() {
    // RFC 2606 reserves this domain.
    let url = "http://nowhere.invalid/";
    let egress = Egress::builder().allow_url(url).build().unwrap();
    let unknown = call(&egress, url).await;
    assert_matches!(unknown, Err(Error::DnsError { .. }));
}

/// The server reads a request, writes the text and closes the connection.
#[tokio::test]
async fn truncated_and_malformed_responses_have_own_codes() {
    let chunked = |chunks| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
    let part = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart".to_owned();
    for (answer, expected) in [
        (String::new(), Error::ConnectionTerminated),
        (
            "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
            Error::ConnectionTerminated,
        ),
        (part, Error::HttpResponseIncomplete),
        (chunked("4\r\npart\r\n"), Error::HttpResponseIncomplete),
        (
            "220 mail.example ESMTP\r\n\r\n".to_owned(),
            Error::HttpProtocolError,
        ),
        (chunked("zz\r\n"), Error::HttpProtocolError),
    ] {
        let server = Server::that_ends_with(answer.clone()).await;
        let egress = egress_to(&server);
        let failed = call(&egress, &server.url()).await.unwrap_err();
        assert_eq!(
            discriminant(&failed),
            discriminant(&expected),
            "{answer}: {failed:?}"
        );
        assert_eq!(server.requests(), 1, "{answer}");
        assert_eq!(egress.pool.open_idle(), 0, "{answer}");
    }
}

#[tokio::test]
async fn reset_is_connection_terminated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        // With a linger time of zero, closing sends a reset.
        stream.set_zero_linger().unwrap();
    });
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let lost = call(&egress, &url).await;
    assert_matches!(lost, Err(Error::ConnectionTerminated));
    server.await.unwrap();
}

#[tokio::test]
async fn short_request_body_is_a_body_size_error() {
    let server = Server::that_ends_with("").await;
    let (write, mut body) = Parts::new();
    body.length = Some(10);
    write.send("part".into()).await.unwrap();
    drop(write);
    let mut instance = instance(&egress_to(&server), 1);
    let cut = send(&mut instance, &server.url(), None, body).await;
    assert_matches!(cut, Err(Error::HttpRequestBodySize(_)));
}
