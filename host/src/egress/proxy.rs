//! A proxy on the way out: connections to `https` hosts are tunnels through it (RFC 9110, section 9.3.6).

use super::allow_list::without_user;
use super::dns_cache::{Resolution, Resolver};
use crate::error::HostError;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxy is an address that the embedder wrote out.
pub(super) const RESOLUTION: Resolution = Resolution {
    by_wildcard: false,
    internal: true,
};

pub(super) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Reads a URL of scheme `http`, which may have a user name and a password.
    ///
    /// Errors: [`HostError::EgressRule`].
    pub(super) fn new(url: &str) -> Result<Self, HostError> {
        let fault = || HostError::EgressRule {
            rule: without_user(url),
            reason: "is not the URL of an HTTP proxy; write one such as http://proxy.example:3128, of scheme http",
        };
        let parsed: Uri = url.parse().map_err(|_| fault())?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none_or(str::is_empty) {
            return Err(fault());
        }
        // It takes user and password from the URL, and knows how to send them.
        let proxies = Matcher::builder().all(url).build();
        let any = Uri::from_static("https://destination.invalid");
        let proxy = proxies.intercept(&any).ok_or_else(fault)?;
        Ok(Self {
            uri: proxy.uri().clone(),
            authorization: proxy.basic_auth().cloned(),
        })
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.uri.host()
    }

    /// Opens tunnels over connections that `tcp` makes.
    pub(super) fn tunnel(&self, tcp: HttpConnector<Resolver>) -> Tunnel<HttpConnector<Resolver>> {
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
    fn what_is_not_an_http_proxy_is_refused_without_its_password() {
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
