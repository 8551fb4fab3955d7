"""The HTTP client that a `Plugin` offers to components that import `dapr-wasm:host`."""

import math
import ssl
from collections.abc import Collection
from os import PathLike, fspath
from threading import Lock

from . import failure
from .allow_list import AllowList, Origin, origin_of
from .exchange import Exchange, Network, Request
from .failure import Failure
from .http1 import MOST_AUTHORITY, Fields, request_head
from .pool import Pool
from .resolver import Resolver

# DynamoDB was seen to close connections after 60 s without a request
# (https://github.com/aws/aws-sdk-java/issues/1365). It does not document a time. This default is
# well below, so that no request is sent on a connection that is just being closed.
IDLE_TIMEOUT = 20.0

# Half of the usual limit of 1,024 open files per process (`RLIMIT_NOFILE`).
MAX_CONNECTIONS = 512

# The longest timeout that a component can choose, in seconds.
LONGEST_TIMEOUT = 600.0

# The longest body of a response, in bytes.
MOST_BODY = 128 << 20

# The origins that are known at most. A component may name as many as a rule allows.
_MOST_ROUTES = 256

_NANOSECONDS = 1e-9


class HttpClient:
    """A client for HTTP/1.1, with and without TLS, whose connections stay open for later requests.

    Plugins and threads may share one. It opens a connection only if no idle one is left:

        client = HttpClient(allow=["dynamodb.*.amazonaws.com:443", "127.0.0.1:8000"])
        plugin = Plugin.from_file("dapr_dynamodb_hosted.wasm", http_client=client)

    `allow` lists the addresses that components may reach, as `host:port`. A label `*` matches
    exactly one label of a name, and never an address. A name that only a rule with a `*` allows
    must not resolve to an address of this machine or of a private network. All other requests
    fail before any lookup. An empty list allows nothing. Without `allow`, components may reach
    every address.

    At most `max_connections` are open. Further requests wait for a free one, within the connect
    timeout of the component. A connection that is idle for `idle_timeout` seconds is not used
    again. It is closed with the next request of any component, or by `close`.

    The client verifies certificates with the root certificates that Python's `ssl` finds on
    this system. `root_certificates` is a PEM file with further ones.

    It follows no redirects, reads no proxy from the environment, and retries nothing. It sends
    a request on another connection only if the server closed an idle connection before a byte
    of the request was written.

    Raises `ValueError` for an invalid rule or limit, and `OSError` (`ssl.SSLError` among them)
    for a file of certificates that cannot be read.
    """

    def __init__(
        self,
        allow: Collection[str] | None = None,
        *,
        root_certificates: str | PathLike[str] | None = None,
        max_connections: int = MAX_CONNECTIONS,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        if max_connections < 1:
            raise ValueError(f"max_connections: {max_connections} is less than 1")
        if not 0 <= idle_timeout < math.inf:
            raise ValueError(f"idle_timeout: {idle_timeout} is not a number of seconds")
        self._allowed = AllowList(allow)
        self._pool = Pool(max_connections, idle_timeout)
        self._network = Network(self._pool, Resolver(), self._tls)
        self._roots = None if root_certificates is None else fspath(root_certificates)
        self._tls_context: ssl.SSLContext | None = None
        self._tls_lock = Lock()
        if self._roots is not None:
            self._tls()
        # The origin of an authority that may be reached, and true if it may be internal.
        self._routes: dict[tuple[bytes, bool], tuple[Origin, bool]] = {}

    @property
    def is_limited(self) -> bool:
        """True if there is an allow-list."""
        return self._allowed.is_limited

    def close(self) -> None:
        """Closes the idle connections. The client stays usable."""
        self._pool.close_idle()

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(
        self,
        method: bytes,
        tls: bool,
        authority: bytes,
        path: bytes,
        fields: Fields,
        body: bytes,
        connect_timeout: int,
        timeout: int,
        most_body: int = MOST_BODY,
    ) -> Exchange:
        """Starts a request. Texts are UTF-8, and timeouts are in nanoseconds.

        Raises a `Failure` if the request is invalid or its address is not allowed.
        """
        origin, may_be_internal = self._route(authority, tls)
        head = request_head(method, authority, path, fields, len(body))
        return Exchange(
            self._network,
            Request(
                origin=origin,
                may_be_internal=may_be_internal,
                has_no_response_body=method == b"HEAD",
                head=head,
                body=body,
                most_body=most_body,
            ),
            min(connect_timeout * _NANOSECONDS, LONGEST_TIMEOUT),
            min(timeout * _NANOSECONDS, LONGEST_TIMEOUT),
        )

    def _route(self, authority: bytes, tls: bool) -> tuple[Origin, bool]:
        known = self._routes.get((authority, tls))
        if known is not None:
            return known
        if len(authority) > MOST_AUTHORITY:
            raise Failure(
                failure.INVALID_REQUEST, f"the authority is longer than {MOST_AUTHORITY} bytes"
            )
        try:
            origin = origin_of(authority.decode(), tls)
        except ValueError as error:
            raise Failure(failure.INVALID_REQUEST, str(error)) from None
        if not self._allowed.permits(origin):
            host = f"[{origin.host}]" if ":" in origin.host else origin.host
            raise Failure(
                failure.DENIED, f"{host}:{origin.port} is not in the list `allow` of HttpClient"
            )
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        route = self._routes[authority, tls] = origin, self._allowed.permits_internal(origin)
        return route

    def _tls(self) -> ssl.SSLContext:
        """Returns the context of all connections. The first use reads the root certificates."""
        with self._tls_lock:
            if self._tls_context is None:
                context = ssl.create_default_context()
                if self._roots is not None:
                    _trust(context, self._roots)
                context.set_alpn_protocols(["http/1.1"])
                self._tls_context = context
            return self._tls_context


def _trust(context: ssl.SSLContext, path: str) -> None:
    """Adds root certificates. Raises the errors of `ssl`, whose own texts name no file."""
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        text = (
            f"root_certificates: {path!r} has an invalid certificate, or none; give a PEM file, "
            "whose certificates begin with -----BEGIN CERTIFICATE-----"
        )
        raise ssl.SSLError(error.errno, text) from None
    except OSError as error:
        text = (
            f"root_certificates: {path!r} cannot be read ({error.strerror}); "
            "give the path of a readable PEM file"
        )
        raise OSError(error.errno, text) from None
