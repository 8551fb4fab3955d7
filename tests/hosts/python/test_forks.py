"""A process forked before any call may call; after one, it is told why it may not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedded_engine import REPOSITORY, Server

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


def forking(plugin: Path, server: Server, before: str, after: str) -> str:
    """What the child of a process of its own prints, which ends with its parent."""
    ran = subprocess.Popen(
        [sys.executable, "-c", FORKING.format(before=before, after=after), plugin, server.endpoint],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests/hosts/python")},
    )
    try:
        printed, _ = ran.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(ran.pid, signal.SIGKILL)
        ran.communicate()
        raise
    assert ran.returncode == 0
    return printed


@pytest.mark.parametrize("after", ['store.get("k")', "plugin.instantiate()"])
def test_a_process_forked_after_a_call_is_told_that_it_takes_none(
    plugin: Path, server: Server, after: str
) -> None:
    assert "start it with the method 'spawn'" in forking(plugin, server, "store = started()", after)


@pytest.mark.parametrize("before", ["", "plugin.instantiate()"])
def test_a_process_forked_before_the_first_call_may_call(
    plugin: Path, server: Server, before: str
) -> None:
    assert forking(plugin, server, before, 'started().get("absent")') == "None\n"
