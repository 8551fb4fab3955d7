"""Tests that each error of the contract is the exception with its name, and none is a trap."""

from collections.abc import Callable

import pytest

from dapr_wasm import (
    AccessDenied,
    Binding,
    Conflict,
    Error,
    EtagMismatch,
    Instance,
    InvalidArgument,
    InvalidConfiguration,
    NotFound,
    NotInitialized,
    Other,
    Plugin,
    SetOptions,
    SetRequest,
    State,
    Throttled,
    Timeout,
    TooLarge,
    Unavailable,
    Unsupported,
)
from embedded_engine import Faults, Server, environment_of
from stores import CREDENTIALS, Put, Stores

# Short limits for a response that never comes.
SHORT = {"requestTimeout": "200ms", "connectTimeout": "200ms", "maxAttempts": "1"}


def test_call_before_any_configuration_is_not_initialized(instance: Instance) -> None:
    with pytest.raises(NotInitialized) as raised:
        State(instance).get("k")
    assert (raised.value.case, raised.value.message) == ("not-initialized", "")
    with pytest.raises(NotInitialized):
        Binding(instance).ping()


def test_missing_field_is_an_invalid_configuration(instance: Instance) -> None:
    with pytest.raises(InvalidConfiguration, match="region"):
        State(instance).init({"table": "state", **CREDENTIALS})
    with pytest.raises(InvalidConfiguration, match="table"):
        Binding(instance).init({})


def test_empty_key_is_an_invalid_argument(store: State) -> None:
    with pytest.raises(InvalidArgument, match="key"):
        store.get("")


def test_wrong_etag_is_an_etag_mismatch(store: State, key: str) -> None:
    with pytest.raises(EtagMismatch, match="does not match the stored item") as raised:
        store.set(key, b"", SetOptions(etag="another"))
    assert str(raised.value) == f"etag-mismatch: {raised.value.message}"


def test_missing_table_is_not_found(stores: Stores, server: Server) -> None:
    with pytest.raises(NotFound, match="nothing-here"):
        stores(server.endpoint, table="nothing-here")


def test_item_over_the_limit_is_too_large(store: State, key: str) -> None:
    with pytest.raises(TooLarge):
        store.set(key, bytes(400 * 1024))


def test_unknown_operation_is_unsupported(binding: Binding) -> None:
    with pytest.raises(Unsupported, match="create"):
        binding.invoke("drop", b"{}")


def test_invalid_data_is_an_invalid_argument(binding: Binding) -> None:
    with pytest.raises(InvalidArgument):
        binding.invoke("create", b"[1]")


def test_foreign_item_without_a_value_is_other(store: State, key: str, put: Put) -> None:
    put(key, {"colour": {"S": "green"}})
    with pytest.raises(Other, match="value"):
        store.get(key)


Call = Callable[[State], object]


def error(operation: str, name: str, more: str = "") -> str:
    return f'operation = "{operation}"\naction = "error"\nerror = "{name}"\n{more}'


@pytest.mark.parametrize(
    ("exception", "call", "fault"),
    [
        (
            AccessDenied,
            lambda store: store.delete("k"),
            error("DeleteItem", "AccessDeniedException"),
        ),
        (
            Throttled,
            lambda store: store.set("k", b"v"),
            error("PutItem", "ProvisionedThroughputExceededException"),
        ),
        (
            Conflict,
            lambda store: store.transact([SetRequest("k", b"v")]),
            error(
                "TransactWriteItems",
                "TransactionCanceledException",
                'reasons = ["TransactionConflict"]',
            ),
        ),
        (
            Unavailable,
            lambda store: store.set("k", b"v"),
            error("PutItem", "InternalServerError", "status = 500"),
        ),
        (
            Unavailable,
            lambda store: store.delete("k"),
            'operation = "DeleteItem"\naction = "reset"\nafter-effect = true',
        ),
        (
            Timeout,
            lambda store: store.delete("k"),
            'operation = "DeleteItem"\naction = "withhold"\nafter-effect = true',
        ),
    ],
    ids=["access", "throttled", "conflict", "server fault", "reset", "withheld"],
)
def test_each_server_fault_raises_its_exception(
    stores: Stores, faults: Faults, exception: type[Error], call: Call, fault: str
) -> None:
    store = stores(faults(f"[[fault]]\n{fault}\n").endpoint, **SHORT)
    with pytest.raises(exception):
        call(store)
    assert store.get("nothing") is None  # the instance keeps working


def test_endpoint_without_a_listener_is_unavailable(stores: Stores, dead_endpoint: str) -> None:
    with pytest.raises(Unavailable):
        stores(dead_endpoint, maxAttempts="1")


def test_server_that_never_responds_is_a_timeout(stores: Stores, silent_endpoint: str) -> None:
    with pytest.raises(Timeout):
        stores(silent_endpoint, **SHORT)


def test_environment_configures_a_store_without_init(
    loaded: Plugin, server: Server, key: str
) -> None:
    with loaded.instantiate(environment_of(server.endpoint)) as instance:
        State(instance).set(key, b"without init")
        item = State(instance).get(key)
    assert item is not None and item.value == b"without init"
