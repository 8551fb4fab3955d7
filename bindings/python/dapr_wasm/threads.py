"""wasmtime's threads, which do not survive a fork: a forked process would wait for them for ever.

The threads that compile start with the first compilation: a forked process compiles
without them. The threads of the network start with the first call: a process that is
forked after it makes no calls.
"""

import os

_started = False
_left_behind = False
_is_forked = False


def forked() -> bool:
    """Returns whether the threads that compile may be missing."""
    return _is_forked


def use() -> None:
    """Must be called before anything that starts or needs the threads of the network."""
    global _started
    check()
    _started = True


def check() -> None:
    if _left_behind:
        raise RuntimeError(
            "wasmtime does not live on in a forked process: start it with the method 'spawn', "
            "or make the first call there"
        )


def _forked() -> None:
    global _left_behind, _is_forked
    _left_behind = _started
    _is_forked = True  # always: a program may compile without this package


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
