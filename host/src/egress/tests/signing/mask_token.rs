//! Responses of a service that refuses a signature.

use super::{SECRET, TOKEN, answer, egress_with, header, keys, large_request, request, send};
use crate::egress::Outgoing;
use crate::egress::signing::LARGEST_BODY;
use crate::egress::tests::server::{OK, Server};
use crate::egress::tests::{dispatch, instance as instance_of};
use crate::tests::assert_matches;
use aws_credential_types::Credentials;
use http::Response;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Sends a request that is signed with `keys`. Returns the length, checksum and body of the response.
async fn heard(
    answer: String,
    keys: Credentials,
) -> Result<(String, Option<String>, String), Error> {
    let server = Server::that_answers_with(answer).await;
    let response = send(
        &egress_with(&server, keys),
        request(&server.url(), &[], "{}"),
    )
    .await?;
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
async fn token_in_a_refusal_is_masked() {
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
async fn refusal_without_a_token_is_unchanged() {
    let refusal = answer("400 Bad Request", CHECKSUM, "no such table");
    let (length, checksum, body) = heard(refusal, keys()).await.unwrap();
    assert_eq!(body, "no such table");
    assert_eq!(length, body.len().to_string());
    assert_eq!(checksum.as_deref(), Some("1"));
}

#[tokio::test]
async fn compressed_refusal_is_an_error() {
    let coded = answer("400 Bad Request", "content-encoding: gzip\r\n", "?");
    let refused = heard(coded.clone(), keys()).await;
    let coding = "gzip".to_owned();
    assert!(matches!(refused, Err(Error::HttpResponseContentCoding(Some(c))) if c == coding));
    let without_token = Credentials::new("AKIDHOST", SECRET, None, None, "test");
    assert!(heard(coded, without_token).await.is_ok());
}

#[tokio::test]
async fn accept_encoding_is_removed_from_signed_requests() {
    let server = Server::that_answers().await;
    let asked = [("accept-encoding", "gzip")];
    let request = request(&server.url(), &asked, "{}");
    send(&egress_with(&server, keys()), request).await.unwrap();
    let head = server.heads().remove(0);
    assert_eq!(header(&head, "accept-encoding"), None);
}

/// Returns an instance whose requests to `server` are signed.
fn instance(server: &Server, requests: usize) -> Outgoing {
    instance_of(&egress_with(server, keys()), requests)
}

async fn post(
    instance: &mut Outgoing,
    server: &Server,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    dispatch(instance, request(&server.url(), &[], "{}"), Some(options)).await
}

/// Returns options with short timeouts.
fn hasty() -> RequestOptions {
    RequestOptions {
        connect_timeout: Some(Duration::from_millis(100)),
        between_bytes_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    }
}

#[tokio::test]
async fn unread_refusal_counts_as_in_flight() {
    let refusal = answer("400 Bad Request", "", &format!("not {TOKEN}"));
    let server = Server::that_answers_with(refusal).await;
    let mut instance = instance(&server, 1);
    let patient = RequestOptions::default;
    let unread = post(&mut instance, &server, patient()).await.unwrap();
    let refused = post(&mut instance, &server, hasty()).await;
    assert!(matches!(refused, Err(Error::ConnectionLimitReached)));
    assert_eq!(server.requests(), 1);

    let mut read = unread;
    let frame = read.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "not ***");
    // The plugin keeps the empty response.
    let unread = post(&mut instance, &server, patient()).await.unwrap();
    drop(unread);
    post(&mut instance, &server, patient()).await.unwrap();
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn unread_refusals_stay_within_the_buffer_limit() {
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
    assert_matches!(refused, Err(Error::HttpResponseTimeout));
    assert_eq!(server.requests(), 17);
    unread.truncate(15);
    post(&mut instance, &server, RequestOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn request_body_counts_until_the_connection_drops_it() {
    // Responds after the head of each request, and never reads its body.
    let server = Server::start(|mut connection| async move {
        connection.head().await;
        connection.write(OK).await;
        std::future::pending().await
    })
    .await;
    let mut instance = instance(&server, 64);
    let mut unread = Vec::new();
    for _ in 0..4 {
        let large = large_request(&server, LARGEST_BODY, true);
        unread.push(dispatch(&mut instance, large, None).await.unwrap());
    }
    let large = large_request(&server, LARGEST_BODY, true);
    let refused = dispatch(&mut instance, large, Some(hasty())).await;
    assert_matches!(refused, Err(Error::ConnectionTimeout));
    assert_eq!(server.requests(), 4);
    unread.clear();
    post(&mut instance, &server, RequestOptions::default())
        .await
        .unwrap();
}
