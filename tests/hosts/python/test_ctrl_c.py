"""Signals during a call: the call runs to its end, then the handler raises."""

import subprocess
import sys
from pathlib import Path

import pytest

# The server never responds, and interrupts the program that waits for the response. The
# component retries after its timeout. The retry comes after the interrupt in any case, and
# only the call can send it.
WAITING = """
import os, signal, socket, sys
from threading import Thread
from wasmtime import Engine
from dapr_wasm import Plugin, State, engine_config

number = getattr(signal, sys.argv[2])
signal.signal(number, signal.default_int_handler)  # a background job ignores SIGINT otherwise
silent = socket.create_server(("127.0.0.1", 0))
asking = []

def be_asked_twice():
    asking.append(silent.accept())
    print("asked", flush=True)
    os.kill(os.getpid(), number)
    asking.append(silent.accept())
    print("asked again", flush=True)

instance = Plugin.from_file(sys.argv[1], Engine(engine_config())).instantiate({
    "DYNAMODB_TABLE": "state",
    "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{silent.getsockname()[1]}",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
    "AWS_MAX_ATTEMPTS": "2",
    "DYNAMODB_REQUEST_TIMEOUT": "1s",
})
Thread(target=be_asked_twice, daemon=True).start()
try:
    State(instance).get("k")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("signal", ["SIGINT", "SIGALRM", "SIGTERM", "SIGUSR1"])
def test_signal_handler_raises_after_the_call_ends(plugin: Path, signal: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WAITING, plugin, signal],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ran.stdout == "asked\nasked again\ninterrupted\n"
