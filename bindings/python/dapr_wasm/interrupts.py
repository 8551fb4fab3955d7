"""Defers Ctrl-C until the call of a component is over.

Python runs the handler of a signal before the next instruction of Python code. Within a call that
is a host function, whose exceptions cannot cross the C code. So the handler runs after the call,
as it does if a call runs no Python code.
"""

import signal
from importlib import import_module
from threading import get_ident, main_thread
from types import FrameType
from typing import Any

try:
    # The module behind `signal`, without its conversions to enums, which take longer than the rest.
    _signal: Any = import_module("_signal")
except ImportError:
    _signal = signal

_SIGINT = int(signal.SIGINT)


class Deferred:
    """Defers the handler of SIGINT in a `with` block. Other threads receive no signals."""

    __slots__ = ("_frame", "_handler", "_is_raised")

    def __init__(self) -> None:
        self._handler: Any = None
        self._is_raised = False
        self._frame: FrameType | None = None

    def __enter__(self) -> None:
        if get_ident() == main_thread().ident:
            handler = _signal.getsignal(_SIGINT)
            if callable(handler):
                self._handler = handler
                _signal.signal(_SIGINT, self._defer)

    def __exit__(self, *exception: object) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            _signal.signal(_SIGINT, handler)
            if self._is_raised:
                frame, self._frame = self._frame, None
                handler(_SIGINT, frame)

    def _defer(self, _: int, frame: FrameType | None) -> None:
        self._is_raised = True
        self._frame = frame
