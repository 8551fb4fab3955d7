//! TLS, with a certificate authority that lives as long as the test.

use super::server::{OK, Server};
use super::{Egress, call};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use wasmtime_wasi_http::Error;

/// A server whose certificate is for `name`, and the root of that certificate.
async fn server_named(name: &str) -> (Server, CertifiedIssuer<'static, KeyPair>) {
    server_that_speaks(rustls::DEFAULT_VERSIONS, name).await
}

async fn server_that_speaks(
    versions: &[&'static SupportedProtocolVersion],
    name: &str,
) -> (Server, CertifiedIssuer<'static, KeyPair>) {
    let (acceptor, root) = acceptor(versions, name);
    let server = Server::start_tls(acceptor, |mut connection| async move {
        while connection.request().await.is_some() {
            connection.write(OK).await;
        }
    });
    (server.await, root)
}

fn acceptor(
    versions: &[&'static SupportedProtocolVersion],
    name: &str,
) -> (TlsAcceptor, CertifiedIssuer<'static, KeyPair>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &root)
        .unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root)
}

#[tokio::test]
async fn a_root_that_the_embedder_gives_is_trusted() {
    let (server, root) = server_named("127.0.0.1").await;
    for root in [
        root.as_ref().der().to_vec(),
        root.as_ref().pem().into_bytes(),
    ] {
        let egress = Egress::builder()
            .allow_url(server.url())
            .root_certificate(root)
            .build()
            .unwrap();
        for _ in 0..3 {
            assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
        }
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_root_that_nobody_gave_is_a_certificate_error() {
    let (server, _) = server_named("127.0.0.1").await;
    let egress = Egress::builder().allow_url(server.url()).build().unwrap();
    let refused = call(&egress, &server.url()).await;
    assert!(
        matches!(refused, Err(Error::TlsCertificateError)),
        "{refused:?}"
    );
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_certificate_error() {
    let (server, root) = server_named("other.example").await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .root_certificate(root.as_ref().der().to_vec())
        .build()
        .unwrap();
    let refused = call(&egress, &server.url()).await;
    assert!(
        matches!(refused, Err(Error::TlsCertificateError)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_protocol_error() {
    let server = Server::start(|mut connection| async move {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = connection.closed().await;
    })
    .await;
    let url = server.url().replace("http://", "https://");
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let wrong = call(&egress, &url).await;
    assert!(matches!(wrong, Err(Error::TlsProtocolError)), "{wrong:?}");
}

#[tokio::test]
async fn a_second_connection_resumes_the_session_of_the_first() {
    for version in [&TLS13, &TLS12] {
        let (server, root) = server_that_speaks(&[version], "127.0.0.1").await;
        let egress = Egress::builder()
            .allow_url(server.url())
            .root_certificate(root.as_ref().der().to_vec())
            .idle_timeout(Duration::ZERO)
            .build()
            .unwrap();
        for _ in 0..3 {
            assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
        }
        let [first, rest @ ..] = &*server.handshakes() else {
            panic!("there was no handshake");
        };
        assert_ne!(*first, HandshakeKind::Resumed, "{version:?}");
        assert_eq!(rest, [HandshakeKind::Resumed; 2], "{version:?}");
    }
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_said_within_tls() {
    let (acceptor, root) = acceptor(&[&TLS13], "127.0.0.1");
    let (closing, mut closed) = mpsc::unbounded_channel();
    let server = Server::start_tls(acceptor, move |mut connection| {
        let closing = closing.clone();
        async move {
            connection.request().await;
            connection.write(OK).await;
            let _ = closing.send(connection.closed().await);
        }
    })
    .await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .root_certificate(root.as_ref().der().to_vec())
        .idle_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    call(&egress, &server.url()).await.unwrap();
    // rustls takes a connection that ends without `close_notify` for cut off.
    closed.recv().await.unwrap().unwrap();
}
