"""One request and its response: a state machine that its caller polls, without a thread.

The caller that waits for the response also connects, writes and reads. So a program may exit
at any time, and giving a request up closes its socket.

A request is sent again in one case only: the server closed an idle connection before a byte of
the request was written. After the first byte, each failure says that the request may have been
sent.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from . import failure
from .allow_list import Origin, is_internal
from .failure import Failure
from .http1 import Response, ResponseReader
from .polling import IN, OUT, Waiting, Waker, bounded, poll
from .pool import Connection, Pool
from .resolver import Lookup, Resolver, SocketAddress

# The bytes that one `recv` may return, before and after the first bytes of a body.
_READ_AT_FIRST = 1 << 16
_READ_MORE = 1 << 20

# A larger body is not copied behind its head, but written separately.
_WRITTEN_TOGETHER = 1 << 16

_IN_PROGRESS = {errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", -1)}


@dataclass(frozen=True, slots=True)
class Network:
    """The parts of a client that an exchange needs."""

    pool: Pool
    resolver: Resolver
    tls: Callable[[], ssl.SSLContext]


@dataclass(slots=True)
class Request:
    origin: Origin
    may_be_internal: bool
    """True if the name may resolve to an address of this machine or of a private network."""
    has_no_response_body: bool
    head: bytes
    body: bytes
    most_body: int
    """The longest body of a response that is read, in bytes."""


class Exchange:
    __slots__ = (
        "_address_ends",
        "_addresses",
        "_connected_by",
        "_connection",
        "_ends",
        "_error",
        "_has_place",
        "_lookup",
        "_network",
        "_reader",
        "_request",
        "_sock",
        "_step",
        "_unsent",
        "_unsent_body",
        "_waker",
        "deadline",
        "outcome",
        "waiting",
    )

    def __init__(
        self, network: Network, request: Request, connect_timeout: float, timeout: float
    ) -> None:
        """Starts the request. Timeouts are in seconds."""
        now = monotonic()
        self._network = network
        self._request = request
        self._ends = now + timeout
        self._connected_by = min(now + connect_timeout, self._ends)
        self._address_ends = self._connected_by
        self._addresses: list[SocketAddress] = []
        self._connection: Connection | None = None
        self._error: OSError | None = None
        self._has_place = False
        """True if a place of the pool is taken, and there is no connection yet."""
        self._lookup: Lookup | None = None
        self._reader: ResponseReader | None = None
        self._sock: socket.socket | None = None
        """The socket that connects."""
        self._step: Callable[[Exchange], bool] = Exchange._take  # no method: no cycle of references
        self._unsent: memoryview[int] | bytes = b""
        """The bytes that are written next."""
        self._unsent_body = b""
        """The body, if it is written after them."""
        self._waker: Waker | None = None
        self.deadline = self._connected_by
        """The time of `monotonic` at which `advance` must be called."""
        self.outcome: Response | Failure | None = None
        self.waiting: Waiting = (-1, IN)
        """The file descriptor that `advance` waits for."""
        self.advance()

    def advance(self) -> None:
        """Goes on until the request has ended or must wait. Call it at any time."""
        if self.outcome is not None:
            return
        try:
            while self._step(self):
                pass
        except Failure as reason:
            reason.__context__ = None  # with the traceback, it would refer to this object
            self._end(reason.with_traceback(None))
        except BaseException:
            self.close()
            raise
        if self.outcome is None and monotonic() >= self.deadline:
            self._expire()

    def run(self, interrupts: list[BaseException]) -> Response | Failure:
        """Waits for the outcome."""
        while self.outcome is None:
            seconds = self.deadline - monotonic()
            connection = self._connection
            if connection is not None and self.waiting[1] == IN:
                try:
                    ready = connection.is_readable(bounded(seconds))
                except BaseException as raised:  # as in `poll`
                    interrupts.append(raised)
                    ready = False
            else:
                ready = bool(poll([self.waiting], seconds, interrupts))
            if ready or monotonic() >= self.deadline:
                self.advance()
        return self.outcome

    def close(self) -> None:
        """Gives the request up, unless it has ended."""
        if self.outcome is None:
            self._end(Failure(failure.CONNECTION_LOST, "the request was given up"))

    def _end(self, outcome: Response | Failure) -> None:
        self.outcome = outcome
        self._drop_waker()
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        connection, self._connection = self._connection, None
        if connection is not None:
            if isinstance(outcome, Response) and outcome.is_reusable:
                self._network.pool.keep(connection)
            else:
                self._network.pool.close(connection)
        elif self._has_place:
            self._has_place = False
            self._network.pool.release()

    def _expire(self) -> None:
        if self._connection is None:
            if self._sock is not None and monotonic() < self._connected_by:
                self._error = TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
                self._step = Exchange._connect_next
                self.advance()
                return
            if self._request.origin.address is None:
                self._network.resolver.forget(self._request.origin.host, self._request.origin.port)
            self._end(Failure(failure.CONNECT_TIMEOUT))
        else:
            self._end(Failure(failure.TIMEOUT))

    # The steps. Each returns true to go on with the next, and false to wait.

    def _take(self) -> bool:
        pool = self._network.pool
        self._connection = pool.take(self._request.origin)
        if self._connection is not None:
            return self._then(Exchange._send_first)
        if pool.reserve():
            self._has_place = True
            return self._then(Exchange._resolve)
        return self._then(Exchange._take_when_woken)

    def _take_when_woken(self) -> bool:
        pool, waker = self._network.pool, self._own_waker()
        waker.drain()
        pool.wait(waker)  # before it looks for a place, so that it misses none
        self._connection = pool.take(self._request.origin)
        if self._connection is not None or pool.reserve():
            pool.stop_waiting(waker)
            self._has_place = self._connection is None
            self._drop_waker(stop_waiting=False)
            return self._then(
                Exchange._send_first if self._connection is not None else Exchange._resolve
            )
        return self._wait(waker.fileno(), IN)

    def _resolve(self) -> bool:
        origin = self._request.origin
        if origin.address is not None:
            family = socket.AF_INET if origin.address.version == 4 else socket.AF_INET6
            self._addresses = [SocketAddress(family, (origin.host, origin.port))]
            return self._then(Exchange._connect_next)
        waker = self._own_waker()
        try:
            self._lookup = self._network.resolver.lookup(origin.host, origin.port, waker)
        except RuntimeError as error:  # no thread can be started
            raise Failure(failure.NAME_NOT_RESOLVED, str(error)) from None
        return self._then(Exchange._resolved)

    def _resolved(self) -> bool:
        lookup = self._lookup
        assert lookup is not None
        if not lookup.is_done:
            return self._wait(self._own_waker().fileno(), IN)
        self._drop_waker()
        if lookup.error is not None:
            raise Failure(failure.NAME_NOT_RESOLVED, failure.cause_of(lookup.error))
        self._addresses = list(lookup.addresses)
        if not self._request.may_be_internal:
            self._addresses = [it for it in lookup.addresses if not is_internal(it.address[0])]
            if lookup.addresses and not self._addresses:
                raise Failure(
                    failure.DENIED,
                    "the name resolves to internal addresses only; allow it without a *",
                )
        return self._then(Exchange._connect_next)

    def _connect_next(self) -> bool:
        """Tries the next address. Each has an equal share of the remaining time."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        origin = self._request.origin
        if not self._addresses:
            if origin.address is None:
                self._network.resolver.forget(origin.host, origin.port)
            is_ipv6 = origin.address is not None and origin.address.version == 6
            raise failure.of_connecting(self._error, is_ipv6)
        now = monotonic()
        self.deadline = now + (self._connected_by - now) / len(self._addresses)
        target = self._addresses.pop(0)
        try:
            self._sock = socket.socket(target.family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = self._sock.connect_ex(target.address)
        except OSError as error:
            self._error = error
            return True
        if code in _IN_PROGRESS:
            self._step = Exchange._connected
            return self._wait(self._sock.fileno(), OUT)
        return self._decide(code)

    def _connected(self) -> bool:
        assert self._sock is not None
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            try:
                self._sock.getpeername()
            except OSError:  # still connecting
                return False
        return self._decide(code)

    def _decide(self, code: int) -> bool:
        if code != 0:
            self._error = OSError(code, os.strerror(code))
            return self._then(Exchange._connect_next)
        self.deadline = self._connected_by
        if self._request.origin.tls:
            return self._then(Exchange._start_tls)
        return self._then(Exchange._opened)

    def _start_tls(self) -> bool:
        assert self._sock is not None
        try:
            self._sock = self._network.tls().wrap_socket(
                self._sock,
                server_hostname=self._request.origin.host.rstrip("."),
                do_handshake_on_connect=False,
                # A connection that ends without the mark of TLS may be cut off.
                suppress_ragged_eofs=False,
            )
        except OSError as error:
            raise failure.of_handshake(error) from None
        except ValueError as error:  # a host that TLS cannot name
            raise Failure(failure.INVALID_REQUEST, f"the host is invalid: {error}") from None
        return self._then(Exchange._handshake)

    def _handshake(self) -> bool:
        sock: Any = self._sock
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            return self._wait(sock.fileno(), IN)
        except ssl.SSLWantWriteError:
            return self._wait(sock.fileno(), OUT)
        except OSError as error:
            raise failure.of_handshake(error) from None
        return self._then(Exchange._opened)

    def _opened(self) -> bool:
        assert self._sock is not None
        self._connection = Connection(self._request.origin, self._sock)
        self._sock = None
        self._has_place = False
        return self._then(Exchange._send_first)

    def _send_first(self) -> bool:
        """Writes the first bytes. Nothing was sent if that fails."""
        request, connection = self._request, self._connection
        assert connection is not None
        self.deadline = self._ends
        is_small = len(request.body) <= _WRITTEN_TOGETHER
        self._unsent = request.head + request.body if is_small else request.head
        self._unsent_body = b"" if is_small else request.body
        try:
            written = connection.sock.send(self._unsent)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            written = 0  # a part of an encrypted record may be on its way
        except BlockingIOError:
            self._step = Exchange._send_first
            return self._wait(connection.sock.fileno(), OUT)
        except OSError as error:
            self._connection = None
            was_idle = connection.is_used
            self._network.pool.close(connection)
            if not was_idle:
                raise Failure(
                    failure.NO_CONNECTION, f"{failure.cause_of(error)} before the request was sent"
                ) from None
            self.deadline = self._connected_by
            return self._then(Exchange._take)
        self._reader = ResponseReader(request.has_no_response_body, request.most_body)
        if written == len(self._unsent) and is_small:
            self._unsent = b""
            self._step = Exchange._receive
            return self._wait(connection.sock.fileno(), IN)
        self._unsent = memoryview(self._unsent)[written:]
        return self._then(Exchange._send_rest)

    def _send_rest(self) -> bool:
        """Writes the remaining bytes. Reads too: a server may respond before it has read all."""
        connection = self._connection
        assert connection is not None
        sock = connection.sock
        events = IN | OUT
        try:
            while len(self._unsent) or self._unsent_body:
                if not len(self._unsent):
                    self._unsent, self._unsent_body = memoryview(self._unsent_body), b""
                written = sock.send(self._unsent)
                self._unsent = self._unsent[written:]
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLWantReadError:
            events = IN
        except OSError:  # the server may have responded before it closed the connection
            self._unsent_body = b""
            return self._then(Exchange._receive)
        if not len(self._unsent):
            return self._then(Exchange._receive)
        if not self._received():
            self.waiting = (sock.fileno(), self.waiting[1] | events)
        return False

    def _receive(self) -> bool:
        self._received()
        return False

    def _received(self) -> bool:
        """Reads all bytes that are there. Returns true if the request has ended."""
        connection, reader = self._connection, self._reader
        assert connection is not None and reader is not None
        self.waiting = (connection.sock.fileno(), IN)
        while monotonic() < self._ends:
            try:
                data = connection.sock.recv(_READ_MORE if reader.has_head else _READ_AT_FIRST)
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            except ssl.SSLWantWriteError:  # a new key of TLS: nothing else may be written before
                self.waiting = (connection.sock.fileno(), OUT)
                return False
            except ssl.SSLEOFError:
                response: Response | None = reader.end(is_orderly=False)
            except OSError as error:
                raise Failure(failure.CONNECTION_LOST, failure.cause_of(error)) from None
            else:
                response = reader.read(data) if data else reader.end(is_orderly=True)
            if response is not None:
                if len(self._unsent):
                    response.is_reusable = False
                self._end(response)
                return True
        return False

    def _then(self, step: Callable[[Exchange], bool]) -> bool:
        self._step = step
        return True

    def _wait(self, fd: int, events: int) -> bool:
        self.waiting = (fd, events)
        return False

    def _own_waker(self) -> Waker:
        if self._waker is None:
            try:
                self._waker = Waker()
            except OSError as error:  # no file is left
                raise Failure(failure.NO_CONNECTION, failure.cause_of(error)) from None
        return self._waker

    def _drop_waker(self, stop_waiting: bool = True) -> None:
        waker, self._waker = self._waker, None
        if waker is not None:
            if stop_waiting and self._step is Exchange._take_when_woken:
                self._network.pool.stop_waiting(waker)
            waker.close()
