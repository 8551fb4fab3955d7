//! HTTP as the core sees it: requests, answers and what can go wrong on the way. A
//! failure keeps its cause, because the cause decides whether to try again and whether
//! a write may have happened.
//!
//! The traits are all that the core takes from outside: HTTP, files, time and
//! randomness. Nothing else in it reaches beyond its arguments, so a native test can
//! fix them all. `wasi` implements them for a WASI host.

#[cfg(target_family = "wasm")]
pub mod reactor;
#[cfg(target_family = "wasm")]
pub mod wasi;

use std::future::Future;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

/// The field that holds the server's time, in lower case.
pub const DATE: &str = "date";

/// The field that holds the CRC-32 of the body, in lower case. DynamoDB sends it with
/// most answers.
pub const CHECKSUM: &str = "x-amz-crc32";

/// HTTP header fields, in order.
pub type Headers = Vec<(String, Vec<u8>)>;

/// How long one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection, TLS included.
    pub connect: Duration,
    /// For everything, from sending to the last byte of the answer.
    pub total: Duration,
    /// When `total` is over, as the platform's `Clock::monotonic` counts.
    pub deadline: Duration,
}

/// The method of a request: DynamoDB and STS take a POST, sources of credentials
/// have the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Calls an operation.
    Post,
    /// Asks for a token of instance metadata.
    Put,
}

impl Method {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// `true`: https, `false`: http.
    pub tls: bool,
    /// Host, and port where it is not the scheme's own.
    pub authority: &'a str,
    /// Absolute path, with the query where there is one.
    pub path: &'a str,
    /// All fields but `host`.
    pub headers: &'a [(String, Vec<u8>)],
    /// The whole body.
    pub body: &'a [u8],
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Keeps `date` also for a success.
    pub wants_date: bool,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The fields, as received. Of a success that is a JSON object, a transport
    /// may leave out all but the checksum of the body and what the request wants.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first field of that name, where it is text. `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// Why no complete answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host name does not resolve.
    Dns(String),
    /// Nobody listens there, or no route leads there.
    Refused(String),
    /// The TLS handshake was not completed: it broke, or one side ended it.
    Tls(String),
    /// The server's certificate is not one to trust.
    Certificate(String),
    /// The host does not let the component reach that address.
    Denied(String),
    /// The request is not one that the host can send.
    Malformed(String),
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// Connected, but the answer, or the rest of it, did not come in time.
    Timeout,
    /// The connection broke before the answer was complete.
    Reset(String),
    /// The answer is shorter than it said, or not what was sent.
    Damaged(String),
}

impl TransportError {
    /// Returns the error for a host's "address not available".
    ///
    /// wasmtime's own HTTP client has that one name for two causes (wasmtime-wasi-http 48, `p2/error.rs`): the host name does
    /// not resolve, or the machine has no local port left (`EADDRNOTAVAIL`), as after many connections in a short time.
    /// An address is not resolved, so there the first is ruled out; on a machine without IPv6, one of IPv6 fails alike.
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

    /// Returns true if the same request may well succeed a moment later.
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
            Self::Tls(cause) => write!(f, "TLS failed ({cause})"),
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

/// Sends one HTTP request and reads the whole answer.
pub trait Transport {
    /// Sends `request`. Never waits longer than its `timeouts.total`.
    ///
    /// # Errors
    ///
    /// The cause of the failure, which also tells whether the request may have
    /// reached DynamoDB.
    fn send(&self, request: Request<'_>) -> impl Future<Output = Result<Response, TransportError>>;
}

/// Time.
pub trait Clock {
    /// Wall clock time: what requests are signed with and items expire by.
    fn now(&self) -> SystemTime;

    /// Time since any fixed moment, never going back: what timeouts use.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Randomness for ETags, tokens and jitter.
pub trait Random {
    /// Uniformly random bits. ETags rest on it, so it must not repeat across
    /// instances.
    fn random(&self) -> u64;
}

/// Files that the host lends: those that hold credentials.
pub trait Files {
    /// Reads a whole file, as it is now.
    ///
    /// # Errors
    ///
    /// Errors of the file system; `FileTooLarge` where it has more than `longest`
    /// bytes.
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>>;
}

/// All of them. It outlives the call that it is made for: what refreshes
/// credentials keeps it.
pub trait Platform: Transport + Clock + Random + Files + 'static {}

impl<T: Transport + Clock + Random + Files + 'static> Platform for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unavailable_address_names_each_possible_cause() {
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
    fn unavailable_address_was_sent_nothing_and_is_transient() {
        let error = TransportError::address_not_available("127.0.0.1:8000");
        assert!(!error.may_have_been_applied() && error.is_transient());
    }
}
