//! Maps the host's error codes to transport errors. A transport error says whether the
//! fault is transient, and whether the request may have been applied.

use crate::http::TransportError;
use wasip2::http::types::{DnsErrorPayload, ErrorCode as Code};

/// Converts the host's error code to a transport error, with the host's text if it has one.
pub(super) fn cause(code: Code) -> TransportError {
    let (name, cause) = meaning(&code);
    let own = match code {
        Code::InternalError(text) => text,
        Code::DnsError(payload) => payload.rcode,
        Code::TlsAlertReceived(payload) => payload.alert_message,
        _ => None,
    };
    cause(own.unwrap_or_else(|| name.to_owned()))
}

/// Returns true if a DNS error may also be another failure to connect.
/// [`TransportError::address_not_available`] distinguishes the causes.
pub(super) fn is_ambiguous(error: &DnsErrorPayload) -> bool {
    error.rcode.as_deref() == Some("address not available")
}

/// Returns the name of the code and the constructor of the transport error. A code for any
/// other failure of the exchange becomes `Reset`, after which the outcome is unknown. The
/// names do not come from `Debug`, which made the component 6 KB larger.
fn meaning(code: &Code) -> (&'static str, fn(String) -> TransportError) {
    use TransportError::{
        Certificate, ConnectTimeout, Damaged, Denied, Dns, Malformed, Refused, Reset, Timeout, Tls,
    };
    match code {
        Code::DnsTimeout => ("dns timeout", Dns),
        Code::DnsError(_) => ("DNS error", Dns),
        Code::DestinationNotFound => ("destination not found", Refused),
        Code::DestinationUnavailable => ("destination unavailable", Refused),
        Code::DestinationIpUnroutable => ("destination ip unroutable", Refused),
        Code::ConnectionRefused => (
            "connection refused; check that the server is running, and its address",
            Refused,
        ),
        Code::ConnectionLimitReached => ("connection limit reached", Refused),
        Code::DestinationIpProhibited => ("destination ip prohibited", Denied),
        Code::HttpRequestDenied => ("http request denied", Denied),
        Code::ConnectionTimeout => ("connection timeout", |_| ConnectTimeout),
        Code::ConnectionReadTimeout => ("connection read timeout", |_| Timeout),
        Code::ConnectionWriteTimeout => ("connection write timeout", |_| Timeout),
        Code::HttpResponseTimeout => ("http response timeout", |_| Timeout),
        // wasmtime's own client uses `TlsProtocolError` for every failed handshake, also if
        // the server resets it or the certificate is invalid (`p2_error_from_tls` of
        // wasmtime-wasi-http 48). After the handshake it means a broken connection.
        Code::TlsProtocolError => ("tls protocol error", Tls),
        Code::TlsAlertReceived(_) => ("tls alert received", Tls),
        Code::TlsCertificateError => ("tls certificate error", Certificate),
        Code::HttpRequestLengthRequired => ("http request length required", Malformed),
        Code::HttpRequestBodySize(_) => ("http request body size", Malformed),
        Code::HttpRequestMethodInvalid => ("http request method invalid", Malformed),
        Code::HttpRequestUriInvalid => ("http request uri invalid", Malformed),
        Code::HttpRequestUriTooLong => ("http request uri too long", Malformed),
        Code::HttpRequestHeaderSectionSize(_) => ("http request header section size", Malformed),
        Code::HttpRequestHeaderSize(_) => ("http request header size", Malformed),
        Code::HttpRequestTrailerSectionSize(_) => ("http request trailer section size", Malformed),
        Code::HttpRequestTrailerSize(_) => ("http request trailer size", Malformed),
        Code::ConfigurationError => ("configuration error", Malformed),
        Code::HttpResponseIncomplete => ("http response incomplete", Damaged),
        Code::HttpResponseHeaderSectionSize(_) => ("http response header section size", Damaged),
        Code::HttpResponseHeaderSize(_) => ("http response header size", Damaged),
        Code::HttpResponseBodySize(_) => ("http response body size", Damaged),
        Code::HttpResponseTrailerSectionSize(_) => ("http response trailer section size", Damaged),
        Code::HttpResponseTrailerSize(_) => ("http response trailer size", Damaged),
        Code::HttpResponseTransferCoding(_) => ("http response transfer coding", Damaged),
        Code::HttpResponseContentCoding(_) => ("http response content coding", Damaged),
        Code::ConnectionTerminated => ("connection terminated", Reset),
        Code::HttpUpgradeFailed => ("http upgrade failed", Reset),
        Code::HttpProtocolError => ("http protocol error", Reset),
        Code::LoopDetected => ("loop detected", Reset),
        Code::InternalError(_) => ("internal error", Reset),
    }
}
