"""Tests of every function of the output binding through the typed bindings."""

import json

from dapr_wasm import Binding, Instance, Response, State


def test_operations_are_listed_without_a_configuration(instance: Instance) -> None:
    assert Binding(instance).operations() == ["create"]


def test_ping_finds_the_table(binding: Binding) -> None:
    binding.ping()


def test_create_writes_an_item_that_the_store_reads_back(
    binding: Binding, store: State, key: str
) -> None:
    item = {"key": key, "value": "from the binding", "etag": "1"}
    answer = binding.invoke("create", json.dumps(item).encode(), {"ignored": "by any operation"})
    assert answer == Response(data=None, content_type=None, metadata=[])
    found = store.get(key)
    assert found is not None and (found.value, found.etag) == (b"from the binding", "1")
