"""A forked process may compile, and call where no call was before it; else it is told why not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from embedded_engine import Server

# After so many seconds a process that waits for ever is killed.
PATIENCE = 30

FORKING = """
import os, sys
from wasmtime import Engine
from dapr_wasm import Plugin, State

def started():
    store = State(plugin.instantiate())
    store.init({{"table": "state", "endpoint": sys.argv[2], "accessKey": "id", "secretKey": "key"}})
    return store

plugin = Plugin.from_file(sys.argv[1], Engine())
{before}
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    print({after})
except RuntimeError as error:
    print(error)
"""


class Forking(Protocol):
    """What the child of a process of its own prints, which ends with its parent."""

    def __call__(self, before: str, after: str) -> str: ...


@pytest.fixture
def forking(plugin: Path, server: Server, tmp_path: Path) -> Forking:
    """Nothing compiled is in its cache."""

    def forking(before: str, after: str) -> str:
        program = FORKING.format(before=before, after=after)
        ran = subprocess.Popen(
            [sys.executable, "-c", program, plugin, server.endpoint],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        )
        try:
            printed, _ = ran.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(ran.pid, signal.SIGKILL)
            ran.communicate()
            raise
        assert ran.returncode == 0
        return printed

    return forking


@pytest.mark.parametrize("after", ['store.get("k")', "plugin.instantiate()"])
def test_a_process_forked_after_a_call_is_told_that_it_takes_none(
    forking: Forking, after: str
) -> None:
    assert "start it with the method 'spawn'" in forking("store = started()", after)


@pytest.mark.parametrize("before", ["", "plugin.instantiate()"])
def test_a_process_forked_before_the_first_call_may_call(forking: Forking, before: str) -> None:
    assert forking(before, 'started().get("absent")') == "None\n"


@pytest.mark.parametrize("before", ["", "started()"])
def test_a_process_forked_after_something_was_compiled_may_compile(
    forking: Forking, before: str
) -> None:
    compiled = forking(before, "type(Plugin.from_file(sys.argv[1])).__name__")
    assert compiled == "Plugin\n"
