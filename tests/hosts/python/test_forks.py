"""A forked process may compile. It may call if its parent did not, else an error says why."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from embedded_engine import Server

# The seconds after which a process that hangs is killed.
PATIENCE = 30

FORKING = """
import os, sys
from wasmtime import Engine
from dapr_wasm import Plugin, State, engine_config

def started():
    store = State(plugin.instantiate())
    store.init({{"table": "state", "endpoint": sys.argv[2], "accessKey": "id", "secretKey": "key"}})
    return store

plugin = Plugin.from_file(sys.argv[1], Engine(engine_config()))
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
    """Runs a program that forks, and returns the output of its child."""

    def __call__(self, before: str, after: str) -> str: ...


@pytest.fixture
def forking(plugin: Path, server: Server, tmp_path: Path) -> Forking:
    """Runs the programs with an empty cache."""

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
def test_call_in_a_fork_after_a_call_is_an_error(forking: Forking, after: str) -> None:
    assert "start it with the method 'spawn'" in forking("store = started()", after)


@pytest.mark.parametrize("before", ["", "plugin.instantiate()"])
def test_fork_before_the_first_call_may_call(forking: Forking, before: str) -> None:
    assert forking(before, 'started().get("absent")') == "None\n"


@pytest.mark.parametrize("before", ["", "started()"])
def test_fork_may_compile_after_its_parent_compiled(forking: Forking, before: str) -> None:
    compiled = forking(before, "type(Plugin.from_file(sys.argv[1])).__name__")
    assert compiled == "Plugin\n"
