//! Bodies are transferred in both directions while a caller waits, and hold the connection no longer than necessary. If an
//! instance is lost in the middle of a request, the request does not look complete.

use super::server::{OK, Server};
use super::{Egress, Parts, egress_to, instance, post, send};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use std::pin::Pin;
use tokio::sync::mpsc;
use wasmtime_wasi_http::WasiHttpHooks;

#[tokio::test]
async fn empty_response_returns_its_connection() {
    let server = Server::that_answers_with("HTTP/1.1 204 No Content\r\n\r\n").await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        let response = post(&egress, &server.url(), None).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert!(body.to_bytes().is_empty());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn large_response_arrives_complete() {
    const LENGTH: usize = 3_000_000;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
    let server = Server::that_answers_with(head + &"x".repeat(LENGTH)).await;
    let egress = egress_to(&server);
    for _ in 0..2 {
        let response = post(&egress, &server.url(), None).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), LENGTH);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn request_continues_after_an_early_unread_response() {
    let (arriving, mut arrived) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let arriving = arriving.clone();
        async move {
            connection.head().await;
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
            connection.write(head).await;
            // One chunk of four bytes.
            let chunk = connection.bytes(b"4\r\npart\r\n".len()).await;
            arriving.send(chunk).unwrap();
            connection.write("ok").await;
            let _ = connection.closed().await;
        }
    })
    .await;
    let egress = egress_to(&server);
    let (write, parts) = Parts::new();
    let response = send(&mut instance(&egress, 1), &server.url(), None, parts).await;
    let response = response.unwrap();
    write.send(Bytes::from_static(b"part")).await.unwrap();
    assert_eq!(arrived.recv().await.unwrap(), b"4\r\npart\r\n");
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "ok");
    assert_eq!(egress.pool.open_idle(), 0);
}

#[tokio::test]
async fn small_request_is_one_segment() {
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

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The plugin finishes the body.
    Finished,
    /// The instance is dropped together with its end of the channel.
    Lost,
}

/// Returns the bytes of a request that the server receives if the body ends like this. The server responds only to a complete
/// request.
async fn sent(end: End, egress: impl FnOnce(&Server) -> Egress) -> String {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let tell = tell.clone();
        async move {
            let mut all = String::new();
            while let Some(segment) = connection.segment().await {
                all.push_str(&segment);
                if is_complete(&all) {
                    connection.write(OK).await;
                    break;
                }
            }
            let _ = tell.send(all);
        }
    })
    .await;
    let mut outgoing = instance(&egress(&server), 1);
    let (write, parts) = Parts::new();
    let request = Request::post(server.url())
        .header("host", "store.example")
        .body(parts.boxed_unsync());
    let processed = Box::new(async { Ok(()) });
    let sending = outgoing.send_request(request.unwrap(), None, processed);
    // As in wasmtime: the task is aborted with the instance, and may continue for a moment on another thread.
    let sending = tokio::spawn(async move {
        let (answer, _) = Pin::from(sending).await?;
        answer.into_body().collect().await.map(drop)
    });
    write.send(Bytes::from_static(b"half")).await.unwrap();
    while write.capacity() == 0 {
        tokio::task::yield_now().await;
    }
    match end {
        End::Lost => {
            drop(outgoing);
            drop(write);
            sending.await.unwrap().unwrap_err();
        }
        End::Finished => {
            drop(write);
            sending.await.unwrap().unwrap();
            drop(outgoing);
        }
    }
    // A request that waits to be signed is never sent.
    drop(server);
    told.recv().await.unwrap_or_default()
}

fn is_complete(request: &str) -> bool {
    request.ends_with("\r\n4\r\nhalf\r\n0\r\n\r\n")
        || request.contains("content-length: 4\r\n") && request.ends_with("\r\n\r\nhalf")
}

#[tokio::test]
async fn finished_body_is_complete() {
    let sent = sent(End::Finished, egress_to).await;
    assert!(is_complete(&sent), "{sent:?}");
}

#[tokio::test]
async fn body_of_a_lost_instance_is_incomplete() {
    let sent = sent(End::Lost, egress_to).await;
    assert!(sent.contains("half"), "{sent:?}");
    assert!(!is_complete(&sent), "{sent:?}");
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn body_of_a_lost_instance_is_not_signed() {
    let signing = |server: &Server| {
        let keys = aws_credential_types::Credentials::new("AKID", "c4n4ry", None, None, "test");
        let credentials = crate::AwsCredentials::new(keys);
        let url = server.url();
        let egress = Egress::builder().allow_url(&url);
        let egress = egress.sign(&url, "eu-west-1", "dynamodb", &credentials);
        egress.build().unwrap()
    };
    let finished = sent(End::Finished, signing).await;
    assert!(is_complete(&finished), "{finished:?}");
    assert_eq!(sent(End::Lost, signing).await, "");
}
