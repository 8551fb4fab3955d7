//! Components that import the interfaces of `dapr-wasm:host`.

use super::components::{Uses, binding_that_uses};
use super::{load, start};
use crate::egress::tests::server::Server;
use crate::tests::assert_matches;
use crate::{CallError, Egress, Instance, InstanceOptions};

/// The number of the case `denied`.
const DENIED: u8 = 0;
/// The number of the case `damaged`.
const DAMAGED: u8 = 9;

/// Returns options that allow only this server.
fn allowing(server: &Server) -> InstanceOptions {
    let egress = Egress::builder().allow_url(server.url()).build().unwrap();
    InstanceOptions::new().egress(egress)
}

/// Starts an instance that may send requests to this server.
async fn instance(uses: Uses, server: &Server) -> Instance {
    let plugin = load(&binding_that_uses(uses));
    plugin.instantiate(&allowing(server)).await.unwrap()
}

async fn invoke(instance: &mut Instance, operation: &str, data: &[u8]) -> Vec<u8> {
    let mut binding = instance.binding().unwrap();
    let response = binding.invoke(operation, data, None).await.unwrap();
    response.data.unwrap()
}

/// Returns the bytes of a SHA-256 in the memory of the component.
fn digest(words: [u64; 4]) -> Vec<u8> {
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

#[tokio::test]
async fn digest_takes_text_and_bytes() {
    let mut instance = start(&load(&binding_that_uses(Uses::Digest))).await;
    let abc = digest([
        0xba7816bf8f01cfea,
        0x414140de5dae2223,
        0xb00361a396177a9c,
        0xb410ff61f20015ad,
    ]);
    let empty = digest([
        0xe3b0c44298fc1c14,
        0x9afbf4c8996fb924,
        0x27ae41e4649b934c,
        0xa495991b7852b855,
    ]);
    for operation in ["text", "bytes"] {
        assert_eq!(invoke(&mut instance, operation, b"abc").await, abc);
        assert_eq!(invoke(&mut instance, operation, b"").await, empty);
    }
    assert_eq!(invoke(&mut instance, "bytes", b"\xff").await.len(), 32);
    let mut binding = instance.binding().unwrap();
    let not_utf8 = binding.invoke("text", b"\xff", None).await.unwrap_err();
    assert_matches!(not_utf8, CallError::Trap(_));
}

#[tokio::test]
async fn component_sends_requests_with_http_client_alone() {
    let server = Server::that_answers().await;
    let mut instance = instance(Uses::Send, &server).await;
    let address = server.address().to_string();
    for _ in 0..3 {
        assert_eq!(invoke(&mut instance, &address, b"{}").await, b"ok");
    }
    assert_eq!(invoke(&mut instance, "a.example", b"{}").await, [DENIED]);
    let head = server.heads().remove(0);
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-length: 2\r\n"), "{head}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn instance_without_egress_cannot_send() {
    for uses in [Uses::Send, Uses::Start, Uses::All] {
        let mut instance = start(&load(&binding_that_uses(uses))).await;
        assert_eq!(invoke(&mut instance, "a.example", b"").await, [DENIED]);
    }
}

#[tokio::test]
async fn component_starts_more_requests_than_it_may_hold() {
    let server = Server::that_answers().await;
    let mut instance = instance(Uses::Start, &server).await;
    let address = server.address().to_string();
    // More often than an instance may have handles, so dropped requests must be freed.
    for _ in 0..1_100 {
        assert_eq!(invoke(&mut instance, &address, b"{}").await, b"ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn component_uses_both_interfaces_and_wasi_http() {
    let server = Server::that_answers().await;
    let mut instance = instance(Uses::All, &server).await;
    let ok = digest([
        0x2689367b205c16ce,
        0x32ed4200942b8b8b,
        0x1e262dfc70d9bc9f,
        0xbc77c49699a4f1df,
    ]);
    let address = server.address().to_string();
    assert_eq!(invoke(&mut instance, &address, b"{}").await, ok);
}

#[tokio::test]
async fn response_beyond_the_memory_limit_is_damaged() {
    const LIMIT: usize = 8 << 20;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 8388609\r\n\r\n";
    let (server, mut is_closed) = Server::that_waits_after(head).await;
    let options = allowing(&server).memory_limit(LIMIT);
    let address = server.address().to_string();
    for uses in [Uses::Send, Uses::Start] {
        let plugin = load(&binding_that_uses(uses));
        let mut instance = plugin.instantiate(&options).await.unwrap();
        assert_eq!(invoke(&mut instance, &address, b"").await, [DAMAGED]);
        is_closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn dropped_instance_gives_its_requests_up() {
    for uses in [Uses::Send, Uses::Start] {
        let (server, mut is_closed) = Server::that_waits_after("").await;
        let mut instance = instance(uses, &server).await;
        let address = server.address().to_string();
        let arrived = async {
            while server.requests() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            answer = invoke(&mut instance, &address, b"{}") => panic!("answered: {answer:?}"),
            () = arrived => {}
        }
        drop(instance);
        is_closed.recv().await.unwrap();
    }
}
