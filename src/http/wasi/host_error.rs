//! The host's error codes as our causes, which keep apart what is transient,
//! what is refused and what may have been applied.

use crate::http::TransportError;
use wasip2::http::types::{DnsErrorPayload, ErrorCode};

/// The host's error code as our cause. Codes that mean a failure on the way are
/// taken for a broken connection, after which the outcome is unknown.
pub(super) fn cause(code: ErrorCode) -> TransportError {
    let text = describe(&code);
    match code {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => TransportError::Dns(text),
        ErrorCode::ConnectionRefused
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => TransportError::Refused(text),
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => {
            TransportError::Denied(text)
        }
        ErrorCode::ConnectionTimeout => TransportError::ConnectTimeout,
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => TransportError::Timeout,
        // wasmtime's own client has `TlsProtocolError` for every handshake that fails, also
        // for one that the server resets and for a certificate (`p2_error_from_tls` of
        // wasmtime-wasi-http 48). Of a connection that stood it is a broken one.
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => TransportError::Tls(text),
        ErrorCode::TlsCertificateError => TransportError::Certificate(text),
        ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_)
        | ErrorCode::ConfigurationError => TransportError::Malformed(text),
        ErrorCode::HttpResponseIncomplete
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_) => TransportError::Damaged(text),
        ErrorCode::ConnectionTerminated
        | ErrorCode::HttpUpgradeFailed
        | ErrorCode::HttpProtocolError
        | ErrorCode::LoopDetected
        | ErrorCode::InternalError(_) => TransportError::Reset(text),
    }
}

/// Returns true if a DNS error may as well be another failure to connect: that is what
/// [`TransportError::address_not_available`] tells apart.
pub(super) fn is_ambiguous(error: &DnsErrorPayload) -> bool {
    error.rcode.as_deref() == Some("address not available")
}

/// The host's error code in words: its own where it has any. The others stand here:
/// with the code's `Debug` the component was 6 KB larger.
fn describe(code: &ErrorCode) -> String {
    let own = match code {
        ErrorCode::InternalError(text) => text.clone(),
        ErrorCode::DnsError(payload) => payload.rcode.clone(),
        ErrorCode::TlsAlertReceived(payload) => payload.alert_message.clone(),
        _ => None,
    };
    own.unwrap_or_else(|| name(code).to_owned())
}

/// The name of the code, as words.
fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::DnsTimeout => "dns timeout",
        ErrorCode::DnsError(_) => "DNS error",
        ErrorCode::DestinationNotFound => "destination not found",
        ErrorCode::DestinationUnavailable => "destination unavailable",
        ErrorCode::DestinationIpProhibited => "destination ip prohibited",
        ErrorCode::DestinationIpUnroutable => "destination ip unroutable",
        ErrorCode::ConnectionRefused => "connection refused",
        ErrorCode::ConnectionTerminated => "connection terminated",
        ErrorCode::ConnectionTimeout => "connection timeout",
        ErrorCode::ConnectionReadTimeout => "connection read timeout",
        ErrorCode::ConnectionWriteTimeout => "connection write timeout",
        ErrorCode::ConnectionLimitReached => "connection limit reached",
        ErrorCode::TlsProtocolError => "tls protocol error",
        ErrorCode::TlsCertificateError => "tls certificate error",
        ErrorCode::TlsAlertReceived(_) => "tls alert received",
        ErrorCode::HttpRequestDenied => "http request denied",
        ErrorCode::HttpRequestLengthRequired => "http request length required",
        ErrorCode::HttpRequestBodySize(_) => "http request body size",
        ErrorCode::HttpRequestMethodInvalid => "http request method invalid",
        ErrorCode::HttpRequestUriInvalid => "http request uri invalid",
        ErrorCode::HttpRequestUriTooLong => "http request uri too long",
        ErrorCode::HttpRequestHeaderSectionSize(_) => "http request header section size",
        ErrorCode::HttpRequestHeaderSize(_) => "http request header size",
        ErrorCode::HttpRequestTrailerSectionSize(_) => "http request trailer section size",
        ErrorCode::HttpRequestTrailerSize(_) => "http request trailer size",
        ErrorCode::HttpResponseIncomplete => "http response incomplete",
        ErrorCode::HttpResponseHeaderSectionSize(_) => "http response header section size",
        ErrorCode::HttpResponseHeaderSize(_) => "http response header size",
        ErrorCode::HttpResponseBodySize(_) => "http response body size",
        ErrorCode::HttpResponseTrailerSectionSize(_) => "http response trailer section size",
        ErrorCode::HttpResponseTrailerSize(_) => "http response trailer size",
        ErrorCode::HttpResponseTransferCoding(_) => "http response transfer coding",
        ErrorCode::HttpResponseContentCoding(_) => "http response content coding",
        ErrorCode::HttpResponseTimeout => "http response timeout",
        ErrorCode::HttpUpgradeFailed => "http upgrade failed",
        ErrorCode::HttpProtocolError => "http protocol error",
        ErrorCode::LoopDetected => "loop detected",
        ErrorCode::ConfigurationError => "configuration error",
        ErrorCode::InternalError(_) => "internal error",
    }
}
