//! The host's error codes as our causes, which keep apart what is transient,
//! what is refused and what may have been applied.

use crate::aws::message::TransportError;
use wasip2::http::types::ErrorCode;

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
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => TransportError::Tls(text),
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

/// The host's error code in words.
fn describe(code: &ErrorCode) -> String {
    match code {
        ErrorCode::InternalError(Some(text)) => return text.clone(),
        ErrorCode::DnsError(payload) => {
            return payload
                .rcode
                .clone()
                .unwrap_or_else(|| "DNS error".to_owned());
        }
        _ => {}
    }
    let debug = format!("{code:?}");
    let name = debug.rsplit("::").next().unwrap_or(&debug);
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
