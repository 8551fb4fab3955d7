//! What comes back where a signature is not taken.

use super::{OK, SECRET, TOKEN, header, keys, recording, request, send, signing};
use crate::AwsCredentials;
use crate::egress::Outgoing;
use crate::egress::tests::server::Server;
use aws_credential_types::Credentials;
use http::Response;
use http_body_util::BodyExt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// Sends a request that `keys` sign, and gives length, checksum and body of the answer.
async fn heard(
    answer: String,
    keys: Credentials,
) -> Result<(String, Option<String>, String), Error> {
    let (server, _) = recording(answer).await;
    let egress = signing(&server, &AwsCredentials::new(keys))
        .build()
        .unwrap();
    let response = send(&egress, request(&server.url(), &[], "{}")).await?;
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (length, checksum) = (text("content-length").unwrap(), text("x-amz-crc32"));
    let body = response.into_body().collect().await?.to_bytes();
    Ok((length, checksum, String::from_utf8(body.to_vec()).unwrap()))
}

const CHECKSUM: &str = "x-amz-crc32: 1\r\n";

#[tokio::test]
async fn a_refusal_does_not_repeat_the_token_to_the_plugin() {
    for status in ["400 Bad Request", "403 Forbidden"] {
        let said = format!("should have been: {TOKEN}, {TOKEN}!");
        let refusal = answer(status, CHECKSUM, &said);
        let (length, checksum, body) = heard(refusal, keys()).await.unwrap();
        assert!(body == "should have been: ***, ***!", "another body");
        assert_eq!(length, body.len().to_string());
        assert_eq!(checksum, None);
    }
}

#[tokio::test]
async fn another_refusal_is_passed_as_it_is() {
    let refusal = answer("400 Bad Request", CHECKSUM, "no such table");
    let (length, checksum, body) = heard(refusal, keys()).await.unwrap();
    assert_eq!(body, "no such table");
    assert_eq!(length, body.len().to_string());
    assert_eq!(checksum.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_refusal_that_cannot_be_searched_is_not_passed() {
    let coded = answer("400 Bad Request", "content-encoding: gzip\r\n", "?");
    let refused = heard(coded.clone(), keys()).await;
    let coding = "gzip".to_owned();
    assert!(matches!(refused, Err(Error::HttpResponseContentCoding(Some(c))) if c == coding));
    let without_token = Credentials::new("AKIDHOST", SECRET, None, None, "test");
    assert!(heard(coded, without_token).await.is_ok());
}

#[tokio::test]
async fn a_service_is_not_asked_to_compress_what_is_to_be_searched() {
    let (server, heads) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys())).build();
    let asked = [("accept-encoding", "gzip")];
    let request = request(&server.url(), &asked, "{}");
    send(&egress.unwrap(), request).await.unwrap();
    let head = heads.lock().unwrap().remove(0);
    assert_eq!(header(&head, "accept-encoding"), None);
}

/// An instance that signs what it sends to `server`.
fn instance(server: &Server, requests: usize) -> Outgoing {
    let egress = signing(server, &AwsCredentials::new(keys()));
    let requests = NonZeroUsize::new(requests).unwrap();
    Outgoing::new(Some(egress.build().unwrap()), requests)
}

async fn post(
    instance: &mut Outgoing,
    server: &Server,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let request = request(&server.url(), &[], "{}");
    let sending = instance.send_request(request, Some(options), Box::new(async { Ok(()) }));
    Pin::from(sending).await.map(|(answer, _)| answer)
}

/// Waits for room no longer than a moment.
fn hasty() -> RequestOptions {
    RequestOptions {
        connect_timeout: Some(Duration::from_millis(100)),
        between_bytes_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    }
}

#[tokio::test]
async fn unread_refusal_counts_as_a_request_under_way() {
    let refusal = answer("400 Bad Request", "", &format!("not {TOKEN}"));
    let (server, _) = recording(refusal).await;
    let mut instance = instance(&server, 1);
    let patient = RequestOptions::default;
    let unread = post(&mut instance, &server, patient()).await.unwrap();
    let refused = post(&mut instance, &server, hasty()).await;
    assert!(matches!(refused, Err(Error::ConnectionLimitReached)));
    assert_eq!(server.requests(), 1);

    let mut read = unread;
    let frame = read.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "not ***");
    // Kept, as an empty one.
    let unread = post(&mut instance, &server, patient()).await.unwrap();
    drop(unread);
    post(&mut instance, &server, patient()).await.unwrap();
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn unread_refusals_stay_within_the_room_of_the_instance() {
    const LARGEST: usize = 8 << 20;
    let large = Arc::new(answer("400 Bad Request", "", &"x".repeat(LARGEST)));
    let half = Arc::new(answer("400 Bad Request", "", &"x".repeat(LARGEST / 2)));
    let answered = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |mut connection| {
        let (large, half, answered) = (large.clone(), half.clone(), answered.clone());
        async move {
            while connection.request().await.is_some() {
                let before = answered.fetch_add(1, Ordering::SeqCst);
                let answer = if before == 15 { &half } else { &large };
                connection.write(answer).await;
            }
        }
    })
    .await;
    let mut instance = instance(&server, 64);
    let mut unread = Vec::new();
    for _ in 0..16 {
        let answer = post(&mut instance, &server, RequestOptions::default()).await;
        unread.push(answer.unwrap());
    }
    let refused = post(&mut instance, &server, hasty()).await;
    assert!(
        matches!(refused, Err(Error::HttpResponseTimeout)),
        "{refused:?}"
    );
    assert_eq!(server.requests(), 17);
    unread.truncate(15);
    post(&mut instance, &server, RequestOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn request_body_counts_until_the_connection_drops_it() {
    // Answers each request at its head, and never reads its body.
    let server = Server::start(|mut connection| async move {
        connection.head().await;
        connection.write(OK).await;
        std::future::pending().await
    })
    .await;
    let mut instance = instance(&server, 64);
    let mut unread = Vec::new();
    for _ in 0..4 {
        let large = large_request(&server);
        let sending = instance.send_request(large, None, Box::new(async { Ok(()) }));
        unread.push(Pin::from(sending).await.unwrap());
    }
    let large = large_request(&server);
    let sending = instance.send_request(large, Some(hasty()), Box::new(async { Ok(()) }));
    let refused = Pin::from(sending).await.map(drop);
    assert!(
        matches!(refused, Err(Error::ConnectionTimeout)),
        "{refused:?}"
    );
    assert_eq!(server.requests(), 4);
    unread.clear();
    post(&mut instance, &server, RequestOptions::default())
        .await
        .unwrap();
}

/// One with the largest body that is signed.
fn large_request(server: &Server) -> http::Request<WasiBody> {
    const LARGEST: usize = 32 << 20;
    let (mut head, _) = request(&server.url(), &[], "").into_parts();
    head.headers.insert("content-length", LARGEST.into());
    let body = http_body_util::Full::from(vec![0; LARGEST]);
    http::Request::from_parts(head, body.map_err(|never| match never {}).boxed_unsync())
}
