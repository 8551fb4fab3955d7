"""Waits for sockets in the calling thread, and wakes it from other threads."""

import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

IN = 1
OUT = 2

# A longer wait than any poll may have. `poll` takes an `int` of milliseconds.
_LONGEST = 24 * 3600.0

Waiting = tuple[int, int]
"""A file descriptor, and the events `IN` or `OUT` that it waits for."""


def poll(waiting: Sequence[Waiting], seconds: float, interrupts: list[BaseException]) -> set[int]:
    """Waits for one of the sockets. Returns the file descriptors that are ready, or none.

    May return early. The handler of a signal may raise an exception here. It is added to
    `interrupts`, because it must not end the call of the component.
    """
    try:
        return _poll(waiting, bounded(seconds))
    except BaseException as raised:
        interrupts.append(raised)
        return set()


def bounded(seconds: float) -> float:
    return min(seconds, _LONGEST) if seconds > 0 else 0.0


if hasattr(select, "poll"):
    _EVENTS = {IN: select.POLLIN, OUT: select.POLLOUT, IN | OUT: select.POLLIN | select.POLLOUT}

    def _poll(waiting: Sequence[Waiting], seconds: float) -> set[int]:
        poller = select.poll()
        for fd, events in waiting:
            poller.register(fd, _EVENTS[events])
        return {fd for fd, _ in poller.poll(seconds * 1000)}

else:

    def _poll(waiting: Sequence[Waiting], seconds: float) -> set[int]:
        if not waiting:  # an error on Windows
            time.sleep(seconds)
            return set()
        readers = [fd for fd, events in waiting if events & IN]
        writers = [fd for fd, events in waiting if events & OUT]
        # Windows reports a connection that failed as exceptional.
        ready = select.select(readers, writers, writers, seconds)
        return set().union(*ready)


def reader_of(sock: socket.socket) -> Callable[[float], bool]:
    """Returns a function that waits so many seconds for bytes of the socket, or for its end."""
    fd = sock.fileno()
    if not hasattr(select, "poll"):
        return lambda seconds: bool(_poll([(fd, IN)], seconds))
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    poll = poller.poll
    return lambda seconds: bool(poll(seconds * 1000))


class Waker:
    """Wakes a thread that polls it. Any thread may wake it, any number of times."""

    def __init__(self) -> None:
        self._reads, self._writes = socket.socketpair()
        self._reads.setblocking(False)
        self._writes.setblocking(False)

    def fileno(self) -> int:
        return self._reads.fileno()

    def wake(self) -> None:
        with suppress(OSError):  # full: it is awake already; closed: nobody polls it
            self._writes.send(b"\0")

    def drain(self) -> None:
        """Forgets that it was woken."""
        with suppress(BlockingIOError):
            while self._reads.recv(64):
                pass

    def close(self) -> None:
        self._reads.close()
        self._writes.close()
