//! The origin of a URL. It is parsed once, so the host connects to the same origin that it has checked.

use http::Uri;
use http::uri::Authority;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wasmtime_wasi_http::Error;

/// The URL schemes that this host supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        match uri.scheme_str() {
            Some("http") => Some(Self::Http),
            Some("https") => Some(Self::Https),
            Some(_) | None => None,
        }
    }

    /// Returns the default port of the scheme (RFC 9110, sections 4.2.1 and 4.2.2).
    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host in its canonical form: a name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// Parses a host. Returns `None` if it has brackets without an IPv6 address in them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(bracketed) = text.strip_prefix('[') {
            let address: Ipv6Addr = bracketed.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        Some(match text.parse::<Ipv4Addr>() {
            Ok(address) => Self::Address(address.into()),
            Err(_) => Self::Name(text.to_ascii_lowercase()),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A scheme, host and port. Each connection belongs to one origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Origin {
    /// Returns the origin of a URL.
    ///
    /// Errors: `HttpProtocolError` for another scheme, `HttpRequestUriInvalid` for an invalid host or port, and
    /// `HttpRequestDenied` for a user name before the host. A user name could only make one host look like another.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let scheme = Scheme::of(uri).ok_or(Error::HttpProtocolError)?;
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        if authority.as_str().contains('@') {
            return Err(Error::HttpRequestDenied);
        }
        let host = Host::parse(authority.host()).ok_or(Error::HttpRequestUriInvalid)?;
        let port = port_of(authority, scheme).ok_or(Error::HttpRequestUriInvalid)?;
        Ok(Self { scheme, host, port })
    }
}

/// Returns the port of the authority, or the scheme's default port. Returns `None` if the port is invalid.
fn port_of(authority: &Authority, scheme: Scheme) -> Option<u16> {
    match authority.as_str().strip_prefix(authority.host())? {
        "" => Some(scheme.default_port()),
        written => port(written.strip_prefix(':')?),
    }
}

/// Parses a port: only digits, without leading zeros. Rust's own `parse` also accepts `+443` and `0443`.
pub(super) fn port(text: &str) -> Option<u16> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let has_one_spelling = text == "0" || !text.starts_with('0');
    (is_digits && has_one_spelling)
        .then(|| text.parse().ok())
        .flatten()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &'static str) -> Result<String, Error> {
        Origin::of(&Uri::from_static(uri)).map(|origin| origin.to_string())
    }

    #[test]
    fn port_defaults_to_that_of_the_scheme() {
        assert_eq!(of("http://a.example/").unwrap(), "http://a.example:80");
        assert_eq!(of("https://a.example/").unwrap(), "https://a.example:443");
        assert_eq!(of("https://a.example:80/").unwrap(), "https://a.example:80");
    }

    #[test]
    fn host_is_normalized() {
        assert_eq!(of("http://A.Example/").unwrap(), "http://a.example:80");
        assert_eq!(of("http://[0:0::1]:9/").unwrap(), "http://[::1]:9");
    }

    #[test]
    fn user_name_before_the_host_is_refused() {
        let refused = of("http://allowed.example:80@other.example/");
        assert!(matches!(refused, Err(Error::HttpRequestDenied)));
    }

    #[test]
    fn port_out_of_range_is_refused() {
        // `Uri` itself accepts some of these.
        for uri in ["http://a.example:99999/", "http://a.example:/"] {
            if let Ok(uri) = uri.parse::<Uri>() {
                let refused = Origin::of(&uri);
                assert!(matches!(refused, Err(Error::HttpRequestUriInvalid)));
            }
        }
    }

    #[test]
    fn port_is_digits_without_leading_zeros() {
        assert_eq!(port("0"), Some(0));
        assert_eq!(port("65535"), Some(65535));
        for text in ["", "+443", "-443", "0443", "00", "4 43", "65536", "x", "٤"] {
            assert_eq!(port(text), None, "{text:?}");
        }
        for uri in ["http://a.example:+443/", "http://a.example:0443/"] {
            if let Ok(uri) = uri.parse::<Uri>() {
                let refused = Origin::of(&uri);
                assert!(matches!(refused, Err(Error::HttpRequestUriInvalid)));
            }
        }
    }
}
