"""The reasons that no whole response arrived, with the names of the WIT."""

import errno
import ssl

# The case, and the cause in a few words for a person. A case without a payload has no cause.
DENIED = "denied"
INVALID_REQUEST = "invalid-request"
NAME_NOT_RESOLVED = "name-not-resolved"
NO_CONNECTION = "no-connection"
TLS_FAILED = "tls-failed"
CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
CONNECT_TIMEOUT = "connect-timeout"
TIMEOUT = "timeout"
CONNECTION_LOST = "connection-lost"
DAMAGED = "damaged"


class Failure(Exception):
    """The reason that no whole response arrived.

    After `timeout`, `connection-lost` and `damaged`, the request may have taken effect. After
    every other case, nothing was sent.
    """

    def __init__(self, case: str, cause: str | None = None) -> None:
        super().__init__(case, cause)
        self.case = case
        self.cause = cause


_CAUSES = {
    errno.ECONNREFUSED: "connection refused; check that the server is running, and its address",
    errno.EADDRNOTAVAIL: "address not available: the machine has no local port left for another "
    "connection",
    errno.EHOSTUNREACH: "no route to the server",
    errno.ENETUNREACH: "no route to the server",
    errno.ECONNRESET: "the server closed the connection",
    errno.ECONNABORTED: "the server closed the connection",
    errno.EPIPE: "the server closed the connection",
    errno.EMFILE: "the process has too many open files; raise its limit or lower max_connections",
    errno.ENFILE: "the machine has too many open files",
}


def cause_of(error: OSError) -> str:
    """Returns the cause of an error of a socket, in a few words."""
    known = _CAUSES.get(error.errno or 0)
    return known or error.strerror or str(error) or type(error).__name__


def of_connecting(error: OSError | None, is_ipv6: bool) -> Failure:
    """Maps a failure before there was a TCP connection."""
    if error is None:
        return Failure(NO_CONNECTION, "the host name has no address")
    if error.errno == errno.ETIMEDOUT:
        return Failure(CONNECT_TIMEOUT)
    cause = cause_of(error)
    if error.errno == errno.EADDRNOTAVAIL and is_ipv6:
        cause += ", or no IPv6"
    return Failure(NO_CONNECTION, cause)


def of_handshake(error: OSError) -> Failure:
    """Maps a failure of the TLS handshake, before any request."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(CERTIFICATE_NOT_TRUSTED, error.verify_message)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Failure(TLS_FAILED, "the server closed the connection")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "tls protocol error").lower().replace("_", " ")
        return Failure(TLS_FAILED, reason)
    return Failure(TLS_FAILED, cause_of(error))
