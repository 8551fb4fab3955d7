"""An instance restarts its component, which has room for a limited number of requests.

Only the portable build needs that: wasmtime keeps the options of each request of wasi:http.
"""

from collections.abc import Iterator

import pytest

from dapr_wasm import Binding, Instance, InvalidConfiguration, Plugin, SetRequest, State, plugin
from embedded_engine import NO_INSTANCE_METADATA, environment_of
from empty_table import EmptyTable, empty_table
from stores import CREDENTIALS, HOSTED, PORTABLE, Stores

MOST = 5


class Asked:
    """Records the requests to the table, and leaves one of them unanswered."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.unanswered: int | None = None

    def __call__(self, body: bytes) -> None:
        self.bodies.append(body)
        if len(self.bodies) == self.unanswered:
            raise ConnectionAbortedError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(plugin, "REQUESTS", MOST)
    return Asked()


@pytest.fixture
def table(asked: Asked) -> Iterator[EmptyTable]:
    with empty_table(asked) as table:
        yield table


@PORTABLE
def test_component_is_restarted_before_its_room_is_used_up(
    stores: Stores, table: EmptyTable, asked: Asked
) -> None:
    store = stores(table.endpoint)  # each configuration sends one request
    calls = 4 * MOST
    for _ in range(calls):
        assert store.get("k") is None
    assert len(asked.bodies) == calls + calls // (MOST - 1)


@PORTABLE
def test_each_key_of_a_bulk_call_counts(stores: Stores, table: EmptyTable, asked: Asked) -> None:
    store = stores(table.endpoint)
    store.bulk_set([SetRequest(f"{n}", b"v") for n in range(MOST - 1)])
    assert len(asked.bodies) == 2
    store.get("k")
    assert len(asked.bodies) == 4


@PORTABLE
def test_store_and_binding_are_both_configured_again(instance: Instance, table: EmptyTable) -> None:
    store, binding = State(instance), Binding(instance)
    for configured in store, binding:
        configured.init({"table": "state", "endpoint": table.endpoint, **CREDENTIALS})
    for _ in range(2 * MOST):
        store.ping()
        binding.ping()


@PORTABLE
def test_refused_configuration_is_not_used_after_a_restart(
    stores: Stores, table: EmptyTable, asked: Asked
) -> None:
    fields = {"table": "first", "endpoint": table.endpoint, **CREDENTIALS}
    store = stores(**fields)
    fields["table"] = "never given"
    with pytest.raises(InvalidConfiguration):
        store.init({"table": ""})
    for _ in range(2 * MOST):
        store.get("k")
    assert all(b'"first"' in body for body in asked.bodies)


@PORTABLE
def test_restarted_component_keeps_its_environment(loaded: Plugin, table: EmptyTable) -> None:
    environment = environment_of(table.endpoint)
    with loaded.instantiate(environment) as instance:
        environment.clear()
        store = State(instance)
        for _ in range(2 * MOST):
            assert store.get("k") is None


@PORTABLE
def test_component_keeps_serving_if_a_restart_fails(
    stores: Stores, table: EmptyTable, asked: Asked
) -> None:
    store = stores(table.endpoint, maxAttempts="1")
    asked.unanswered = MOST + 1  # the first request of the new component
    for _ in range(2 * MOST):
        assert store.get("k") is None


@PORTABLE
def test_closed_instance_is_not_restarted(loaded: Plugin, table: EmptyTable) -> None:
    with loaded.instantiate(NO_INSTANCE_METADATA) as instance:
        store = State(instance)
        store.init({"table": "state", "endpoint": table.endpoint, **CREDENTIALS})
    for _ in range(2 * MOST):
        with pytest.raises(ValueError, match="closed"):
            store.get("k")


@HOSTED
def test_hosted_build_is_never_restarted(stores: Stores, table: EmptyTable, asked: Asked) -> None:
    store = stores(table.endpoint)  # each configuration sends one request
    calls = 4 * MOST
    for _ in range(calls):
        assert store.get("k") is None
    assert len(asked.bodies) == 1 + calls
