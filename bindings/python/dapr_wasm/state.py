"""A key-value state store with optimistic concurrency, time to live, bulk
calls and transactions: Dapr's state building block.

Scope: one instance of a component holds at most one state store. Two
instances share nothing but the data in the store itself.

Order: a host calls an instance one call after the other. A call that returned
`ok` from a write is durable and visible to every later read with
`consistency.strong`, from any instance; an `eventual` read MAY miss it for
a while.

Keys are UTF-8 strings and MUST NOT be empty. Values are bytes and come
back exactly as they were set. Limits on their size are the store's own;
crossing one is `invalid-argument` (key) or `too-large` (item).

Expired items: an item whose time to live has passed is absent for every
function of this interface and for every condition, whether or not the
store still holds it.

Made by `python -m bindgen` from dapr-wasm:components@0.1.0; do not edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto

from .codecs import (
    BYTES,
    NOTHING,
    S64,
    STRING,
    U32,
    U64,
    LiftsFlags,
    LiftsList,
    LiftsOption,
    LiftsOrRaises,
    LiftsRecord,
    LiftsResult,
    Lowers,
    LowersEnum,
    LowersList,
    LowersOption,
    LowersPairs,
    LowersRecord,
    LowersUnion,
)
from .plugin import Instance
from .types import LIFTS_ERROR, Error


class FeatureSet(Flag):
    """What a store can do beyond get, set and delete."""

    ETAG = auto()
    """Items have ETags; `etag` and `concurrency` are honoured."""
    TRANSACTIONAL = auto()
    """`transact` is atomic."""
    TTL = auto()
    """`ttl` is honoured as the store is configured now."""


class Consistency(Enum):
    """Which writes a read sees."""

    EVENTUAL = "eventual"
    """The read MAY return an older value of the item, or miss a new item."""
    STRONG = "strong"
    """The read sees every write that had returned when the read began."""


class Concurrency(Enum):
    """What happens when an item exists and the call names no ETag."""

    FIRST_WRITE = "first-write"
    """Only the first write wins: the write happens only where the item is
    absent.
    """
    LAST_WRITE = "last-write"
    """The last write wins: the write happens whatever the store holds."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stored item."""

    value: bytes
    """The bytes that were set."""
    etag: str | None = None
    """The version of the item, an opaque string that changes at every
    write and is not given again to a later item of the key. Absent
    where another tool wrote the item without one.
    """
    content_type: str | None = None
    """The media type that was set with the value. Absent where none was."""
    expires_at: int | None = None
    """When the item expires, in seconds since the Unix epoch. Absent where
    it never does or the store is configured without time to live.
    """


@dataclass(frozen=True, slots=True)
class GetOptions:
    """How to read. Absent options are absent fields."""

    consistency: Consistency | None = None
    """Absent: the store's configured default."""


