"""Every function of the state store, called through the typed bindings."""

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


def test_what_is_set_is_got(store: State, key: str) -> None:
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
def test_bytes_come_back_as_they_were_set(store: State, key: str, data: bytes) -> None:
    store.set(key, data)
    assert value(store, key) == data


def test_a_key_may_be_any_text(store: State, key: str) -> None:
    store.set(f"{key} ключ 🗝", b"found")
    assert value(store, f"{key} ключ 🗝") == b"found"
    assert value(store, key) is None


def test_an_absent_key_is_none_and_no_error(store: State, key: str) -> None:
    assert store.get(key) is None


def test_a_deleted_item_is_absent(store: State, key: str) -> None:
    store.set(key, b"gone")
    store.delete(key)
    assert value(store, key) is None


def test_an_etag_that_was_replaced_refuses_the_set_and_the_delete(store: State, key: str) -> None:
    old = store.set(key, b"first")
    store.set(key, b"second", SetOptions(etag=old))
    with pytest.raises(EtagMismatch, match=r"the ETag given for key"):
        store.set(key, b"third", SetOptions(etag=old))
    with pytest.raises(EtagMismatch):
        store.delete(key, DeleteOptions(etag=old))
    assert value(store, key) == b"second"


def test_the_first_write_wins_where_it_is_asked_for(store: State, key: str) -> None:
    first = SetOptions(concurrency=Concurrency.FIRST_WRITE)
    store.set(key, b"first", first)
    with pytest.raises(EtagMismatch):
        store.set(key, b"second", first)
    store.set(key, b"third", SetOptions(concurrency=Concurrency.LAST_WRITE))
    assert value(store, key) == b"third"


def test_an_item_with_a_time_to_live_says_when_it_expires(store: State, key: str) -> None:
    before = int(time.time())
    store.set(key, b"kept for a while", SetOptions(ttl=3600))
    item = store.get(key)
    assert item is not None and item.expires_at is not None
    assert before + 3600 <= item.expires_at <= int(time.time()) + 3600


def test_an_expired_item_is_absent(store: State, key: str, put: Put) -> None:
    put(key, {"value": {"S": "old"}, "expiresAt": {"N": str(int(time.time()) - 60)}})
    assert store.get(key) is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_time_to_live_of_none_clears_the_one_before(store: State, key: str, ttl: int) -> None:
    store.set(key, b"kept for a while", SetOptions(ttl=3600))
    store.set(key, b"kept", SetOptions(ttl=ttl))
    item = store.get(key)
    assert item is not None and item.expires_at is None


def test_a_time_to_live_needs_the_name_of_its_attribute(
    stores: Stores, server: Server, key: str
) -> None:
    store = stores(server.endpoint)
    assert FeatureSet.TTL not in store.features()
    with pytest.raises(InvalidArgument, match="ttlAttributeName"):
        store.set(key, b"never", SetOptions(ttl=60))


def test_the_features_are_those_of_the_configuration(store: State) -> None:
    assert store.features() == FeatureSet.ETAG | FeatureSet.TRANSACTIONAL | FeatureSet.TTL


def test_a_ping_finds_the_table(store: State) -> None:
    store.ping()


def test_bulk_calls_answer_each_request_at_its_position(store: State, key: str) -> None:
    keys = [f"{key} {n}" for n in range(130)]  # more than one request of DynamoDB takes
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


def test_an_error_in_a_bulk_call_is_of_its_key_alone(store: State, key: str) -> None:
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


def test_bulk_calls_of_nothing_are_empty(store: State) -> None:
    assert store.bulk_get([]) == store.bulk_set([]) == store.bulk_delete([]) == []


def test_a_transaction_happens_as_a_whole(store: State, key: str) -> None:
    store.set(f"{key} old", b"old")
    etag, nothing = store.transact([SetRequest(f"{key} new", b"new"), DeleteRequest(f"{key} old")])
    assert nothing is None
    item = store.get(f"{key} new")
    assert item is not None and item.etag == etag
    assert value(store, f"{key} old") is None


class Order(SetRequest):
    """A request of a program's own type."""


def test_a_request_may_be_of_a_type_made_of_the_contracts(store: State, key: str) -> None:
    store.bulk_set([Order(f"{key} 1", b"in bulk")])
    store.transact([Order(f"{key} 2", b"in a transaction")])
    assert value(store, f"{key} 1") == b"in bulk"
    assert value(store, f"{key} 2") == b"in a transaction"


def test_a_refused_transaction_changes_nothing(store: State, key: str) -> None:
    with pytest.raises(EtagMismatch, match="stale"):
        store.transact(
            [
                SetRequest(f"{key} new", b"new"),
                SetRequest(f"{key} stale", b"new", SetOptions(etag="stale")),
            ]
        )
    assert value(store, f"{key} new") is None


def test_a_transaction_takes_so_many_operations_and_no_more(store: State, key: str) -> None:
    most = store.max_transaction_size()
    operations = [SetRequest(f"{key} {n}", b"") for n in range(most + 1)]
    assert len(store.transact(operations[:most])) == most
    with pytest.raises(InvalidArgument):
        store.transact(operations)
