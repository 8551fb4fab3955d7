//! Admission. A request is refused before a connection is opened, and a server's response does not widen the rules.

use super::server::Server;
use super::{Egress, Outgoing, allowing, call, dispatch, egress_to, instance, post, send, whole};
use crate::tests::assert_matches;
use http::Request;
use http_body_util::BodyExt;
use std::num::NonZeroUsize;
use wasmtime_wasi_http::Error;

#[tokio::test]
async fn unlisted_host_is_refused_without_a_connection() {
    let server = Server::that_answers().await;
    let egress = Egress::builder().allow("a.example:80").build().unwrap();
    let refused = call(&egress, &server.url()).await;
    assert_matches!(refused, Err(Error::HttpRequestDenied));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn instance_without_egress_sends_nothing() {
    let server = Server::that_answers().await;
    let mut outgoing = Outgoing::new(None, NonZeroUsize::MIN, None);
    let refused = send(&mut outgoing, &server.url(), None, whole("")).await;
    assert_matches!(refused, Err(Error::HttpRequestDenied));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn allowed_origin_does_not_admit_other_origins() {
    let server = Server::that_answers().await;
    let other = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let encrypted = server.url().replace("http:", "https:");
    let user = server.url().replace("//", "//user@");
    for _ in 0..2 {
        for url in [&other.url(), &encrypted, &user] {
            let refused = send(&mut outgoing, url, None, whole("{}")).await;
            assert_matches!(refused, Err(Error::HttpRequestDenied));
        }
        let passed = send(&mut outgoing, &server.url(), None, whole("{}")).await;
        passed.unwrap().into_body().collect().await.unwrap();
    }
    assert_eq!(other.connections(), 0);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn refused_name_is_not_looked_up() {
    let egress = Egress::builder().build().unwrap();
    let refused = call(&egress, "http://nowhere.invalid/").await;
    assert_matches!(refused, Err(Error::HttpRequestDenied));
}

#[tokio::test]
async fn redirect_is_returned_and_not_followed() {
    let other = Server::that_answers().await;
    let head = "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0";
    let answer = format!("{head}\r\nlocation: {}\r\n\r\n", other.url());
    let server = Server::that_answers_with(answer).await;
    let egress = allowing(&server).allow_url(other.url()).build().unwrap();
    let response = post(&egress, &server.url(), None).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], other.url());
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn connect_method_is_refused() {
    let server = Server::that_answers().await;
    let request = Request::connect(server.url()).body(whole("")).unwrap();
    let mut outgoing = instance(&egress_to(&server), 1);
    let refused = dispatch(&mut outgoing, request, None).await;
    assert_matches!(refused, Err(Error::HttpRequestMethodInvalid));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn wrong_content_length_is_refused() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_to(&server), 1);
    let mut send = async |lengths: &[&str], body: &'static str| {
        let mut request = Request::post(server.url()).header("host", "store.example");
        for length in lengths {
            request = request.header("content-length", *length);
        }
        let request = request.body(whole(body)).unwrap();
        let answer = dispatch(&mut outgoing, request, None).await?;
        answer.into_body().collect().await
    };
    for (lengths, body) in [(["5"].as_slice(), ""), (&["5"], "{}"), (&["1"], "{}")] {
        let refused = send(lengths, body).await;
        let known = body.len() as u64;
        assert_matches!(refused, Err(Error::HttpRequestBodySize(Some(length))) if *length == known);
    }
    for lengths in [["2", "2"].as_slice(), &["+2"], &["2, 2"], &[""], &["0x2"]] {
        let refused = send(lengths, "{}").await;
        assert!(
            matches!(refused, Err(Error::HttpProtocolError)),
            "{lengths:?}: {refused:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    for (lengths, body) in [
        (["2"].as_slice(), "{}"),
        (&["0"], ""),
        (&[], ""),
        (&[], "{}"),
    ] {
        let answer = send(lengths, body).await.unwrap();
        assert_eq!(answer.to_bytes(), "ok", "{lengths:?}");
    }
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn request_keeps_the_plugins_path_and_host_header() {
    let server = Server::that_answers().await;
    let url = format!("{}path?query=1", server.url());
    call(&egress_to(&server), &url).await.unwrap();
    let head = server.heads().remove(0);
    assert!(
        head.starts_with("POST /path?query=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nhost: as-signed.example\r\n"), "{head}");
}
