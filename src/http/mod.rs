//! HTTP for the core: requests, responses and transport errors. An error keeps its cause.
//! The cause decides whether to retry, and whether a write may have happened.
//!
//! The traits are all that the core needs from outside: HTTP, files, time, randomness and
//! hashes. The core has no other access to the outside, so a native test can control all of it.
//! `wasi` implements the traits for a WASI host. The feature `hosted` selects its HTTP client:
//! `wasi_http`, or `host_client`.

#[cfg(all(target_family = "wasm", feature = "hosted"))]
mod host_client;
#[cfg(target_family = "wasm")]
pub mod wasi;
#[cfg(all(target_family = "wasm", not(feature = "hosted")))]
mod wasi_http;

use sha2::{Digest as _, Sha256};
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

/// The header with the server's time, in lower case.
pub const DATE: &str = "date";

/// The header with the CRC-32 of the body, in lower case. DynamoDB sends it with most
/// responses.
pub const CHECKSUM: &str = "x-amz-crc32";

/// HTTP headers, in order.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The time limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The time limit to open a connection, including TLS.
    pub connect: Duration,
    /// The time limit of the request, from sending to the last byte of the response.
    pub total: Duration,
    /// The end of `total`, in the time of the platform's `Clock::monotonic`.
    pub deadline: Duration,
}

/// The method of a request. DynamoDB and STS use POST. Sources of credentials use the other
/// methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads credentials or instance metadata.
    Get,
    /// Calls an operation.
    Post,
    /// Requests a token of instance metadata.
    Put,
}

impl Method {
    /// Returns the name of the method.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// True for `https`, false for `http`.
    pub tls: bool,
    /// The host, with the port unless it is the default port of the scheme.
    pub authority: &'a str,
    /// The absolute path, with the query if there is one.
    pub path: &'a str,
    /// All headers except `host`.
    pub headers: &'a [(String, Vec<u8>)],
    /// The whole body.
    pub body: &'a [u8],
    /// The time limits.
    pub timeouts: Timeouts,
    /// True if a successful response must keep its `date` header.
    pub wants_date: bool,
    /// True if the caller sends further requests before this one ends. Then a transport
    /// sends the request as soon as it is polled, so that the server works meanwhile.
    pub beside_others: bool,
}

/// A complete HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, as received. If a success has a JSON object as its body, a transport may
    /// omit headers. It must keep the checksum of the body and those that the request wants.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
    /// The CRC-32 of the body, if the host has computed it.
    pub crc32: Option<u32>,
}

impl Response {
    /// Returns the first header with this name, if its value is UTF-8. Case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// The reason why no complete response arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host name does not resolve.
    Dns(String),
    /// No server listens on the address, or there is no route to it.
    Refused(String),
    /// The TLS handshake failed: the connection broke, or one side ended the handshake.
    Tls(String),
    /// The server's certificate is not trusted.
    Certificate(String),
    /// The host does not allow the component to reach this address.
    Denied(String),
    /// The host cannot send the request.
    Malformed(String),
    /// There was no connection within the connect timeout.
    ConnectTimeout,
    /// There was a connection, but no complete response in time.
    Timeout,
    /// The connection broke before the response was complete.
    Reset(String),
    /// The response is incomplete, too large, or fails its checksum.
    Damaged(String),
}

impl TransportError {
    /// Returns the error for a host's "address not available".
    ///
    /// wasmtime's own HTTP client uses this name for two causes (wasmtime-wasi-http 48, `p2/error.rs`). Either the host name
    /// does not resolve, or the machine has no local port left (`EADDRNOTAVAIL`), as after many connections in a short time.
    /// An IP address needs no resolution, which rules out the first cause. On a machine without IPv6, an IPv6 address fails
    /// with the same name.
    #[must_use]
    pub fn address_not_available(authority: &str) -> Self {
        let host = authority.split(':').next().unwrap_or_default();
        let causes = if host.starts_with('[') {
            "the machine has no local port left for another connection, or no IPv6"
        } else if host.parse::<Ipv4Addr>().is_ok() {
            "the machine has no local port left for another connection"
        } else {
            "the host name does not resolve, or the machine has no local port left for another connection"
        };
        Self::Refused(format!("address not available: {causes}"))
    }

