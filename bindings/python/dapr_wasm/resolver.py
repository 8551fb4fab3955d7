"""Resolves names without blocking the caller. Concurrent requests for a name share one lookup.

`getaddrinfo` has no time limit, so each lookup has a thread. The thread is a daemon: a program
may exit while a resolver does not respond.
"""

import socket
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import monotonic
from typing import Any

from .polling import Waker

# The seconds for which one lookup serves new connections.
CACHED_FOR = 5.0

# Names that are cached at most. A component may name as many as a wildcard allows.
MOST_NAMES = 256


@dataclass(frozen=True, slots=True)
class SocketAddress:
    family: int
    address: Any


@dataclass(slots=True)
class Lookup:
    """A lookup that runs or has ended."""

    started: float
    is_done: bool = False
    addresses: list[SocketAddress] = field(default_factory=list)
    error: OSError | None = None
    wakers: list[Waker] = field(default_factory=list)


class Resolver:
    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], Lookup] = {}
        self._lock = Lock()

    def lookup(self, host: str, port: int, waker: Waker) -> Lookup:
        """Starts a lookup or shares one. It wakes the waker when it is done."""
        now = monotonic()
        with self._lock:
            found = self._lookups.get((host, port))
            if found is not None and (not found.is_done or now - found.started < CACHED_FOR):
                if not found.is_done:
                    found.wakers.append(waker)
                return found
            if len(self._lookups) >= MOST_NAMES:
                self._lookups = {name: it for name, it in self._lookups.items() if not it.is_done}
            started = self._lookups[host, port] = Lookup(now, wakers=[waker])
        name = f"dapr_wasm: resolve {host}"
        thread = Thread(target=self._resolve, args=(host, port, started), name=name, daemon=True)
        try:
            thread.start()
        except BaseException:
            with self._lock:  # it would never be done
                self._lookups.pop((host, port), None)
                wakers, started.wakers = started.wakers, []
                started.error = OSError("no thread can be started")
                started.is_done = True
            for other in wakers:
                other.wake()
            raise
        return started

    def forget(self, host: str, port: int) -> None:
        """Resolves the name again for the next connection."""
        with self._lock:
            found = self._lookups.get((host, port))
            if found is not None and found.is_done:
                del self._lookups[host, port]

    def _resolve(self, host: str, port: int, lookup: Lookup) -> None:
        addresses: list[SocketAddress] = []
        error: OSError | None = None
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                addresses.append(SocketAddress(family, address))
        except OSError as raised:
            error = raised
        except UnicodeError:  # a label of more than 63 bytes
            error = socket.gaierror(socket.EAI_NONAME, "the name is invalid")
        with self._lock:
            lookup.addresses = addresses
            lookup.error = error
            lookup.is_done = True
            if error is not None:
                self._lookups.pop((host, port), None)
            wakers, lookup.wakers = lookup.wakers, []
        for waker in wakers:
            waker.wake()
