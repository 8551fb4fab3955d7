//! Maps the failures of a request to those of `dapr-wasm:host/http-client`. A component decides by the case whether to retry,
//! and whether the request may have taken effect.

use wasmtime::component::{ComponentType, Lower};
use wasmtime_wasi_http::Error;

#[derive(ComponentType, Lower, Debug, PartialEq, Eq)]
#[component(variant)]
pub(in crate::egress) enum Failure {
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "invalid-request")]
    InvalidRequest(String),
    #[component(name = "name-not-resolved")]
    NameNotResolved(String),
    #[component(name = "no-connection")]
    NoConnection(String),
    #[component(name = "tls-failed")]
    TlsFailed(String),
    #[component(name = "certificate-not-trusted")]
    CertificateNotTrusted(String),
    #[component(name = "connect-timeout")]
    ConnectTimeout,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "connection-lost")]
    ConnectionLost(String),
    #[component(name = "damaged")]
    Damaged(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (name, case) = meaning(&error);
        let own = match error {
            Error::InternalError(text)
            | Error::DnsError { rcode: text, .. }
            | Error::TlsAlertReceived {
                alert_message: text,
                ..
            } => text,
            _ => None,
        };
        case(own.unwrap_or_else(|| name.to_owned()))
    }
}

/// Returns the name of an error and its case. The names are those that a component gives to the codes of `wasi:http`
/// (`src/http/wasi_http/host_error.rs`), so that both builds of `dapr-dynamodb` report the same sentences. A failure of the
/// exchange without a case of its own becomes [`Failure::ConnectionLost`], after which the outcome is unknown.
fn meaning(error: &Error) -> (&'static str, fn(String) -> Failure) {
    use Failure::{
        CertificateNotTrusted, ConnectTimeout, ConnectionLost, Damaged, Denied, InvalidRequest,
        NameNotResolved, NoConnection, Timeout, TlsFailed,
    };
    match error {
        Error::DnsTimeout => ("dns timeout", NameNotResolved),
        Error::DnsError { .. } => ("DNS error", NameNotResolved),
        Error::DestinationNotFound => ("destination not found", NoConnection),
        Error::DestinationUnavailable => ("destination unavailable", NoConnection),
        Error::DestinationIpUnroutable => ("destination ip unroutable", NoConnection),
        Error::ConnectionRefused => (
            "connection refused; check that the server is running, and its address",
            NoConnection,
        ),
        Error::ConnectionLimitReached => ("connection limit reached", NoConnection),
        Error::DestinationIpProhibited => ("destination ip prohibited", Denied),
        Error::HttpRequestDenied => ("http request denied", Denied),
        Error::ConnectionTimeout => ("", |_| ConnectTimeout),
        Error::ConnectionReadTimeout
        | Error::ConnectionWriteTimeout
        | Error::HttpResponseTimeout => ("", |_| Timeout),
        Error::TlsProtocolError => ("tls protocol error", TlsFailed),
        Error::TlsAlertReceived { .. } => ("tls alert received", TlsFailed),
        Error::TlsCertificateError => ("tls certificate error", CertificateNotTrusted),
        Error::HttpRequestLengthRequired => ("http request length required", InvalidRequest),
        Error::HttpRequestBodySize(_) => ("http request body size", InvalidRequest),
        Error::HttpRequestMethodInvalid => ("http request method invalid", InvalidRequest),
        Error::HttpRequestUriInvalid => ("http request uri invalid", InvalidRequest),
        Error::HttpRequestUriTooLong => ("http request uri too long", InvalidRequest),
        Error::HttpRequestHeaderSectionSize(_) => {
            ("http request header section size", InvalidRequest)
        }
        Error::HttpRequestHeaderSize { .. } => ("http request header size", InvalidRequest),
        Error::HttpRequestTrailerSectionSize(_) => {
            ("http request trailer section size", InvalidRequest)
        }
        Error::HttpRequestTrailerSize { .. } => ("http request trailer size", InvalidRequest),
        Error::ConfigurationError => ("configuration error", InvalidRequest),
        Error::HttpResponseHeaderSectionSize(_) => ("http response header section size", Damaged),
        Error::HttpResponseHeaderSize { .. } => ("http response header size", Damaged),
        Error::HttpResponseBodySize(_) => ("http response body size", Damaged),
        Error::HttpResponseTrailerSectionSize(_) => ("http response trailer section size", Damaged),
        Error::HttpResponseTrailerSize { .. } => ("http response trailer size", Damaged),
        Error::HttpResponseTransferCoding(_) => ("http response transfer coding", Damaged),
        Error::HttpResponseContentCoding(_) => ("http response content coding", Damaged),
        // The connection ended within the body. A component that reads the stream of `wasi:http` gets this text too.
        Error::HttpResponseIncomplete => ("incomplete HTTP response", ConnectionLost),
        Error::ConnectionTerminated => ("connection terminated", ConnectionLost),
        Error::HttpUpgradeFailed => ("http upgrade failed", ConnectionLost),
        Error::HttpProtocolError => ("http protocol error", ConnectionLost),
        Error::LoopDetected => ("loop detected", ConnectionLost),
        // `InternalError`, and errors of later versions.
        _ => ("internal error", ConnectionLost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::discriminant;

    /// Returns true if the request may have taken effect, as the WIT says for the case.
    fn may_be_applied(failure: &Failure) -> bool {
        match failure {
            Failure::Timeout | Failure::ConnectionLost(_) | Failure::Damaged(_) => true,
            Failure::Denied(_)
            | Failure::InvalidRequest(_)
            | Failure::NameNotResolved(_)
            | Failure::NoConnection(_)
            | Failure::TlsFailed(_)
            | Failure::CertificateNotTrusted(_)
            | Failure::ConnectTimeout => false,
        }
    }

    fn denied() -> Failure {
        Failure::Denied(String::new())
    }

    fn invalid() -> Failure {
        Failure::InvalidRequest(String::new())
    }

    fn not_resolved() -> Failure {
        Failure::NameNotResolved(String::new())
    }

    fn no_connection() -> Failure {
        Failure::NoConnection(String::new())
    }

    fn tls_failed() -> Failure {
        Failure::TlsFailed(String::new())
    }

    fn lost() -> Failure {
        Failure::ConnectionLost(String::new())
    }

    fn damaged() -> Failure {
        Failure::Damaged(String::new())
    }

    /// Errors before the first byte of a request was written.
    fn before_sending() -> Vec<(Error, Failure)> {
        vec![
            (Error::HttpRequestDenied, denied()),
            (Error::DestinationIpProhibited, denied()),
            (Error::DnsTimeout, not_resolved()),
            (
                Error::DnsError {
                    rcode: None,
                    info_code: None,
                },
                not_resolved(),
            ),
            (Error::DestinationNotFound, no_connection()),
            (Error::DestinationUnavailable, no_connection()),
            (Error::DestinationIpUnroutable, no_connection()),
            (Error::ConnectionRefused, no_connection()),
            (Error::ConnectionLimitReached, no_connection()),
            (Error::TlsProtocolError, tls_failed()),
            (
                Error::TlsAlertReceived {
                    alert_id: Some(40),
                    alert_message: None,
                },
                tls_failed(),
            ),
            (
                Error::TlsCertificateError,
                Failure::CertificateNotTrusted(String::new()),
            ),
            (Error::ConnectionTimeout, Failure::ConnectTimeout),
            (Error::HttpRequestLengthRequired, invalid()),
            (Error::HttpRequestBodySize(Some(1)), invalid()),
            (Error::HttpRequestMethodInvalid, invalid()),
            (Error::HttpRequestUriInvalid, invalid()),
            (Error::HttpRequestUriTooLong, invalid()),
            (Error::HttpRequestHeaderSectionSize(None), invalid()),
            (
                Error::HttpRequestHeaderSize {
                    field_name: None,
                    field_size: None,
                },
                invalid(),
            ),
            (Error::HttpRequestTrailerSectionSize(None), invalid()),
            (
                Error::HttpRequestTrailerSize {
                    field_name: None,
                    field_size: None,
                },
                invalid(),
            ),
            (Error::ConfigurationError, invalid()),
        ]
    }

    /// Errors after which the server may have the request, and those that do not say.
    fn after_sending() -> Vec<(Error, Failure)> {
        vec![
            (Error::ConnectionReadTimeout, Failure::Timeout),
            (Error::ConnectionWriteTimeout, Failure::Timeout),
            (Error::HttpResponseTimeout, Failure::Timeout),
            (Error::HttpResponseIncomplete, lost()),
            (Error::HttpResponseHeaderSectionSize(None), damaged()),
            (
                Error::HttpResponseHeaderSize {
                    field_name: None,
                    field_size: None,
                },
                damaged(),
            ),
            (Error::HttpResponseBodySize(None), damaged()),
            (Error::HttpResponseTrailerSectionSize(None), damaged()),
            (
                Error::HttpResponseTrailerSize {
                    field_name: None,
                    field_size: None,
                },
                damaged(),
            ),
            (Error::HttpResponseTransferCoding(None), damaged()),
            (Error::HttpResponseContentCoding(None), damaged()),
            (Error::ConnectionTerminated, lost()),
            (Error::HttpUpgradeFailed, lost()),
            (Error::HttpProtocolError, lost()),
            (Error::LoopDetected, lost()),
            (Error::InternalError(None), lost()),
            (Error::Connect(std::io::ErrorKind::Other.into()), lost()),
            (Error::Tls(std::io::ErrorKind::Other.into()), lost()),
        ]
    }

    #[test]
    fn failure_says_if_the_request_may_be_applied() {
        for (errors, applied) in [(before_sending(), false), (after_sending(), true)] {
            for (error, expected) in errors {
                let said = error.to_string();
                let failure = Failure::from(error);
                assert_eq!(discriminant(&failure), discriminant(&expected), "{said}");
                assert_eq!(may_be_applied(&failure), applied, "{said}");
            }
        }
    }

    #[test]
    fn cause_of_an_error_becomes_the_text() {
        let rcode = Some("no such host".to_owned());
        let info_code = None;
        let unknown = Failure::from(Error::DnsError { rcode, info_code });
        assert_eq!(unknown, Failure::NameNotResolved("no such host".to_owned()));
        let internal = Failure::from(Error::InternalError(Some("no files left".to_owned())));
        assert_eq!(
            internal,
            Failure::ConnectionLost("no files left".to_owned())
        );
        let Failure::NoConnection(refused) = Failure::from(Error::ConnectionRefused) else {
            panic!("another case");
        };
        assert!(refused.contains("check that the server is running"));
    }
}
