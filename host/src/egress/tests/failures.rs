//! Each cause keeps its name on the way to the plugin.

use super::server::{Server, refusing};
use super::{Egress, call, egress_to, post_body};
use crate::egress::failure;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use wasmtime_wasi_http::Error;

/// A server that reads a request, writes this and closes the connection.
async fn server_that_ends_with(answer: &'static str) -> Server {
    Server::start(move |mut connection| async move {
        connection.request().await;
        connection.write(answer).await;
    })
    .await
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses_the_connection() {
    let (_socket, url) = refusing();
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let refused = call(&egress, &url).await;
    assert!(
        matches!(refused, Err(Error::ConnectionRefused)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_server_that_closes_a_new_connection_at_once_was_sent_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let mut calling = pin!(call(&egress, &url));
    // TCP connects meanwhile, and the runtime does not learn of it before the end of the connection.
    let begun = poll_fn(|cx| Poll::Ready(calling.as_mut().poll(cx))).await;
    assert!(begun.is_pending());
    drop(listener.accept().unwrap());
    let gone = calling.await;
    assert!(
        matches!(gone, Err(Error::DestinationUnavailable)),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_server_that_ends_the_handshake_of_tls_was_sent_nothing() {
    let server = Server::start(|_| async {}).await;
    let url = server.url().replace("http://", "https://");
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let gone = call(&egress, &url).await;
    assert!(
        matches!(gone, Err(Error::DestinationUnavailable)),
        "{gone:?}"
    );
}

#[test]
fn a_connection_that_is_reset_before_it_stands_was_sent_nothing() {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let gone = failure::of_connecting(&reset);
    assert!(matches!(gone, Error::DestinationUnavailable), "{gone:?}");
}

#[test]
fn a_machine_without_a_free_port_was_sent_nothing() {
    let no_port = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let lack = failure::of_connecting(&no_port);
    assert!(matches!(lack, Error::ConnectionLimitReached), "{lack:?}");
}

#[test]
fn what_this_machine_lacks_for_a_connection_is_told_in_words() {
    let no_files = io::Error::other("too many open files");
    let lack = failure::of_connecting(&no_files);
    assert!(
        matches!(&lack, Error::InternalError(Some(text)) if text.contains("too many open files")),
        "{lack:?}"
    );
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_error() {
    // RFC 2606 keeps the domain free for ever.
    let url = "http://nowhere.invalid/";
    let egress = Egress::builder().allow_url(url).build().unwrap();
    let unknown = call(&egress, url).await;
    assert!(
        matches!(unknown, Err(Error::DnsError { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_without_an_answer_terminates_the_connection() {
    let server = server_that_ends_with("").await;
    let lost = call(&egress_to(&server), &server.url()).await;
    assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_up_within_the_head_terminates_the_connection() {
    let server = server_that_ends_with("HTTP/1.1 200 OK\r\ncontent-le").await;
    let lost = call(&egress_to(&server), &server.url()).await;
    assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
}

#[tokio::test]
async fn a_reset_terminates_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        // Closing with unread bytes sends a reset.
        stream.set_zero_linger().unwrap();
    });
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let lost = call(&egress, &url).await;
    assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_body_shorter_than_it_was_announced_is_an_incomplete_response() {
    let server = server_that_ends_with("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart").await;
    let egress = egress_to(&server);
    let cut = call(&egress, &server.url()).await;
    assert!(matches!(cut, Err(Error::HttpResponseIncomplete)), "{cut:?}");
    assert_eq!(egress.pool.open_idle(), 0);
}

#[tokio::test]
async fn chunks_without_the_last_one_are_an_incomplete_response() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n";
    let server = server_that_ends_with(answer).await;
    let cut = call(&egress_to(&server), &server.url()).await;
    assert!(matches!(cut, Err(Error::HttpResponseIncomplete)), "{cut:?}");
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let server = server_that_ends_with("220 mail.example ESMTP\r\n\r\n").await;
    let wrong = call(&egress_to(&server), &server.url()).await;
    assert!(matches!(wrong, Err(Error::HttpProtocolError)), "{wrong:?}");
}

#[tokio::test]
async fn a_malformed_chunk_is_a_protocol_error() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let server = server_that_ends_with(answer).await;
    let wrong = call(&egress_to(&server), &server.url()).await;
    assert!(matches!(wrong, Err(Error::HttpProtocolError)), "{wrong:?}");
}

#[tokio::test]
async fn a_request_shorter_than_it_was_announced_is_a_wrong_request_size() {
    let server = server_that_ends_with("").await;
    let body = Announced {
        rest: Some(Bytes::from_static(b"part")),
        length: 10,
    };
    let cut = post_body(&egress_to(&server), &server.url(), None, body).await;
    assert!(matches!(cut, Err(Error::HttpRequestBodySize(_))), "{cut:?}");
}

/// A request's body that says how long it is, and may be wrong.
struct Announced {
    rest: Option<Bytes>,
    length: u64,
}

impl Body for Announced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(self.rest.take().map(|rest| Ok(Frame::data(rest))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
