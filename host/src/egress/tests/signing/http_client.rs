//! The host signs the requests of `dapr-wasm:host/http-client` as well, and lends its credentials over it.

use super::{TOKEN, answer, authorization, egress_with, header, keys};
use crate::AwsCredentials;
use crate::egress::http_client::{Failure, Request, Sent, send, start, wait_any};
use crate::egress::signing::LARGEST_BODY;
use crate::egress::tests::http_client::{request_to, text};
use crate::egress::tests::instance;
use crate::egress::tests::server::Server;
use crate::egress::{CredentialEndpoint, Outgoing};
use crate::tests::assert_matches;
use std::num::NonZeroUsize;
use wasmtime::component::ResourceTable;

#[tokio::test]
async fn unsigned_request_is_signed() {
    let server = Server::that_answers().await;
    let egress = egress_with(&server, keys());
    let request = Request {
        headers: vec![("x-amz-target".to_owned(), "Get".to_owned())],
        ..request_to(server.address())
    };
    send(&mut instance(&egress, 1), request).await.unwrap();
    let head = server.heads().remove(0);
    let sent = header(&head, "authorization").unwrap();
    let expected = authorization(&head, &server.url(), b"{}", &["host", "x-amz-target"]);
    assert!(sent == expected, "another signature");
    assert_eq!(header(&head, "content-length"), Some("2"));
}

#[tokio::test]
async fn token_in_a_refusal_is_masked() {
    let refusal = answer("400 Bad Request", "", &format!("not {TOKEN}"));
    let server = Server::that_answers_with(refusal).await;
    let egress = egress_with(&server, keys());
    let mut outgoing = instance(&egress, 1);
    let refused = send(&mut outgoing, request_to(server.address())).await;
    let (status, body) = text(refused.unwrap());
    assert!((status, body.as_str()) == (400, "not ***"), "another body");

    let mut table = ResourceTable::new();
    let pending = start(&mut outgoing, request_to(server.address())).await;
    let pending = [table.push(pending).unwrap()];
    let refused = wait_any(&mut table, &pending, u64::MAX).await.unwrap();
    let (_, body) = text(refused.unwrap().outcome.unwrap());
    assert!(body == "not ***", "another body");
}

#[tokio::test]
async fn compressed_refusal_is_damaged() {
    let refusal = answer("400 Bad Request", "content-encoding: gzip\r\n", "?");
    let server = Server::that_answers_with(refusal).await;
    let mut outgoing = instance(&egress_with(&server, keys()), 1);
    let refused = send(&mut outgoing, request_to(server.address())).await;
    assert_matches!(refused, Err(Failure::Damaged(_)));
}

#[tokio::test]
async fn body_too_large_to_sign_is_an_invalid_request() {
    let server = Server::that_answers().await;
    let mut outgoing = instance(&egress_with(&server, keys()), 1);
    let large = Request {
        body: Sent::Bytes(vec![0; LARGEST_BODY + 1]),
        ..request_to(server.address())
    };
    let refused = send(&mut outgoing, large).await;
    assert_matches!(refused, Err(Failure::InvalidRequest(_)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn lent_credentials_need_the_token_of_the_instance() {
    let endpoint = CredentialEndpoint::new(AwsCredentials::new(keys())).unwrap();
    let mut environment = Vec::new();
    endpoint.announce(&mut environment);
    let (_, token) = environment.pop().unwrap();
    let (_, uri) = environment.pop().unwrap();
    let path = uri.strip_prefix("http://localhost").unwrap();
    let mut outgoing = Outgoing::new(None, NonZeroUsize::MIN, None);
    outgoing.credential_endpoint = Some(endpoint);
    let address = "127.0.0.1:1".parse().unwrap();
    for (authority, said, expected) in [
        ("localhost", token.as_str(), Some(200)),
        ("localhost:80", token.as_str(), Some(200)),
        ("localhost", "another", Some(403)),
        ("localhost:81", token.as_str(), None),
    ] {
        let request = Request {
            method: "GET".to_owned(),
            authority: authority.to_owned(),
            path_with_query: path.to_owned(),
            headers: vec![("authorization".to_owned(), said.to_owned())],
            body: Sent::Text(String::new()),
            ..request_to(address)
        };
        match (send(&mut outgoing, request).await, expected) {
            (Ok(response), Some(status)) => assert_eq!(response.status, status),
            (Err(Failure::Denied(_)), None) => {}
            (Ok(_), None) => panic!("{authority} is allowed"),
            (Err(failure), _) => panic!("{authority}: {failure:?}"),
        }
    }
}
