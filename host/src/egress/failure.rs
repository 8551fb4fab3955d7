//! Failures by name: the plugin decides from the name whether to try again, so one cause never passes for another.
//!
//! The names are those of `wasi:http`, which took them from RFC 9209, section 2.3.

use super::dns_cache::NoAddress;
use crate::error::{chain, sources};
use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use wasmtime_wasi_http::Error;

/// A failure before there was a TCP connection: nothing was sent, and no name here lets the plugin think otherwise.
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
        // EADDRNOTAVAIL: all local ports are in use, or wait for the end of `TIME_WAIT`.
        Some(ErrorKind::AddrNotAvailable) => Error::ConnectionLimitReached,
        Some(kind) if is_gone(kind) => Error::DestinationUnavailable,
        Some(_) | None => Error::InternalError(Some(chain(cause))),
    }
}

/// A failure of the TLS handshake, before any request.
pub(super) fn of_tls(cause: &io::Error) -> Error {
    tracing::debug!("TLS failed: {cause}");
    match rustls_error(cause) {
        Some(error) => tls(error),
        None if is_gone(cause.kind()) => Error::DestinationUnavailable,
        None => Error::TlsProtocolError,
    }
}

/// A failure after the connection stood and before the head of the answer was there.
pub(super) fn of_exchange(cause: &hyper::Error) -> Error {
    tracing::debug!("the exchange failed: {}", chain(cause));
    if cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() {
        return Error::ConnectionTerminated;
    }
    of_transfer(cause, Error::ConnectionTerminated)
}

/// A failure within the body of the answer.
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

/// The names that both have in common; `ended` is that of an orderly end in the middle.
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
    // Not by the names of a handshake that failed: those say that nothing was sent.
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

/// The peer is gone, with or without a reset.
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

/// `source` of an [`io::Error`] skips the error that it wraps; this does not.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    sources(error).find_map(|error| error.downcast_ref())
}
