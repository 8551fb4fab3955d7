//! A failed TLS handshake sends nothing, so reads and writes are both retried. An untrusted
//! certificate is not retried.

use crate::cli::with_environment;
use crate::fixture::{assert_refused, reaching, set, whole};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use test_support::faults::{FaultProxy, Opening};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A `handshake_failure` alert, as a server without a common cipher suite sends it (RFC 8446,
/// sections 5.1 and 6).
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

/// Starts a server for each way in which a handshake fails: the connection breaks, the server sends
/// an alert, or the server does not speak TLS.
fn servers() -> [FaultProxy; 4] {
    let plain = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    [
        Opening::Ends("".into()),
        Opening::EndsAfterReading,
        Opening::Ends(ALERT.into()),
        Opening::Ends(plain.into()),
    ]
    .map(|opening| FaultProxy::start("", opening).unwrap())
}

fn https(server: &FaultProxy) -> String {
    server.endpoint().replace("http://", "https://")
}

#[tokio::test]
async fn failed_tls_handshake_is_retried_even_for_a_plain_set() {
    for server in servers() {
        let endpoint = https(&server);
        let three = [("AWS_MAX_ATTEMPTS", "3")];
        let mut store = reaching(&endpoint, &whole("table", &endpoint, &three)).await;
        let mut state = store.state();
        let read = state.get("k", None).await;
        assert_refused(read, "unavailable", &[&endpoint]);
        assert_eq!(server.connections(), 3);
        let written = state.set("k", b"v", None).await;
        assert_refused(written, "unavailable", &[]);
        assert_eq!(server.connections(), 6);
        let written = state.transact(&[set("k", b"v", None)]).await;
        assert_refused(written, "unavailable", &[]);
        assert_eq!(server.connections(), 9);
    }
}

/// wasmtime's default client reports all handshake failures under the same name.
#[tokio::test]
async fn wasmtimes_default_client_retries_a_failed_tls_handshake() {
    for server in servers() {
        let endpoint = https(&server);
        let environment = whole("table", &endpoint, &[("AWS_MAX_ATTEMPTS", "3")]);
        for (command, connections) in [
            (&["state", "get", "k"][..], 3),
            (&["state", "set", "k", "v"], 6),
        ] {
            let ran = with_environment(&environment, command).await;
            ran.assert_failed("unavailable: ");
            assert!(ran.stderr.contains("tls protocol error"), "{}", ran.stderr);
            assert_eq!(server.connections(), connections);
        }
    }
}

#[tokio::test]
async fn untrusted_certificate_is_not_retried() {
    let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = own;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = acceptor.accept(stream).await;
        }
    });
    let three = [("AWS_MAX_ATTEMPTS", "3")];
    let mut store = reaching(&endpoint, &whole("table", &endpoint, &three)).await;
    let words = ["tls certificate error", "trust", &endpoint];
    assert_refused(store.state().get("k", None).await, "unavailable", &words);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
