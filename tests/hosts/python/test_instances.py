"""Instances share only the table, threads run in parallel, and a trap ends only one instance."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from wasmtime import Config, Engine, WasmtimeError
from wasmtime.component import Component

from dapr_wasm import Instance, NotFound, NotInitialized, Plugin, State
from dapr_wasm.codecs import U32
from embedded_engine import Server
from empty_table import EmptyTable, empty_table
from stores import CREDENTIALS, Stores

THREADS = 4

# The seconds after which a call that waits for others fails.
PATIENCE = 10

# The seconds for which a test checks that nothing happens.
A_MOMENT = 0.2

COMPUTING = """
(component
  (core module $m
    (func (export "endless") (result i32) (loop (br 0)) unreachable)
    (func (export "short") (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (func $endless (result u32) (canon lift (core func $i "endless")))
  (func $short (result u32) (canon lift (core func $i "short")))
  (instance $computing (export "endless" (func $endless)) (export "short" (func $short)))
  (export "computing" (instance $computing)))
"""


@pytest.fixture
def meeting_point() -> Iterator[EmptyTable]:
    """Holds the reads of the test until every thread has sent one. The reads of `init` pass."""
    arrivals = Barrier(THREADS)

    def meet(asked: bytes) -> None:
        if b"together" in asked:
            arrivals.wait(PATIENCE)

    with empty_table(meet) as table:
        yield table


def test_instances_share_the_table_but_no_configuration(
    stores: Stores, server: Server, loaded: Plugin, key: str
) -> None:
    one, other = stores(server.endpoint), stores(server.endpoint)
    one.set(key, b"of one")
    item = other.get(key)
    assert item is not None and item.value == b"of one"
    with loaded.instantiate() as instance, pytest.raises(NotInitialized):
        State(instance).get(key)


def test_instance_does_not_see_the_process_environment(
    loaded: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYNAMODB_TABLE", "state")
    with loaded.instantiate() as instance, pytest.raises(NotInitialized):
        State(instance).get("k")


def test_component_loads_without_a_writable_cache(tmp_path: Path) -> None:
    file = tmp_path / "empty.wat"
    file.write_text("(component)")
    nowhere = {"HOME": "/proc", "XDG_CACHE_HOME": "/proc", "XDG_CONFIG_HOME": "/proc"}
    program = "import sys; from dapr_wasm import Plugin; Plugin.from_file(sys.argv[1])"
    command = [sys.executable, "-c", program, str(file)]
    subprocess.run(command, env={**os.environ, **nowhere}, check=True)


def test_failed_init_keeps_the_earlier_configuration(
    store: State, server: Server, key: str
) -> None:
    with pytest.raises(NotFound):
        store.init({"table": "nothing-here", "endpoint": server.endpoint, **CREDENTIALS})
    store.set(key, b"in the first table")


def test_threads_with_their_own_instances_wait_in_parallel(
    stores: Stores, meeting_point: EmptyTable
) -> None:
    several = [stores(meeting_point.endpoint, maxAttempts="1") for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(lambda store: store.get("together"), several)) == [None] * THREADS


def test_threads_that_share_an_instance_take_turns(store: State, key: str) -> None:
    keys = [f"{key} {n}" for n in range(50)]

    def set_and_get(name: str) -> bytes | None:
        store.set(name, name.encode())
        item = store.get(name)
        return item.value if item else None

    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(set_and_get, keys)) == [name.encode() for name in keys]


def test_memory_limit_trap_ends_only_its_instance(
    loaded: Plugin, store: State, server: Server, key: str
) -> None:
    with loaded.instantiate(memory_limit=4 * 1024 * 1024) as instance:
        limited = State(instance)
        limited.init({"table": "state", "endpoint": server.endpoint, **CREDENTIALS})
        with pytest.raises(WasmtimeError):
            limited.set(key, bytes(8 * 1024 * 1024))
        with pytest.raises(WasmtimeError, match="cannot enter component instance"):
            limited.get(key)
    assert store.get(key) is None


@pytest.fixture
def computing() -> Iterator[tuple[Engine, Instance]]:
    config = Config()
    config.epoch_interruption = True
    engine = Engine(config)
    with Plugin(engine, Component(engine, COMPUTING)).instantiate(epochs=2) as instance:
        yield engine, instance


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


@contextmanager
def epochs_moving_on(engine: Engine) -> Iterator[None]:
    over = Event()

    def move_on() -> None:
        while not over.is_set():
            engine.increment_epoch()

    clock = Thread(target=move_on)
    clock.start()
    try:
        yield
    finally:
        over.set()
        clock.join()


def test_endless_computation_traps_when_epochs_advance(
    computing: tuple[Engine, Instance],
) -> None:
    engine, instance = computing
    endless = instance.function("computing", "endless", (), U32)
    with epochs_moving_on(engine), pytest.raises(WasmtimeError, match="wasm trap: interrupt"):
        endless()


def test_function_lookup_waits_for_the_running_call(
    computing: tuple[Engine, Instance],
) -> None:
    engine, instance = computing
    endless = instance.function("computing", "endless", (), U32)
    with ThreadPoolExecutor(2) as threads:
        call = threads.submit(endless)
        wait_for(instance._one_call.locked)
        lookup = threads.submit(instance.function, "computing", "short", (), U32)
        try:
            with pytest.raises(TimeoutError):
                lookup.result(timeout=A_MOMENT)
        finally:
            with epochs_moving_on(engine):
                assert isinstance(call.exception(), WasmtimeError)
        lookup.result(timeout=PATIENCE)


def test_epochs_between_calls_do_not_count(computing: tuple[Engine, Instance]) -> None:
    engine, instance = computing
    short = instance.function("computing", "short", (), U32)
    for _ in range(5):
        engine.increment_epoch()
    assert short() == 7


def test_results_do_not_leak(store: State, key: str) -> None:
    store.set(key, bytes(256 * 1024))  # 8 MB as values of wasmtime
    assert growth(lambda: store.get(key)) < 100_000_000  # of the 320 MB that were read


def test_results_of_interrupted_calls_do_not_leak(
    store: State, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set(key, bytes(256 * 1024))
    call = Instance.call

    def interrupted(self: Instance, *arguments: Any) -> None:
        call(self, *arguments)
        raise KeyboardInterrupt

    def get() -> None:
        with pytest.raises(KeyboardInterrupt):
            store.get(key)

    monkeypatch.setattr(Instance, "call", interrupted)
    assert growth(get) < 100_000_000


def growth(of: Callable[[], object]) -> int:
    """Returns the growth of the process in bytes over 40 more calls, after 40 calls to settle."""

    def grown() -> int:
        for _ in range(40):
            of()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    settled = grown()
    return grown() - settled


def test_standard_error_of_the_component_is_visible(
    stores: Stores, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    stores(server.endpoint, colour="green")
    assert "colour" in capfd.readouterr().err


def test_closed_instance_refuses_calls(loaded: Plugin) -> None:
    instance = loaded.instantiate()
    store = State(instance)
    instance.close()
    with pytest.raises(ValueError, match="closed"):
        store.ping()
    with pytest.raises(ValueError, match="closed"):
        State(instance)


def test_missing_directory_is_refused_with_its_path(loaded: Plugin, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(NotADirectoryError, match=str(missing)):
        loaded.instantiate(directories={"/home/me/.aws": missing})


def test_file_that_is_no_component_is_named(tmp_path: Path) -> None:
    file = tmp_path / "text.wasm"
    file.write_text("text")
    with pytest.raises(WasmtimeError, match=f"cannot load {file} as a component"):
        Plugin.from_file(file, Engine())
