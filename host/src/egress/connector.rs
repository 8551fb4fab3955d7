//! Opening a connection: look up the name, connect, agree on TLS; each step fails under its own name.

use super::failure;
use super::origin::{Host, Origin, Scheme};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use wasmtime_wasi_http::Error;

/// A connection's two byte streams, in the clear or not.
pub(super) type Stream = TokioIo<Box<dyn Duplex>>;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Opens connections. A name's addresses are tried as RFC 8305 has it, IPv6 and IPv4 in a race.
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        // The scheme says whether TLS follows; TCP is the same for both.
        tcp.enforce_http(false);
        // A request is one or two small writes, which Nagle's algorithm would hold back until the last is acknowledged.
        tcp.set_nodelay(true);
        Self {
            tcp,
            tls: tls.into(),
        }
    }

    /// Takes as long as it takes: the caller bounds it.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Stream, Error> {
        let target: Uri = origin
            .to_string()
            .parse()
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        let tcp = self
            .tcp
            .clone()
            .call(target)
            .await
            .map_err(|cause| failure::of_connecting(&cause))?
            .into_inner();
        Ok(TokioIo::new(match origin.scheme {
            Scheme::Http => Box::new(tcp),
            Scheme::Https => {
                let handshake = self.tls.connect(server_name(&origin.host)?, tcp);
                Box::new(handshake.await.map_err(|cause| failure::of_tls(&cause))?)
            }
        }))
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)
        }
    }
}

/// The system's resolver, with failures that can be told from those of connecting.
#[derive(Clone)]
struct Resolver(GaiResolver);

/// The name was not resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResolved(#[source] std::io::Error);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = NotResolved;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, NotResolved>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotResolved>> {
        self.0.poll_ready(cx).map_err(NotResolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookup = self.0.call(name);
        Box::pin(async move { lookup.await.map_err(NotResolved) })
    }
}
