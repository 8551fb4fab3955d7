"""Detects forks. wasmtime's threads do not survive a fork: a forked process would wait for them.

The threads that compile start with the first compilation. A forked process compiles
without them. The threads of the network start with the first call. A process that is
forked after that call makes no calls.
"""

import os

_started = False
_left_behind = False
_is_forked = False


def forked() -> bool:
    """Returns true if the threads that compile may be missing."""
    return _is_forked


def use() -> None:
    """Marks the network threads as started. Call it before anything that starts or needs them."""
    global _started
    check()
    _started = True


def check() -> None:
    if _left_behind:
        raise RuntimeError(
            "wasmtime does not work in a process that was forked after a call: start it with the "
            "method 'spawn', or make the first call there"
        )


def _forked() -> None:
    global _left_behind, _is_forked
    _left_behind = _started
    _is_forked = True  # always: a program may compile without this package


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
