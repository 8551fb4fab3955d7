"""Limits of wasmtime's command line, and the options that change them."""

import json
import subprocess
from pathlib import Path

import pytest

from embedded_engine import Server, environment_of
from empty_table import empty_table
from invocation import Invoke, run

# The exit status of an aborted process in a shell: 128 plus SIGABRT.
TRAPPED = 134
# The maximum number of keys of a BatchGetItem.
KEYS_OF_A_REQUEST = 100


@pytest.fixture(scope="session")
def interruptible(wasmtime: Path, composed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("interruptible") / "dapr_dynamodb_cli.cwasm"
    made_for_it = ["-W", "epoch-interruption"]
    subprocess.run([wasmtime, "compile", *made_for_it, "-o", file, composed], check=True)
    return file


def test_call_past_the_deadline_of_wasmtime_traps(
    wasmtime: Path, plugin: Path, silent_endpoint: str
) -> None:
    """The option `-W timeout` also interrupts waiting."""
    environment = environment_of(silent_endpoint)
    answer = run(wasmtime, plugin, environment, "-W", "timeout=200ms", "--invoke", 'get("k")')
    assert (answer.status, answer.out) == (TRAPPED, "")
    assert "timed out after deadline has elapsed" in answer.err


def test_deadline_needs_code_compiled_for_it(
    wasmtime: Path, interruptible: Path, silent_endpoint: str
) -> None:
    environment = environment_of(silent_endpoint)
    limits = ["--allow-precompiled", "-W", "timeout=200ms"]
    ran = run(wasmtime, interruptible, environment, *limits, then=["state", "get", "k"])
    assert (ran.status, ran.out) == (TRAPPED, "")


def test_component_over_its_memory_limit_does_not_start(
    wasmtime: Path, plugin: Path, server: Server
) -> None:
    least = ["-W", "max-memory-size=65536"]
    answer = run(wasmtime, plugin, environment_of(server.endpoint), *least, "--invoke", 'get("k")')
    assert (answer.status, answer.out) == (1, "")
    assert "memory" in answer.err


def test_system_refuses_a_too_long_argument(invoke: Invoke) -> None:
    """Linux limits an argument to 128 KiB. The composed program can read a larger value."""
    value = str(list(bytes(64 * 1024)))
    with pytest.raises(OSError, match="Argument list too long"):
        invoke(f'set("k", {value})')


@pytest.fixture
def large(wasmtime: Path, composed: Path, server: Server, key: str) -> list[str]:
    """Returns the keys of items that together exceed one response."""
    keys = [f"{key} {n}" for n in range(9)]
    lines = "".join(json.dumps({"key": key, "value": "v" * 390_000}) + "\n" for key in keys)
    set_all = ["state", "bulk-set", "--jsonl", "-"]
    written = run(wasmtime, composed, environment_of(server.endpoint), then=set_all, stdin=lines)
    assert (written.status, written.err) == (0, "")
    return keys


def test_large_result_needs_more_fuel_for_hostcalls(
    wasmtime: Path, plugin: Path, server: Server, large: list[str]
) -> None:
    environment = environment_of(server.endpoint)
    call = f"bulk-get({json.dumps(large)})"
    refused = run(wasmtime, plugin, environment, "--invoke", call)
    assert (refused.status, refused.out) == (1, "")
    assert "fuel allocated for hostcalls has been exhausted" in refused.err
    more = ["-S", "hostcall-fuel=1000000000"]
    answer = run(wasmtime, plugin, environment, *more, "--invoke", call)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.count("ok(some({value: [34, 118, ") == len(large)


def test_each_request_has_its_own_connection(wasmtime: Path, composed: Path) -> None:
    keys = [f"absent-{n}" for n in range(3 * KEYS_OF_A_REQUEST)]
    with empty_table() as table:
        environment = environment_of(table.endpoint)
        ran = run(wasmtime, composed, environment, then=["state", "bulk-get", *keys])
        assert (ran.status, ran.err) == (0, "")
        assert table.connections == len(keys) / KEYS_OF_A_REQUEST
