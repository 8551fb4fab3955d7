"""wasmtime's threads, which the first call starts, and which no forked process has.

A call that waits for the network there would wait for ever; it is refused.
"""

import os

_started = False
_left_behind = False


def use() -> None:
    """To be called before whatever starts the threads or needs them."""
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
    global _left_behind
    _left_behind = _started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
