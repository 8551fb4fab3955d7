//! TLS, with a certificate authority that each test creates.

use super::server::{OK, Server};
use super::{Egress, allowing, call, egress_to};
use crate::Tls;
use crate::tests::assert_matches;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use wasmtime_wasi_http::Error;

/// Returns a server with a certificate for `name`, and the root of that certificate.
pub(super) async fn server_named(name: &str) -> (Server, CertifiedIssuer<'static, KeyPair>) {
    server_that_speaks(rustls::DEFAULT_VERSIONS, name).await
}

async fn server_that_speaks(
    versions: &[&'static SupportedProtocolVersion],
    name: &str,
) -> (Server, CertifiedIssuer<'static, KeyPair>) {
    let (acceptor, root) = acceptor(versions, name);
    (Server::that_answers_over_tls(acceptor, OK).await, root)
}

pub(crate) fn acceptor(
    versions: &[&'static SupportedProtocolVersion],
    name: &str,
) -> (TlsAcceptor, CertifiedIssuer<'static, KeyPair>) {
    let root = authority();
    let (certificate, key) = certificate(&root, name);
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

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(root: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (certificate.signed_by(&key, root).unwrap(), key)
}

/// Returns a server that demands a client certificate of its authority, and that authority. It also signed the server's own
/// certificate.
async fn server_that_demands_a_certificate() -> (Server, CertifiedIssuer<'static, KeyPair>) {
    let root = authority();
    let (own, key) = certificate(&root, "127.0.0.1");
    let mut trusted = RootCertStore::empty();
    trusted.add(root.as_ref().der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(trusted.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![own.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    (Server::that_answers_over_tls(acceptor, OK).await, root)
}

fn egress_with(server: &Server, tls: &Tls) -> Egress {
    allowing(server).tls(tls).build().unwrap()
}

#[tokio::test]
async fn client_certificate_is_presented_on_demand() {
    let (server, root) = server_that_demands_a_certificate().await;
    let (own, key) = certificate(&root, "client.example");
    let tls = Tls::new()
        .root_certificate(root.as_ref().pem())
        .client_certificate(own.pem(), key.serialize_pem());
    let egress = egress_with(&server, &tls);
    assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn missing_client_certificate_is_refused() {
    let (server, root) = server_that_demands_a_certificate().await;
    let (other, key) = certificate(&authority(), "client.example");
    let tls = Tls::new().root_certificate(root.as_ref().pem());
    let strange = tls.clone();
    let strange = strange.client_certificate(other.pem(), key.serialize_pem());
    for tls in [tls, strange] {
        let refused = call(&egress_with(&server, &tls), &server.url()).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn own_roots_replace_those_of_browsers() {
    let (server, root) = server_named("127.0.0.1").await;
    let own = Tls::new().only_root_certificates();
    let tls = own.clone().root_certificate(root.as_ref().pem());
    let answer = call(&egress_with(&server, &tls), &server.url()).await;
    assert_eq!(answer.unwrap().1, "ok");
    let tls = own.root_certificate(authority().as_ref().pem());
    let refused = call(&egress_with(&server, &tls), &server.url()).await;
    assert!(matches!(refused, Err(Error::TlsCertificateError)));
}

/// Runs again in processes with other roots of the operating system.
#[cfg(feature = "native-roots")]
#[tokio::test]
async fn roots_of_the_operating_system_are_trusted() {
    const URL: &str = "DAPR_WASM_HOST_TEST_URL";
    if let Ok(url) = std::env::var(URL) {
        let egress = Egress::builder().allow_url(&url);
        let egress = egress.tls(&Tls::new().native_roots()).build().unwrap();
        assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
        return;
    }
    let (server, root) = server_named("127.0.0.1").await;
    let folder = tempfile::tempdir().unwrap();
    let name = "egress::tests::tls::roots_of_the_operating_system_are_trusted";
    for (roots, is_trusted) in [
        (root.as_ref().pem(), true),
        (authority().as_ref().pem(), false),
        (String::new(), false),
    ] {
        let file = folder.path().join("roots.pem");
        std::fs::write(&file, roots).unwrap();
        let again = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(URL, server.url())
            .env("SSL_CERT_FILE", file)
            .env_remove("SSL_CERT_DIR")
            .output();
        let again = again.await.unwrap();
        assert_eq!(again.status.success(), is_trusted);
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn root_of_the_embedder_is_trusted() {
    let (server, root) = server_named("127.0.0.1").await;
    for root in [
        root.as_ref().der().to_vec(),
        root.as_ref().pem().into_bytes(),
    ] {
        let egress = allowing(&server).root_certificate(root).build().unwrap();
        for _ in 0..3 {
            assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
        }
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn unknown_root_is_a_certificate_error() {
    let (server, _) = server_named("127.0.0.1").await;
    let egress = egress_to(&server);
    let refused = call(&egress, &server.url()).await;
    assert_matches!(refused, Err(Error::TlsCertificateError));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn wrong_certificate_name_is_a_certificate_error() {
    let (server, root) = server_named("other.example").await;
    let egress = allowing(&server).root_certificate(root.as_ref().der().to_vec());
    let egress = egress.build().unwrap();
    let refused = call(&egress, &server.url()).await;
    assert_matches!(refused, Err(Error::TlsCertificateError));
}

#[tokio::test]
async fn server_without_tls_is_a_protocol_error() {
    let server = Server::start(|mut connection| async move {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = connection.closed().await;
    })
    .await;
    let url = server.url().replace("http://", "https://");
    let egress = Egress::builder().allow_url(&*url).build().unwrap();
    let wrong = call(&egress, &url).await;
    assert_matches!(wrong, Err(Error::TlsProtocolError));
}

#[tokio::test]
async fn second_connection_resumes_the_tls_session() {
    for version in [&TLS13, &TLS12] {
        let (server, root) = server_that_speaks(&[version], "127.0.0.1").await;
        let egress = allowing(&server).root_certificate(root.as_ref().der().to_vec());
        let egress = egress.idle_timeout(Duration::ZERO).build().unwrap();
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
async fn idle_connection_is_closed_with_close_notify() {
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
    let egress = allowing(&server).root_certificate(root.as_ref().der().to_vec());
    let egress = egress.idle_timeout(Duration::from_millis(20)).build();
    call(&egress.unwrap(), &server.url()).await.unwrap();
    // rustls treats a connection that ends without `close_notify` as truncated.
    closed.recv().await.unwrap().unwrap();
}
