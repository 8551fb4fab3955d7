//! Opens connections: resolves the name, connects, and does the TLS handshake. Each step has its own error codes.
//!
//! With a proxy, connections to `https` hosts are tunnels through it (RFC 9110, section 9.3.6).

use super::allow_list::without_user;
use super::dns_cache::{DnsCache, Lookup, Resolution, Resolver};
use super::failure;
use super::origin::{Host, Origin, Scheme};
use crate::error::HostError;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service as _;
use wasmtime_wasi_http::Error;

/// The byte streams of a connection, encrypted or not.
pub(super) type Stream = TokioIo<Box<dyn Duplex>>;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Opens connections. It races the IPv6 and IPv4 addresses of a name (RFC 8305).
pub(super) struct Connector {
    dns: DnsCache,
    tls: TlsConnector,
    proxy: Option<Proxy>,
}

impl Connector {
    /// Creates a connector. It uses `proxy` for `https` only.
    pub(super) fn new(lookup: Lookup, tls: Arc<ClientConfig>, proxy: Option<Proxy>) -> Self {
        Self {
            dns: DnsCache::new(lookup),
            tls: tls.into(),
            proxy,
        }
    }

    fn tcp(&self, resolution: Resolution) -> HttpConnector<Resolver> {
        let mut tcp = HttpConnector::new_with_resolver(self.dns.resolver(resolution));
        // Otherwise the connector would refuse `https`. TLS is added on top of its TCP connection.
        tcp.enforce_http(false);
        // A request is one or two small writes. Nagle's algorithm would delay the second until the first is acknowledged.
        tcp.set_nodelay(true);
        tcp
    }

    /// Opens a connection. It has no time limit of its own: the caller sets one.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        resolution: Resolution,
    ) -> Result<Stream, Error> {
        let doubt = Doubt {
            dns: &self.dns,
            host: &origin.host,
        };
        let target: Uri = origin
            .to_string()
            .parse()
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        let proxy = self.proxy.as_ref();
        let tcp = match proxy.filter(|_| origin.scheme == Scheme::Https) {
            Some(proxy) => {
                let tunnel = proxy.tunnel(self.tcp(PROXY_RESOLUTION)).call(target);
                let tunnel = tunnel.await;
                if tunnel.is_err()
                    && let Some(name) = proxy.name()
                {
                    self.dns.forget(name);
                }
                tunnel.map_err(|cause| failure::of_connecting(&cause))
            }
            None => {
                let connected = self.tcp(resolution).call(target).await;
                connected.map_err(|cause| failure::of_connecting(&cause))
            }
        };
        let tcp = tcp?.into_inner();
        let stream: Box<dyn Duplex> = match origin.scheme {
            Scheme::Http => Box::new(tcp),
            Scheme::Https => {
                let handshake = self.tls.connect(server_name(&origin.host)?, tcp);
                Box::new(handshake.await.map_err(|cause| failure::of_tls(&cause))?)
            }
        };
        std::mem::forget(doubt);
        Ok(TokioIo::new(stream))
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

/// Removes a name from the DNS cache when dropped. It is forgotten (`mem::forget`) if the connection is opened.
///
/// So the name is resolved again after a connection that failed or that the caller gave up on.
struct Doubt<'a> {
    dns: &'a DnsCache,
    host: &'a Host,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Host::Name(name) = self.host {
            self.dns.forget(name);
        }
    }
}

/// The rules for the proxy's name. The embedder named the proxy exactly.
const PROXY_RESOLUTION: Resolution = Resolution {
    by_wildcard: false,
    internal: true,
};

pub(super) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Parses a URL of scheme `http`, which may have a user name and a password.
    ///
    /// Errors: [`HostError::EgressRule`].
    pub(super) fn new(url: &str) -> Result<Self, HostError> {
        let fault = || HostError::EgressRule {
            rule: without_user(url),
            reason: "is not the URL of an HTTP proxy; write one with the scheme http, such as http://proxy.example:3128",
        };
        let parsed: Uri = url.parse().map_err(|_| fault())?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none_or(str::is_empty) {
            return Err(fault());
        }
        // The matcher extracts user and password from the URL and makes the header for them.
        let proxies = Matcher::builder().all(url).build();
        let any = Uri::from_static("https://destination.invalid");
        let proxy = proxies.intercept(&any).ok_or_else(fault)?;
        Ok(Self {
            uri: proxy.uri().clone(),
            authorization: proxy.basic_auth().cloned(),
        })
    }

    fn name(&self) -> Option<&str> {
        self.uri.host()
    }

    /// Returns a connector for tunnels through this proxy, over connections of `tcp`.
    fn tunnel(&self, tcp: HttpConnector<Resolver>) -> Tunnel<HttpConnector<Resolver>> {
        let tunnel = Tunnel::new(self.uri.clone(), tcp);
        match &self.authorization {
            Some(authorization) => tunnel.with_auth(authorization.clone()),
            None => tunnel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_proxy_url_is_refused_without_its_password() {
        for url in [
            "https://user:c4n4ry@proxy.example",
            "socks5://user:c4n4ry@proxy.example:1080",
            "proxy.example:3128",
            "http://",
            "",
        ] {
            let refused = Proxy::new(url).err().unwrap().to_string();
            assert!(
                refused.contains("not the URL of an HTTP proxy"),
                "{refused}"
            );
            assert!(!refused.contains("c4n4ry"), "{refused}");
        }
    }
}
