//! What is refused is refused before a connection, and what a server says does not widen what is allowed.

use super::server::{OK, Server};
use super::{Egress, call, egress_to, post, send};
use crate::egress::Outgoing;
use http::{Method, Request};
use http_body_util::{BodyExt, Empty, Full};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use wasmtime_wasi_http::{Error, WasiHttpHooks};

#[tokio::test]
async fn a_host_that_no_rule_names_is_refused_without_a_connection() {
    let server = Server::that_answers().await;
    let egress = Egress::builder().allow("a.example:80").build().unwrap();
    let refused = call(&egress, &server.url()).await;
    assert!(
        matches!(refused, Err(Error::HttpRequestDenied)),
        "{refused:?}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_instance_without_an_egress_may_send_nothing() {
    let server = Server::that_answers().await;
    let request = Request::post(server.url())
        .body(Empty::new().map_err(|e| match e {}).boxed_unsync())
        .unwrap();
    let sending = Outgoing::new(None, NonZeroUsize::MIN).send_request(
        request,
        None,
        Box::new(async { Ok(()) }),
    );
    let refused = Pin::from(sending).await;
    assert!(matches!(refused, Err(Error::HttpRequestDenied)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_may_pass_once_lets_nothing_else_pass() {
    let server = Server::that_answers().await;
    let other = Server::that_answers().await;
    let mut outgoing = Outgoing::new(Some(egress_to(&server)), NonZeroUsize::MIN);
    let encrypted = server.url().replace("http:", "https:");
    let user = server.url().replace("//", "//user@");
    for _ in 0..2 {
        for url in [&other.url(), &encrypted, &user] {
            let refused = send(
                &mut outgoing,
                url,
                None,
                Full::from("{}").map_err(|e| match e {}),
            );
            let refused = refused.await.map(|response| response.status());
            assert!(
                matches!(refused, Err(Error::HttpRequestDenied)),
                "{url}: {refused:?}"
            );
        }
        let body = Full::from("{}").map_err(|e| match e {});
        let passed = send(&mut outgoing, &server.url(), None, body)
            .await
            .unwrap();
        passed.into_body().collect().await.unwrap();
    }
    assert_eq!(other.connections(), 0);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_refused_name_is_not_looked_up() {
    let egress = Egress::builder().build().unwrap();
    let refused = call(&egress, "http://nowhere.invalid/").await;
    assert!(
        matches!(refused, Err(Error::HttpRequestDenied)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_handed_over_and_not_followed() {
    let other = Server::that_answers().await;
    let location = other.url();
    let server = Server::start(move |mut connection| {
        let location = location.clone();
        async move {
            while connection.request().await.is_some() {
                let head = "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0";
                let answer = format!("{head}\r\nlocation: {location}\r\n\r\n");
                connection.write(&answer).await;
            }
        }
    })
    .await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .allow_url(other.url())
        .build()
        .unwrap();
    let response = post(&egress, &server.url(), None).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], other.url());
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_request_to_pass_bytes_on_is_refused() {
    let server = Server::that_answers().await;
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(server.url())
        .body(Empty::new().map_err(|e| match e {}).boxed_unsync())
        .unwrap();
    let mut outgoing = Outgoing::new(Some(egress_to(&server)), NonZeroUsize::MIN);
    let sending = outgoing.send_request(request, None, Box::new(async { Ok(()) }));
    let refused = Pin::from(sending).await;
    assert!(matches!(refused, Err(Error::HttpRequestMethodInvalid)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_length_that_the_body_does_not_have_is_refused() {
    let server = Server::that_answers().await;
    let mut outgoing = Outgoing::new(Some(egress_to(&server)), NonZeroUsize::MIN);
    let mut send = async |lengths: &[&str], body: &'static str| {
        let mut request = Request::post(server.url()).header("host", "store.example");
        for length in lengths {
            request = request.header("content-length", *length);
        }
        let body = match body {
            "" => Empty::new().map_err(|never| match never {}).boxed_unsync(),
            body => Full::from(body)
                .map_err(|never| match never {})
                .boxed_unsync(),
        };
        let request = request.body(body).unwrap();
        let sending = outgoing.send_request(request, None, Box::new(async { Ok(()) }));
        let (answer, _) = Pin::from(sending).await?;
        answer.into_body().collect().await
    };
    for (lengths, body) in [(["5"].as_slice(), ""), (&["5"], "{}"), (&["1"], "{}")] {
        let refused = send(lengths, body).await;
        assert!(
            matches!(refused, Err(Error::HttpRequestBodySize(Some(known))) if known == body.len() as u64),
            "{lengths:?}: {refused:?}"
        );
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
async fn a_request_carries_its_path_and_the_host_header_of_the_plugin() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let server = Server::start(move |mut connection| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = connection.request().await {
                seen.lock().unwrap().push(head);
                connection.write(OK).await;
            }
        }
    })
    .await;
    let egress = egress_to(&server);
    let url = format!("{}path?query=1", server.url());
    call(&egress, &url).await.unwrap();
    let heads = heads.lock().unwrap();
    assert!(
        heads[0].starts_with("POST /path?query=1 HTTP/1.1\r\n"),
        "{heads:?}"
    );
    assert!(
        heads[0].contains("\r\nhost: as-signed.example\r\n"),
        "{heads:?}"
    );
}
