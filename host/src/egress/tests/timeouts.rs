//! Each step of an exchange has its own timeout and its own error code.

use super::server::Server;
use super::{Egress, connecting_within, egress_to, post};
use crate::tests::assert_matches;
use http_body_util::BodyExt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{advance, pause, resume, timeout};
use wasmtime_wasi_http::{Error, RequestOptions};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn unfinished_connection_hits_the_connect_timeout() {
    // The server does not accept, so TCP connects and TLS waits forever.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let late = post(&egress, &url, connecting_within(SHORT));
    // Twenty seconds are less than the default timeout.
    let late = timeout(Duration::from_secs(20), late).await.unwrap();
    assert_matches!(late, Err(Error::ConnectionTimeout));
}

#[tokio::test]
async fn silent_server_hits_the_first_byte_timeout() {
    let (server, mut is_closed) = Server::that_waits_after("").await;
    let egress = egress_to(&server);
    let options = RequestOptions {
        first_byte_timeout: Some(SHORT),
        ..RequestOptions::default()
    };
    let late = post(&egress, &server.url(), Some(options)).await;
    assert_matches!(late, Err(Error::ConnectionReadTimeout));
    // The response could still arrive on this connection, so it must not serve another request.
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn stalled_body_hits_the_between_bytes_timeout() {
    let (server, mut is_closed) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    let options = RequestOptions {
        between_bytes_timeout: Some(SHORT),
        ..RequestOptions::default()
    };
    let response = post(&egress, &server.url(), Some(options)).await.unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "part");
    let late = body.frame().await.unwrap();
    assert_matches!(late, Err(Error::ConnectionReadTimeout));
    drop(body);
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn time_between_reads_does_not_count_as_silence() {
    let between_bytes = Duration::from_secs(60);
    let (write, to_write) = mpsc::unbounded_channel();
    let to_write = Arc::new(Mutex::new(to_write));
    let server = Server::start(move |mut connection| {
        let to_write = Arc::clone(&to_write);
        async move {
            connection.request().await;
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
                .await;
            while let Some(part) = to_write.lock().await.recv().await {
                connection.write(part).await;
            }
        }
    })
    .await;
    let options = RequestOptions {
        between_bytes_timeout: Some(between_bytes),
        ..RequestOptions::default()
    };
    let response = post(&egress_to(&server), &server.url(), Some(options))
        .await
        .unwrap();
    let mut body = response.into_body();
    for part in ["x", "y"] {
        tokio::select! {
            biased;
            frame = body.frame() => panic!("nothing was sent: {frame:?}"),
            () = ready(()) => {}
        }
        write.send(part).unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
        pause();
        advance(between_bytes + SHORT).await;
        resume();
    }
}

#[tokio::test]
async fn connection_is_reused_after_unexpired_timeouts() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    let plenty = Some(Duration::from_secs(60));
    let options = RequestOptions {
        connect_timeout: plenty,
        first_byte_timeout: plenty,
        between_bytes_timeout: plenty,
    };
    for _ in 0..3 {
        let response = post(&egress, &server.url(), Some(options)).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "ok");
    }
    assert_eq!(server.connections(), 1);
}
