"""Defers the handlers of signals until the call of a component is over.

Python runs the handler of a signal before the next instruction of Python code. Within a call that
is a host function, whose exceptions cannot cross the C code: the call would trap. So the handler
runs after the call, as it does if a call runs no Python code.
"""

import signal
from importlib import import_module
from threading import get_ident, main_thread
from typing import Any

try:
    # The module behind `signal`, without its conversions to enums, which take longer than the rest.
    _signal: Any = import_module("_signal")
except ImportError:
    _signal = signal

# The signals that programs handle. RQ ends jobs with SIGALRM, and Celery with SIGUSR1.
_NAMES = (
    "SIGINT",
    "SIGTERM",
    "SIGALRM",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGCHLD",
    "SIGVTALRM",
    "SIGPROF",
    "SIGXCPU",
    "SIGBREAK",
)
_SIGNALS = [int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)]


class Deferred:
    """Defers the handlers of signals in a `with` block. Other threads receive no signals."""

    __slots__ = ("_handlers", "_received")

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._received: list[int] = []

    def __enter__(self) -> None:
        if get_ident() != main_thread().ident:
            return
        try:
            for number in _SIGNALS:
                handler = _signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    _signal.signal(number, self._defer)
        except BaseException:  # of a handler that was not deferred yet
            self._restore()
            raise

    def __exit__(self, *exception: object) -> None:
        self._restore()
        self._deliver()

    def _restore(self) -> None:
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            _signal.signal(number, handler)

    def _deliver(self) -> None:
        """Runs the handlers of the signals that came, also if one of them raises."""
        if not self._received:
            return
        try:
            _signal.raise_signal(self._received.pop(0))
        finally:
            self._deliver()

    def _defer(self, number: int, _: object) -> None:
        if number not in self._received:
            self._received.append(number)