    /// Returns true if the request may have reached DynamoDB and taken effect.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Dns(_)
            | Self::Refused(_)
            | Self::Tls(_)
            | Self::Certificate(_)
            | Self::Denied(_)
            | Self::Malformed(_)
            | Self::ConnectTimeout => false,
            Self::Timeout | Self::Reset(_) | Self::Damaged(_) => true,
        }
    }

    /// Returns true if the same request may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dns(_)
            | Self::Refused(_)
            | Self::Tls(_)
            | Self::ConnectTimeout
            | Self::Timeout
            | Self::Reset(_)
            | Self::Damaged(_) => true,
            Self::Certificate(_) | Self::Denied(_) | Self::Malformed(_) => false,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(cause) => write!(f, "the host name does not resolve ({cause})"),
            Self::Refused(cause) => write!(f, "no connection ({cause})"),
            Self::Tls(cause) => write!(
                f,
                "TLS failed ({cause}): if the server speaks plain HTTP, use an `http://` URL"
            ),
            Self::Certificate(cause) => write!(
                f,
                "TLS failed ({cause}): add the certificate's root to the host's trusted roots, or use the host name that the certificate is for"
            ),
            Self::Denied(cause) => write!(
                f,
                "the host does not allow the request ({cause}): add the address to the host's allow-list"
            ),
            Self::Malformed(cause) => write!(f, "the host cannot send the request ({cause})"),
            Self::ConnectTimeout => f.write_str("no connection within `connectTimeout`"),
            Self::Timeout => f.write_str("no complete response within `requestTimeout`"),
            Self::Reset(cause) => write!(f, "the connection broke ({cause})"),
            Self::Damaged(cause) => write!(f, "the response is damaged ({cause})"),
        }
    }
}

/// An HTTP client.
pub trait Transport {
    /// Sends `request` and reads the whole response. Never waits longer than its
    /// `timeouts.total`.
    ///
    /// # Errors
    ///
    /// The cause of the failure, which also shows whether the request may have reached
    /// DynamoDB.
    fn send(&self, request: Request<'_>) -> impl Future<Output = Result<Response, TransportError>>;
}

/// A clock.
pub trait Clock {
    /// Returns the wall clock time, for signatures and the expiry of items.
    fn now(&self) -> SystemTime;

    /// Returns the time since a fixed moment, for timeouts. It never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// A source of randomness for ETags, tokens and jitter.
pub trait Random {
    /// Returns uniformly random bits. ETags are made from them, so they must not repeat
    /// across instances.
    fn random(&self) -> u64;
}

/// Access to files with credentials that the host gives to the component.
pub trait Files {
    /// Reads the current content of a file.
    ///
    /// # Errors
    ///
    /// Errors of the file system, and `FileTooLarge` if the file has more than `longest`
    /// bytes.
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>>;
}

/// Hash functions, because a host computes them faster than a component.
pub trait Digest {
    /// Returns the SHA-256 of `data`.
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }
}

/// The sum of all traits of this module. A platform outlives single calls, because the
/// sources of credentials keep it.
pub trait Platform: Transport + Clock + Random + Files + Digest + 'static {}

impl<T: Transport + Clock + Random + Files + Digest + 'static> Platform for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_not_available_names_each_possible_cause() {
        let name = "the host name does not resolve";
        let ports = "no local port left";
        let ipv6 = "no IPv6";
        for (authority, causes) in [
            ("127.0.0.1:8000", &[ports][..]),
            ("10.0.0.1", &[ports]),
            ("[::1]:8000", &[ports, ipv6]),
            ("[::1]", &[ports, ipv6]),
            ("dynamodb.eu-central-1.amazonaws.com", &[name, ports]),
            ("localhost:8000", &[name, ports]),
        ] {
            let told = TransportError::address_not_available(authority).to_string();
            for cause in [name, ports, ipv6] {
                assert_eq!(told.contains(cause), causes.contains(&cause), "{told}");
            }
        }
    }

    #[test]
    fn address_not_available_is_transient_and_not_applied() {
        let error = TransportError::address_not_available("127.0.0.1:8000");
        assert!(!error.may_have_been_applied() && error.is_transient());
    }
}
