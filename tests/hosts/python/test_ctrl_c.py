"""Ctrl-C while a call waits: the call goes on to its end, and then it is raised."""

import subprocess
import sys
from pathlib import Path

# Its server answers nothing, and interrupts the program that waits for the answer. The
# component asks it once more when it has waited long enough: this request follows the
# interrupt, whenever that is, and the call is what sends it.
WAITING = """
import os, signal, socket, sys
from threading import Thread
from wasmtime import Engine
from dapr_wasm import Plugin, State

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
silent = socket.create_server(("127.0.0.1", 0))
asking = []

def be_asked_twice():
    asking.append(silent.accept())
    print("asked", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    asking.append(silent.accept())
    print("asked again", flush=True)

instance = Plugin.from_file(sys.argv[1], Engine()).instantiate({
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


def test_ctrl_c_takes_effect_when_the_call_is_over(plugin: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WAITING, plugin],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ran.stdout == "asked\nasked again\ninterrupted\n"
