"""The bindings depend on the contract only, so they work with another component too."""

import pytest
from wasmtime import Engine, WasmtimeError

from dapr_wasm import (
    Binding,
    EtagMismatch,
    FeatureSet,
    Instance,
    Item,
    Plugin,
    Response,
    SetOptions,
    SetRequest,
    State,
    Unsupported,
    plugin,
)
from embedded_engine import built


@pytest.fixture(scope="module")
def memory_store() -> Plugin:
    """Loads `tests/fixtures/memory-store`, which keeps everything in its instance."""
    file = built(
        "MEMORY_STORE_WASM",
        "target/guest/wasm32-wasip2/release/memory_store.wasm",
        "cargo build -p fixtures",
    )
    return Plugin.from_file(file, Engine())


@pytest.fixture
def in_memory(memory_store: Plugin) -> Instance:
    return memory_store.instantiate()


def test_memory_store_returns_stored_items(in_memory: Instance) -> None:
    store = State(in_memory)
    etag = store.set("k", b"\x00\xff", SetOptions(content_type="a/b"))
    assert store.get("k") == Item(b"\x00\xff", etag, "a/b")
    with pytest.raises(EtagMismatch):
        store.set("k", b"", SetOptions(etag="another"))
    assert store.bulk_get(["k", "nothing"]) == [Item(b"\x00\xff", etag, "a/b"), None]


def test_call_with_too_large_results_traps(in_memory: Instance) -> None:
    store = State(in_memory)
    keys = [f"{n}" for n in range(100)]
    for name in keys:
        store.set(name, bytes(30_000))
    most = store.bulk_get(keys[:90])  # 2.7 MB
    assert [item.value for item in most if isinstance(item, Item)] == [bytes(30_000)] * 90
    with pytest.raises(WasmtimeError, match="fuel"):
        store.bulk_get(keys)
    with pytest.raises(WasmtimeError, match="cannot enter component instance"):
        store.get("0")


def test_missing_feature_of_a_store_is_unsupported(in_memory: Instance) -> None:
    store = State(in_memory)
    assert store.features() == FeatureSet.ETAG | FeatureSet.TTL
    assert store.max_transaction_size() == 0
    with pytest.raises(Unsupported):
        store.transact([SetRequest("k", b"v")])


def test_binding_may_respond_with_data(in_memory: Instance) -> None:
    binding = Binding(in_memory)
    assert binding.operations() == ["create", "get"]
    created = binding.invoke("create", b"\x00\xff")
    assert created == Response(b"0", "text/plain", [("name", "0")])
    found = binding.invoke("get", b"", {"name": "0"})
    assert found == Response(b"\x00\xff", "application/octet-stream", [])


def test_memory_store_is_never_restarted(
    memory_store: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "REQUESTS", 1)
    store = State(memory_store.instantiate())
    store.set("k", b"v")
    for _ in range(3):
        assert store.get("k") is not None
