"""The connections of an `HttpClient`: idle ones by origin, and the number of all open ones.

A connection is idle only after a response was read to its end. An idle connection that the
server has closed is not used again.
"""

import os
import socket
import ssl
from collections import deque
from contextlib import suppress
from threading import RLock
from time import monotonic

from .allow_list import Origin
from .polling import Waker, reader_of


class Connection:
    """An open socket, whose place in the pool is taken until `Pool.keep` or `Pool.close`."""

    __slots__ = ("idle_since", "is_readable", "is_used", "origin", "sock")

    def __init__(self, origin: Origin, sock: socket.socket) -> None:
        self.origin = origin
        self.sock = sock
        self.is_readable = reader_of(sock)
        """Waits for bytes, or for the end of the connection."""
        self.idle_since = 0.0
        self.is_used = False
        """True if a response was read from it."""

    def is_alive(self) -> bool:
        """Returns false if the server has closed the connection, or sent bytes unasked."""
        if not self.is_readable(0):
            return True
        if not isinstance(self.sock, ssl.SSLSocket):
            return False
        # The bytes may be a session ticket of TLS 1.3, which is no data of the connection.
        try:
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False


class Pool:
    def __init__(self, most: int, idle_timeout: float) -> None:
        self._most = most
        self._idle_timeout = idle_timeout
        self._idle: dict[Origin, list[Connection]] = {}
        self._open = 0
        self._expires = 0.0
        """The time before which no idle connection expires."""
        self._waiting: deque[Waker] = deque()
        # The garbage collector may end an instance, and its requests, while this thread holds it.
        self._lock = RLock()
        self._process = os.getpid()

    def take(self, origin: Origin) -> Connection | None:
        """Returns an idle connection that is still open, the most recently used one first."""
        if self._process != os.getpid():
            self._leave_to_parent()
        while True:
            with self._lock:
                now = monotonic()
                expired = self._expired(now) if now >= self._expires else ()
                idle = self._idle.get(origin)
                taken = idle.pop() if idle else None
            for connection in expired:
                self.close(connection)
            if taken is None or taken.is_alive():
                return taken
            self.close(taken)

    def reserve(self) -> bool:
        """Takes a place for another connection. Closes an idle one if there is no other place."""
        with self._lock:
            self._leave_to_parent()
            if self._open < self._most:
                self._open += 1
                return True
            oldest = min(
                (idle[0] for idle in self._idle.values() if idle),
                key=lambda connection: connection.idle_since,
                default=None,
            )
            if oldest is None:
                return False
            self._idle[oldest.origin].remove(oldest)
        oldest.sock.close()
        return True

    def wait(self, waker: Waker) -> None:
        """Wakes the waker when there may be a place or an idle connection, first come first."""
        with self._lock:
            if waker not in self._waiting:
                self._waiting.append(waker)

    def stop_waiting(self, waker: Waker) -> None:
        with self._lock:
            if waker in self._waiting:
                self._waiting.remove(waker)
                return
        self._wake_next()  # this waker was woken for a place that it does not take

    def keep(self, connection: Connection) -> None:
        """Makes a connection idle. Its response was read to its end."""
        if self._idle_timeout <= 0:
            return self.close(connection)
        connection.is_used = True
        connection.idle_since = now = monotonic()
        with self._lock:
            self._idle.setdefault(connection.origin, []).append(connection)
            if not self._expires:
                self._expires = now + self._idle_timeout
        if self._waiting:
            self._wake_next()
        return None

    def close(self, connection: Connection) -> None:
        with suppress(OSError):
            connection.sock.close()
        self.release()

    def release(self) -> None:
        """Returns a place without a connection."""
        with self._lock:
            self._open -= 1
        self._wake_next()

    def close_idle(self) -> None:
        with self._lock:
            self._leave_to_parent()
            idle = [connection for each in self._idle.values() for connection in each]
            self._idle.clear()
        for connection in idle:
            self.close(connection)

    def _wake_next(self) -> None:
        with self._lock:
            waker = self._waiting.popleft() if self._waiting else None
        if waker is not None:
            waker.wake()

    def _expired(self, now: float) -> list[Connection]:
        """Removes the connections that have expired. Looks again when the next one expires."""
        self._leave_to_parent()
        oldest = now - self._idle_timeout
        expired = []
        self._expires = now + self._idle_timeout
        for origin, idle in list(self._idle.items()):
            while idle and idle[0].idle_since <= oldest:
                expired.append(idle.pop(0))
            if idle:
                self._expires = min(self._expires, idle[0].idle_since + self._idle_timeout)
            else:
                del self._idle[origin]
        return expired

    def _leave_to_parent(self) -> None:
        """Drops all connections in a forked process: they belong to its parent."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._idle.clear()
            self._open = 0
