//! Real transport failures, on sockets and through the SDK's own connector. The class that
//! the connector gives to a failure decides how often the SDK's client tries. The pipeline
//! must make as many attempts for a script of the same failures.

use super::call::{Call, Site, put};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::PutItem;
use crate::http::TransportError;
use crate::test_support::{Scripted, success};
use aws_sdk_dynamodb::config::{AsyncSleep, Sleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A `handshake_failure` alert, as a server sends it if it has no cipher suite in common
/// with the client (RFC 8446, sections 5.1 and 6).
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

/// A timeout that always expires before there is a connection or a response.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A timeout that no test reaches.
const LONG: Duration = Duration::from_secs(600);

/// A DNS resolver that gives every host name the same result.
#[derive(Clone, Copy, Debug)]
enum Name {
    Loopback,
    Nothing,
    /// Never returns.
    Never,
}

impl ResolveDns for Name {
    fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async {
            match self {
                Self::Loopback => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
                Self::Nothing => Err(ResolveDnsError::new("no such host")),
                Self::Never => pending().await,
            }
        })
    }
}

/// Sleeps in Tokio's time.
#[derive(Clone, Copy, Debug)]
struct Time;

impl AsyncSleep for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

/// The SDK's connector, which counts its calls.
#[derive(Clone, Debug)]
struct Counted {
    connector: SharedHttpConnector,
    asked: Arc<AtomicUsize>,
}

impl Counted {
    fn new(name: Name, connect: Duration, read: Duration) -> Self {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(connect)
            .read_timeout(read)
            .build();
        let trusting_nobody = TlsContext::builder().with_trust_store(TrustStore::empty());
        let connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trusting_nobody.build().unwrap())
            .connector_settings(settings)
            .sleep_impl(Time);
        Self {
            connector: SharedHttpConnector::new(connector.build_with_resolver(name)),
            asked: Arc::default(),
        }
    }
}

impl HttpClient for Counted {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Counted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.connector.call(request)
    }
}

/// Counts the SDK's attempts at a PutItem at this address, at most four. The SDK's error
/// must contain `words`, which proves that the expected failure happened.
async fn of_the_sdk(counted: Counted, scheme: &str, port: u16, words: &str) -> usize {
    let endpoint = format!("{scheme}://db.example:{port}");
    let site = Site {
        endpoint: Some(endpoint.leak()),
        ..Site::OWN
    };
    let stage = Stage::new([success()]);
    let client = stage.client_over(counted.clone(), site, 4);
    let [builder, ..] = inputs::put_item();
    let outcome = PutItem::send(builder, &client).await;
    let told = format!("{:?}", outcome.expect_err("nobody answers"));
    assert!(told.contains(words), "{told}");
    counted.asked.load(Ordering::Relaxed)
}

/// Counts the pipeline's attempts at a PutItem that always fails with `error`.
async fn ours(error: TransportError) -> usize {
    let client = Site::AWS.client(Scripted::new([error]), 4);
    let failed = put(&client).await;
    assert!(failed.is_err());
    client.platform().attempts()
}

/// Starts a server that handles each connection with `with`. Returns its port.
async fn server<F: Future<Output = ()> + Send>(
    with: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            with(stream).await;
        }
    });
    port
}

/// The behaviour of a server. `Close` closes the connection before it reads anything; the
/// others read a part of the request first.
#[derive(Clone, Copy)]
enum Does {
    Close,
    Reset,
    Answer(&'static [u8]),
}

/// Starts a server that does `does` with each connection. Returns its port.
async fn doing(does: Does) -> u16 {
    let with = move |mut stream: TcpStream| async move {
        if let Does::Close = does {
            return;
        }
        let _ = stream.read(&mut [0; 4_096]).await;
        match does {
            Does::Answer(answer) => drop(stream.write_all(answer).await),
            _ => stream.set_zero_linger().unwrap(),
        }
    };
    server(with).await
}

/// Asserts that the pipeline and the SDK both make four attempts. The SDK's connector has
/// long timeouts.
async fn both(scheme: &str, port: u16, error: TransportError, words: &str) {
    let counted = Counted::new(Name::Loopback, LONG, LONG);
    let sdks = of_the_sdk(counted, scheme, port, words).await;
    assert_eq!((ours(error.clone()).await, sdks), (4, 4), "{error:?}");
}

fn cause() -> String {
    "cause".to_owned()
}

#[tokio::test]
async fn failed_tls_handshake_is_attempted_as_often_as_in_the_sdk() {
    for (does, words) in [
        (Does::Reset, "ConnectionReset"),
        (Does::Close, "Connect"),
        (Does::Answer(ALERT), "HandshakeFailure"),
        (
            Does::Answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            "InvalidMessage",
        ),
    ] {
        both(
            "https",
            doing(does).await,
            TransportError::Tls(cause()),
            words,
        )
        .await;
    }
}

/// The SDK retries every failed connection. A certificate does not change within some
/// milliseconds.
#[tokio::test]
async fn untrusted_certificate_is_attempted_once_on_purpose() {
    let own = generate_simple_self_signed(["db.example".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = own;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let port = server(move |stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    });
    let counted = Counted::new(Name::Loopback, LONG, LONG);
    let sdks = of_the_sdk(counted, "https", port.await, "UnknownIssuer").await;
    assert_eq!(
        (ours(TransportError::Certificate(cause())).await, sdks),
        (1, 4)
    );
}

#[tokio::test]
async fn failed_connection_is_attempted_as_often_as_in_the_sdk() {
    let nowhere = Counted::new(Name::Nothing, LONG, LONG);
    let never = Counted::new(Name::Never, AT_ONCE, LONG);
    for (counted, error, words) in [
        (nowhere, TransportError::Dns(cause()), "no such host"),
        (never, TransportError::ConnectTimeout, "HTTP connect"),
    ] {
        let sdks = of_the_sdk(counted, "http", 80, words).await;
        assert_eq!((ours(error.clone()).await, sdks), (4, 4), "{error:?}");
    }
    // The port is bound, so that no other process listens on it.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = bound.local_addr().unwrap().port();
    both(
        "http",
        port,
        TransportError::Refused(cause()),
        "ConnectionRefused",
    )
    .await;
}

#[tokio::test]
async fn lost_response_is_attempted_as_often_as_in_the_sdk() {
    let reset = || TransportError::Reset(cause());
    let cut = b"HTTP/1.1 200 OK\r\nContent-Le";
    let short = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}";
    let damaged = TransportError::Damaged(cause());
    for (does, error, words) in [
        (Does::Reset, reset(), "ConnectionReset"),
        (Does::Answer(b""), reset(), "IncompleteMessage"),
        (Does::Answer(cut), reset(), "IncompleteMessage"),
        (Does::Answer(short), damaged, "Body"),
    ] {
        both("http", doing(does).await, error, words).await;
    }
    // The system accepts the connection, but no process responds.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let counted = Counted::new(Name::Loopback, LONG, AT_ONCE);
    let port = silent.local_addr().unwrap().port();
    let sdks = of_the_sdk(counted, "http", port, "HTTP read").await;
    assert_eq!((ours(TransportError::Timeout).await, sdks), (4, 4));
}
