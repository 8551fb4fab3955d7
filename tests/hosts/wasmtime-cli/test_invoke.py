"""`wasmtime run --invoke` makes every call of the contract, from the environment alone.

Arguments and results are WAVE (https://github.com/bytecodealliance/wasm-tools/tree/main/crates/wasm-wave).
Bytes are lists of numbers. Options at the end and optional fields may be left out, and so
may the `some(…)` around their values. A function name is enough if only one interface has
it. Both interfaces have `init` and `ping`, so these need the interface before the name and
its version after it.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from embedded_engine import Server, environment_of
from invocation import Invoke, run

STATE = "dapr-wasm:components/state.{}@0.1.0"
BINDING = "dapr-wasm:components/binding.{}@0.1.0"
ETAG = r"[0-9a-f]{16}"


def etag_of(answer: str) -> str:
    found = re.fullmatch(rf'ok\("({ETAG})"\)', answer)
    assert found, answer
    return found[1]


@pytest.fixture
def name(key: str) -> str:
    """Returns the test's key in WAVE."""
    return '"' + key.replace('"', "") + '"'


def test_plugin_runs_as_built(wasmtime: Path, plugin: Path, server: Server) -> None:
    answer = run(wasmtime, plugin, environment_of(server.endpoint), "--invoke", 'get("nothing")')
    assert (answer.status, answer.out, answer.err) == (0, "ok(none)", "")


@pytest.mark.parametrize("inherited", [["-S", "inherit-env"], None])
def test_variables_may_come_from_the_shell(
    wasmtime: Path, compiled: Path, server: Server, inherited: list[str] | None
) -> None:
    """Variables of the shell keep secrets out of the list of processes."""
    shell = environment_of(server.endpoint)
    names = inherited or [part for name in shell for part in ("--env", name)]
    call = ["-S", "http", *names, "--allow-precompiled", "--invoke", 'get("nothing")']
    done = subprocess.run(
        [wasmtime, "run", *call, compiled],
        env={**os.environ, **shell},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "ok(none)\n")


def test_stored_item_is_returned(invoke: Invoke, name: str) -> None:
    etag = etag_of(invoke(f"set({name}, [104, 105])").out)
    answer = invoke(f"get({name})")
    assert answer.out == f'ok(some({{value: [104, 105], etag: some("{etag}")}}))'
    assert (answer.status, answer.err) == (0, "")


def test_every_byte_is_returned(invoke: Invoke, name: str) -> None:
    every = str(list(range(256)))
    etag = etag_of(invoke(f"set({name}, {every}, none)").out)
    assert invoke(f"get({name}, none)").out == (
        f'ok(some({{value: {every}, etag: some("{etag}")}}))'
    )


def test_function_can_be_named_with_its_interface(invoke: Invoke, name: str) -> None:
    assert invoke(STATE.format("get") + f"({name})").out == "ok(none)"


def test_options_are_records_with_optional_fields(invoke: Invoke, name: str) -> None:
    before = int(time.time())
    options = '{concurrency: first-write, ttl: 60, content-type: "a/b"}'
    etag = etag_of(invoke(f"set({name}, [1], {options})").out)
    found = re.fullmatch(
        rf'ok\(some\({{value: \[1\], etag: some\("{etag}"\), content-type: some\("a/b"\), '
        r"expires-at: some\((\d+)\)}\)\)",
        invoke(f"get({name}, {{consistency: strong}})").out,
    )
    assert found and before + 60 <= int(found[1]) <= int(time.time()) + 60


def test_options_may_be_written_in_full(invoke: Invoke, name: str) -> None:
    assert invoke(f"get({name}, some({{consistency: some(strong)}}))").out == "ok(none)"
    assert invoke(f"get({name}, none)").out == "ok(none)"


def test_deleted_item_is_absent(invoke: Invoke, name: str) -> None:
    etag = etag_of(invoke(f"set({name}, [])").out)
    assert invoke(f'delete({name}, {{etag: "{etag}"}})').out == "ok"
    assert invoke(f"get({name})").out == "ok(none)"


def test_features_are_flags(invoke: Invoke) -> None:
    assert invoke("features()").out == "ok({etag, transactional, ttl})"


@pytest.mark.parametrize("interface", [STATE, BINDING])
def test_ping_and_empty_init_find_the_table(invoke: Invoke, interface: str) -> None:
    assert invoke(interface.format("ping") + "()").out == "ok"
    assert invoke(interface.format("init") + "([])").out == "ok"


def test_init_accepts_fields_as_pairs(invoke: Invoke) -> None:
    answer = invoke(STATE.format("init") + '([("table", "nothing-here")])')
    assert re.fullmatch(r'err\(not-found\(".*nothing-here.*"\)\)', answer.out)


def test_ambiguous_function_name_is_refused(invoke: Invoke) -> None:
    answer = invoke("ping()")
    assert answer.status == 1
    assert "retry with a more specific name" in answer.err


def test_bulk_results_are_in_request_order(invoke: Invoke, name: str) -> None:
    stale = '{key: "k", value: [2], options: {etag: "stale"}}'
    answer = invoke(f"bulk-set([{{key: {name}, value: [1]}}, {stale}])")
    etag = re.fullmatch(rf'ok\(\[ok\("({ETAG})"\), err\(etag-mismatch\(".*"\)\)\]\)', answer.out)
    assert etag, answer.out
    answer = invoke(f'bulk-get([{name}, "nothing", ""])')
    item = f'{{value: [1], etag: some("{etag[1]}")}}'
    assert answer.out.startswith(f"ok([ok(some({item})), ok(none), err(invalid-argument(")
    assert invoke(f'bulk-delete([{{key: {name}}}, {{key: "nothing"}}])').out == "ok([ok, ok])"


def test_transaction_is_a_list_of_cases(invoke: Invoke, name: str) -> None:
    answer = invoke(f'transact([set({{key: {name}, value: [1]}}), delete({{key: "nothing"}})])')
    assert re.fullmatch(rf'ok\(\[some\("{ETAG}"\), none\]\)', answer.out)
    assert invoke("max-transaction-size()").out == "100"


def test_binding_lists_and_invokes_its_operations(invoke: Invoke, name: str) -> None:
    assert invoke("operations()").out == '["create"]'
    data = list(f'{{"key": {name}, "value": "v"}}'.encode())
    answer = invoke(f'invoke("create", {data}, [("ignored", "by any")])')
    assert answer.out == "ok({metadata: []})"
    assert invoke(f"get({name})").out == f"ok(some({{value: {list(b'v')}}}))"
