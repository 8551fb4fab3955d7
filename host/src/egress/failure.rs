//! Maps failures to the error codes of `wasi:http`. A plugin decides by the code whether to retry, so each cause keeps its
//! own code.
//!
//! `wasi:http` took its codes from RFC 9209, section 2.3.

use super::dns_cache::NoAddress;
use crate::error::{chain, sources};
use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use wasmtime_wasi_http::Error;

/// Maps a failure before there was a TCP connection. Nothing was sent, and each code used here says so.
pub(super) fn of_connecting(cause: &(dyn StdError + 'static)) -> Error {
    tracing::debug!("connecting failed: {}", chain(cause));
    match find::<NoAddress>(cause) {
        Some(NoAddress::NotResolved(_)) => {
            return Error::DnsError {
                rcode: Some(chain(cause)),
                info_code: None,
            };
        }
        Some(NoAddress::Internal) => return Error::DestinationIpProhibited,
        None => {}
    }
    match find::<io::Error>(cause).map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => Error::ConnectionRefused,
        Some(ErrorKind::TimedOut) => Error::ConnectionTimeout,
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            Error::DestinationIpUnroutable
        }
        // EADDRNOTAVAIL: all local ports are in use or in `TIME_WAIT`.
        Some(ErrorKind::AddrNotAvailable) => Error::ConnectionLimitReached,
        Some(kind) if is_gone(kind) => Error::DestinationUnavailable,
        Some(_) | None => Error::InternalError(Some(chain(cause))),
    }
}

/// Maps a failure of the TLS handshake, before any request.
pub(super) fn of_tls(cause: &io::Error) -> Error {
    tracing::debug!("TLS failed: {cause}");
    match rustls_error(cause) {
        Some(error) => tls(error),
        None if is_gone(cause.kind()) => Error::DestinationUnavailable,
        None => Error::TlsProtocolError,
    }
}

/// Maps a failure after the connection was opened and before the head of the response arrived.
pub(super) fn of_exchange(cause: &hyper::Error) -> Error {
    tracing::debug!("the exchange failed: {}", chain(cause));
    if cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() {
        return Error::ConnectionTerminated;
    }
    of_transfer(cause, Error::ConnectionTerminated)
}

/// Maps a failure within the body of the response.
pub(super) fn of_body(cause: &hyper::Error) -> Error {
    tracing::debug!("the body failed: {}", chain(cause));
    if cause.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    if cause.is_canceled() || cause.is_closed() {
        return Error::ConnectionTerminated;
    }
    of_transfer(cause, Error::HttpResponseIncomplete)
}

/// Maps the failures that [`of_exchange`] and [`of_body`] have in common. `ended` is the code for an orderly close in the middle.
fn of_transfer(cause: &hyper::Error, ended: Error) -> Error {
    if cause.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(None);
    }
    if cause.is_body_write_aborted() {
        return Error::HttpRequestBodySize(None);
    }
    let Some(io) = find::<io::Error>(cause) else {
        return Error::HttpProtocolError;
    };
    // The codes of a failed handshake do not fit here: they mean that nothing was sent.
    if rustls_error(io).is_some() {
        return ended;
    }
    match io.kind() {
        ErrorKind::UnexpectedEof => ended,
        ErrorKind::TimedOut => Error::ConnectionReadTimeout,
        kind if is_gone(kind) => Error::ConnectionTerminated,
        _ => Error::HttpProtocolError,
    }
}

fn tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}

/// Returns true if the peer is gone, with or without a reset.
fn is_gone(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof
    )
}

/// Returns the TLS error that an [`io::Error`] wraps. [`io::Error`]'s `source` skips the wrapped error.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    sources(error).find_map(|error| error.downcast_ref())
}