@dataclass(frozen=True, slots=True)
class SetOptions:
    """How to set."""

    etag: str | None = None
    """Write only where the stored item has exactly this ETag; an absent
    item does not have it. An empty string counts as absent.
    """
    concurrency: Concurrency | None = None
    """What to do where `etag` is absent; with an `etag` the ETag alone
    decides. Absent: `last-write`.
    """
    ttl: int | None = None
    """Time to live in seconds from now. Above zero: the item expires then.
    0, -1 or absent: it never does, also where the item that it replaces
    did. Below -1, so far off that the moment fits no s64, or present
    (but for 0 and -1) on a store without the `ttl` feature:
    `invalid-argument`.
    """
    content_type: str | None = None
    """The media type of the value, given back by `get`. Absent: none is
    stored, also where the item that it replaces had one. An empty
    string counts as absent.
    """


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete."""

    etag: str | None = None
    """Delete only where the stored item has exactly this ETag; an absent
    item does not have it. An empty string counts as absent.
    """
    concurrency: Concurrency | None = None
    """Has no effect: with an `etag` the ETag alone decides, and without
    one a delete removes whatever the store holds, as in Dapr. It stands
    here so that a caller can pass on one set of options.
    """


@dataclass(frozen=True, slots=True)
class SetRequest:
    """One set of a bulk call or transaction."""

    key: str
    """The key to write."""
    value: bytes
    """The bytes to store."""
    options: SetOptions | None = None
    """As for `set`."""


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """One delete of a bulk call or transaction."""

    key: str
    """The key to delete."""
    options: DeleteOptions | None = None
    """As for `delete`."""


Operation = SetRequest | DeleteRequest
"""One step of a transaction."""

LOWERS_CONSISTENCY: Lowers[Consistency] = LowersEnum(Consistency)
LOWERS_GET_OPTIONS: Lowers[GetOptions] = LowersRecord(
    GetOptions, consistency=LowersOption(LOWERS_CONSISTENCY)
)
LOWERS_CONCURRENCY: Lowers[Concurrency] = LowersEnum(Concurrency)
LOWERS_SET_OPTIONS: Lowers[SetOptions] = LowersRecord(
    SetOptions,
    etag=LowersOption(STRING),
    concurrency=LowersOption(LOWERS_CONCURRENCY),
    ttl=LowersOption(S64),
    content_type=LowersOption(STRING),
)
LOWERS_DELETE_OPTIONS: Lowers[DeleteOptions] = LowersRecord(
    DeleteOptions, etag=LowersOption(STRING), concurrency=LowersOption(LOWERS_CONCURRENCY)
)
LOWERS_SET_REQUEST: Lowers[SetRequest] = LowersRecord(
    SetRequest, key=STRING, value=BYTES, options=LowersOption(LOWERS_SET_OPTIONS)
)
LOWERS_DELETE_REQUEST: Lowers[DeleteRequest] = LowersRecord(
    DeleteRequest, key=STRING, options=LowersOption(LOWERS_DELETE_OPTIONS)
)
LOWERS_OPERATION: Lowers[Operation] = LowersUnion(
    set=(SetRequest, LOWERS_SET_REQUEST), delete=(DeleteRequest, LOWERS_DELETE_REQUEST)
)
LIFTS_FEATURE_SET = LiftsFlags(
    FeatureSet, etag=FeatureSet.ETAG, transactional=FeatureSet.TRANSACTIONAL, ttl=FeatureSet.TTL
)
LIFTS_ITEM = LiftsRecord(Item, BYTES, LiftsOption(STRING), LiftsOption(STRING), LiftsOption(U64))


class State:
    """The calls of `dapr-wasm:components/state@0.1.0`."""

    INTERFACE = "dapr-wasm:components/state@0.1.0"

    def __init__(self, instance: Instance) -> None:
        self._init: Callable[..., None] = instance.function(
            self.INTERFACE,
            "init",
            (LowersPairs(STRING, STRING),),
            LiftsOrRaises(NOTHING, LIFTS_ERROR),
        )
        self._features: Callable[..., FeatureSet] = instance.function(
            self.INTERFACE, "features", (), LiftsOrRaises(LIFTS_FEATURE_SET, LIFTS_ERROR)
        )
        self._ping: Callable[..., None] = instance.function(
            self.INTERFACE, "ping", (), LiftsOrRaises(NOTHING, LIFTS_ERROR)
        )
        self._get: Callable[..., Item | None] = instance.function(
            self.INTERFACE,
            "get",
            (STRING, LowersOption(LOWERS_GET_OPTIONS)),
            LiftsOrRaises(LiftsOption(LIFTS_ITEM), LIFTS_ERROR),
        )
        self._set: Callable[..., str] = instance.function(
            self.INTERFACE,
            "set",
            (STRING, BYTES, LowersOption(LOWERS_SET_OPTIONS)),
            LiftsOrRaises(STRING, LIFTS_ERROR),
        )
        self._delete: Callable[..., None] = instance.function(
            self.INTERFACE,
            "delete",
            (STRING, LowersOption(LOWERS_DELETE_OPTIONS)),
            LiftsOrRaises(NOTHING, LIFTS_ERROR),
        )
        self._bulk_get: Callable[..., list[Error | Item | None]] = instance.function(
            self.INTERFACE,
            "bulk-get",
            (LowersList(STRING), LowersOption(LOWERS_GET_OPTIONS)),
            LiftsOrRaises(
                LiftsList(LiftsResult(LiftsOption(LIFTS_ITEM), LIFTS_ERROR)), LIFTS_ERROR
            ),
        )
        self._bulk_set: Callable[..., list[Error | str]] = instance.function(
            self.INTERFACE,
            "bulk-set",
            (LowersList(LOWERS_SET_REQUEST),),
            LiftsOrRaises(LiftsList(LiftsResult(STRING, LIFTS_ERROR)), LIFTS_ERROR),
        )
        self._bulk_delete: Callable[..., list[Error | None]] = instance.function(
            self.INTERFACE,
            "bulk-delete",
            (LowersList(LOWERS_DELETE_REQUEST),),
            LiftsOrRaises(LiftsList(LiftsResult(NOTHING, LIFTS_ERROR)), LIFTS_ERROR),
        )
        self._transact: Callable[..., list[str | None]] = instance.function(
            self.INTERFACE,
            "transact",
            (LowersList(LOWERS_OPERATION),),
            LiftsOrRaises(LiftsList(LiftsOption(STRING)), LIFTS_ERROR),
        )
        self._max_transaction_size: Callable[..., int] = instance.function(
            self.INTERFACE, "max-transaction-size", (), U32
        )

    def init(self, metadata: Mapping[str, str] | Collection[tuple[str, str]]) -> None:
        """Configures the store and proves that it can be used, with one cheap
        read.

        A second `init` that succeeds replaces the first; one that fails leaves
        the earlier configuration in force. Before any `init` has succeeded, a
        call configures the store from the environment alone, without that read.

        Errors: `invalid-configuration` (the sentence names the field),
        `not-found` (no such table), `access-denied`, `throttled`, `timeout`,
        `unavailable`, `other`.
        """
        return self._init(metadata)

    def features(self) -> FeatureSet:
        """What this store can do, as it is configured now.

        Errors: `not-initialized`, `invalid-configuration`.
        """
        return self._features()

    def ping(self) -> None:
        """Proves that the store can be reached and used now, with one cheap read.

        Errors: as `init`, and `not-initialized`.
        """
        return self._ping()

    def get(self, key: str, options: GetOptions | None = None) -> Item | None:
        """Reads one item. `none` means that the key is absent or expired: that is
        no error.

        Errors: `invalid-argument` for the key; any that reaching the store can
        have.
        """
        return self._get(key, options)

    def set(self, key: str, value: bytes, options: SetOptions | None = None) -> str:
        """Writes one item, atomically and as a whole: value, content type and time
        to live replace what was there. Returns the new ETag; a store without
        the `etag` feature returns an empty string, and answers a call with an
        ETag or `first-write` with `unsupported`.

        It takes effect once or not at all. Where a component cannot know which,
        since the answer of the store was lost and the item that it was writing
        does not stand there, the call is `timeout` or `unavailable`; the write
        MAY then still happen later. A component MUST NOT send a set again where
        that could replace what another caller wrote meanwhile, unless its
        configuration asks it to.

        Errors: `etag-mismatch` where a condition did not hold;
        `invalid-argument`; `too-large`; any that reaching the store can have.
        """
        return self._set(key, value, options)

    def delete(self, key: str, options: DeleteOptions | None = None) -> None:
        """Deletes one item. Without a condition, deleting an absent key is `ok`.

        It takes effect once or not at all, as a set does. Where the answer of
        the store was lost, nobody can tell who deleted an item that is gone:
        that is `timeout` or `unavailable`.

        Errors: as `set`.
        """
        return self._delete(key, options)

    def bulk_get(
        self, keys: Collection[str], options: GetOptions | None = None
    ) -> list[Error | Item | None]:
        """Reads many items. Result i answers key i, also where a key stands more
        than once. `none` means absent or expired.

        Not atomic: the items may be of different moments. No count is too
        large; no keys give an empty list. Where nothing succeeds for as long as
        one request may take, what is not yet sent is given up as `timeout`.
        An error of the whole call means that
        nothing was asked of the store for a reason that concerns every key; all
        else is told per key.
        """
        return self._bulk_get(keys, options)

    def bulk_set(self, requests: Collection[SetRequest]) -> list[Error | str]:
        """Writes many items. Result i answers request i.

        Not atomic: each request succeeds or fails alone, in any order; but
        requests that name the same key take effect in their order, so the last
        one stands; after one whose outcome is unknown, the others for its key
        are not sent and are `unavailable`. Conditions hold per request, as for
        `set`. No count is too large. Errors of the whole call: as for
        `bulk-get`.
        """
        return self._bulk_set(requests)

    def bulk_delete(self, requests: Collection[DeleteRequest]) -> list[Error | None]:
        """Deletes many items. All that `bulk-set` says holds here."""
        return self._bulk_delete(requests)

    def transact(self, operations: Collection[Operation]) -> list[str | None]:
        """Applies all operations or none, atomically and isolated from every other
        write. Returns the new ETags by position: `some` for a set, `none` for a
        delete. No operations are `ok`.

        Operations on one key take effect in their order, and each sees what the
        one before left. So an ETag on any but the first operation of a key is
        `etag-mismatch`: the caller cannot know the one that was just made.

        A transaction that had to be sent again and found an item in the way of a
        `first-write` is `unavailable`: what was sent before may still arrive, and
        be applied when that item is gone.

        Errors: `etag-mismatch` where any condition did not hold, naming its
        key; `conflict` where another transaction was in the way throughout;
        `invalid-argument` for more than `max-transaction-size` operations and as
        for `set`; `unsupported` without the `transactional` feature;
        `too-large`; any that reaching the store can have.
        """
        return self._transact(operations)

    def max_transaction_size(self) -> int:
        """How many operations one `transact` takes at most. 0 without the
        `transactional` feature. Needs no `init`.
        """
        return self._max_transaction_size()
