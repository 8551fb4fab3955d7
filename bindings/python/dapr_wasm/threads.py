"""wasmtime's threads, which no forked process has, and which it would wait for, for ever.

Those that compile start with the first component that is compiled: a forked process
compiles without them. Those of the network start with the first call: a process that
is forked after it makes none.
"""

import os

_started = False
_left_behind = False
_is_forked = False


def forked() -> bool:
    """Whether the threads that compile may be missing."""
    return _is_forked


def use() -> None:
    """To be called before whatever starts the threads of the network or needs them."""
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
    _is_forked = True  # whatever was compiled before: a program may have done it without us


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
