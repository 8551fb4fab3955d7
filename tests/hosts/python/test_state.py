"""Tests of every function of the state store through the typed bindings."""

import time

import pytest

from dapr_wasm import (
    Concurrency,
    Consistency,
    DeleteOptions,
    DeleteRequest,
    EtagMismatch,
    FeatureSet,
    GetOptions,
    InvalidArgument,
    Item,
    SetOptions,
    SetRequest,
    State,
)
from embedded_engine import Server
from stores import Put, Stores

EVERY_BYTE = bytes(range(256))


def value(store: State, key: str) -> bytes | None:
    item = store.get(key, GetOptions(Consistency.STRONG))
    return item.value if item else None


def test_stored_item_is_returned(store: State, key: str) -> None:
    etag = store.set(key, b"new", SetOptions(content_type="text/plain"))
    item = store.get(key)
    assert item is not None
    assert (item.value, item.etag, item.content_type, item.expires_at) == (
        b"new",
        etag,
        "text/plain",
        None,
    )


@pytest.mark.parametrize(
    "data",
    [b"", EVERY_BYTE, EVERY_BYTE * 1024, "bytes that are text: ключ".encode()],
    ids=["none", "every", "256 KiB", "text"],
)
def test_bytes_are_returned_unchanged(store: State, key: str, data: bytes) -> None:
    store.set(key, data)
    assert value(store, key) == data


def test_key_may_be_any_text(store: State, key: str) -> None:
    store.set(f"{key} ключ 🗝", b"found")
    assert value(store, f"{key} ключ 🗝") == b"found"
    assert value(store, key) is None


def test_absent_key_is_none_and_not_an_error(store: State, key: str) -> None:
    assert store.get(key) is None


def test_deleted_item_is_absent(store: State, key: str) -> None:
    store.set(key, b"gone")
    store.delete(key)
    assert value(store, key) is None


def test_stale_etag_refuses_set_and_delete(store: State, key: str) -> None:
    old = store.set(key, b"first")
    store.set(key, b"second", SetOptions(etag=old))
    with pytest.raises(EtagMismatch, match=r"the ETag for key"):
        store.set(key, b"third", SetOptions(etag=old))
    with pytest.raises(EtagMismatch):
        store.delete(key, DeleteOptions(etag=old))
    assert value(store, key) == b"second"


def test_first_write_wins_if_requested(store: State, key: str) -> None:
    first = SetOptions(concurrency=Concurrency.FIRST_WRITE)
    store.set(key, b"first", first)
    with pytest.raises(EtagMismatch):
        store.set(key, b"second", first)
    store.set(key, b"third", SetOptions(concurrency=Concurrency.LAST_WRITE))
    assert value(store, key) == b"third"


def test_item_with_a_ttl_has_an_expiry(store: State, key: str) -> None:
    before = int(time.time())
    store.set(key, b"kept for a while", SetOptions(ttl=3600))
    item = store.get(key)
    assert item is not None and item.expires_at is not None
    assert before + 3600 <= item.expires_at <= int(time.time()) + 3600


def test_expired_item_is_absent(store: State, key: str, put: Put) -> None:
    put(key, {"value": {"S": "old"}, "expiresAt": {"N": str(int(time.time()) - 60)}})
    assert store.get(key) is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_ttl_of_zero_or_minus_one_clears_the_expiry(store: State, key: str, ttl: int) -> None:
    store.set(key, b"kept for a while", SetOptions(ttl=3600))
    store.set(key, b"kept", SetOptions(ttl=ttl))
    item = store.get(key)
    assert item is not None and item.expires_at is None


def test_ttl_needs_the_ttl_attribute_name(stores: Stores, server: Server, key: str) -> None:
    store = stores(server.endpoint)
    assert FeatureSet.TTL not in store.features()
    with pytest.raises(InvalidArgument, match="ttlAttributeName"):
        store.set(key, b"never", SetOptions(ttl=60))


def test_features_depend_on_the_configuration(store: State) -> None:
    assert store.features() == FeatureSet.ETAG | FeatureSet.TRANSACTIONAL | FeatureSet.TTL


def test_ping_finds_the_table(store: State) -> None:
    store.ping()


def test_bulk_results_are_in_request_order(store: State, key: str) -> None:
    keys = [f"{key} {n}" for n in range(130)]  # more than one request to DynamoDB may have
    etags = store.bulk_set([SetRequest(name, name.encode()) for name in keys])
    items = store.bulk_get([*reversed(keys), "nothing"], GetOptions(Consistency.STRONG))
    assert items == [
        *(
            Item(name.encode(), str(etag))
            for name, etag in zip(keys[::-1], etags[::-1], strict=True)
        ),
        None,
    ]
    assert store.bulk_delete([DeleteRequest(name) for name in keys]) == [None] * len(keys)
    assert store.bulk_get(keys, GetOptions(Consistency.STRONG)) == [None] * len(keys)


def test_error_in_a_bulk_call_affects_only_its_key(store: State, key: str) -> None:
    stale = SetOptions(etag="stale")
    set_, refused = store.bulk_set(
        [SetRequest(f"{key} 1", b"a"), SetRequest(f"{key} 2", b"b", stale)]
    )
    assert isinstance(set_, str)
    assert isinstance(refused, EtagMismatch) and f"{key} 2" in refused.message
    found, invalid = store.bulk_get([f"{key} 1", ""])
    assert found == Item(b"a", set_)
    assert isinstance(invalid, InvalidArgument)
    deleted, refused_delete = store.bulk_delete(
        [DeleteRequest(f"{key} 1"), DeleteRequest(f"{key} 2", DeleteOptions(etag="stale"))]
    )
    assert deleted is None
    assert isinstance(refused_delete, EtagMismatch)


def test_empty_bulk_calls_return_empty_lists(store: State) -> None:
    assert store.bulk_get([]) == store.bulk_set([]) == store.bulk_delete([]) == []


def test_transaction_applies_every_operation(store: State, key: str) -> None:
    store.set(f"{key} old", b"old")
    etag, nothing = store.transact([SetRequest(f"{key} new", b"new"), DeleteRequest(f"{key} old")])
    assert nothing is None
    item = store.get(f"{key} new")
    assert item is not None and item.etag == etag
    assert value(store, f"{key} old") is None


class Order(SetRequest):
    """A request type that a program derives."""


def test_request_may_be_of_a_derived_type(store: State, key: str) -> None:
    store.bulk_set([Order(f"{key} 1", b"in bulk")])
    store.transact([Order(f"{key} 2", b"in a transaction")])
    assert value(store, f"{key} 1") == b"in bulk"
    assert value(store, f"{key} 2") == b"in a transaction"


def test_refused_transaction_changes_nothing(store: State, key: str) -> None:
    with pytest.raises(EtagMismatch, match="stale"):
        store.transact(
            [
                SetRequest(f"{key} new", b"new"),
                SetRequest(f"{key} stale", b"new", SetOptions(etag="stale")),
            ]
        )
    assert value(store, f"{key} new") is None


def test_transaction_accepts_at_most_its_maximum_size(store: State, key: str) -> None:
    most = store.max_transaction_size()
    operations = [SetRequest(f"{key} {n}", b"") for n in range(most + 1)]
    assert len(store.transact(operations[:most])) == most
    with pytest.raises(InvalidArgument):
        store.transact(operations)
