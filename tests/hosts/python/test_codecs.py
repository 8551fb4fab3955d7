"""Python values of a wrong type or range are refused before any call."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from wasmtime import Engine
from wasmtime.component import Component

from dapr_wasm import NotFound, Plugin, SetOptions, State
from dapr_wasm.codecs import (
    BYTES,
    STRING,
    U32,
    Lifts,
    LiftsPair,
    LiftsRecord,
    LiftsResult,
    LowersList,
    Value,
)
from dapr_wasm.state import LIFTS_FEATURE_SET
from dapr_wasm.types import LIFTS_ERROR
from embedded_engine import Server
from stores import CREDENTIALS

# A component that exports `state` with functions of types that differ from the contract's.
ANOTHER_CONTRACT = """
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\\10\\00\\00\\00\\01\\00\\00\\00") ;; one text ...
    (data (i32.const 16) "\\18\\00\\00\\00\\02\\00\\00\\00hi") ;; ... of two bytes
    (func (export "seven") (result i32) i32.const 7)
    (func (export "texts") (result i32) i32.const 8)
    (func (export "ok") (result i32) i32.const 0)
    (func (export "three") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $seven (result u32) (canon lift (core func $i "seven")))
  (func $texts (result (list string))
    (canon lift (core func $i "texts") (memory (core memory $i "memory"))))
  (func $ok (result (result)) (canon lift (core func $i "ok")))
  (func $three (result (tuple u32 u32 u32))
    (canon lift (core func $i "three") (memory (core memory $i "memory"))))
  (type $record (record (field "a" u32) (field "b" u32) (field "c" u32)))
  (func $record (result $record)
    (canon lift (core func $i "three") (memory (core memory $i "memory"))))
  (type $case (variant (case "on-fire")))
  (func $case (result $case) (canon lift (core func $i "ok")))
  (type $flags (flags "etag" "magic"))
  (func $flags (result $flags) (canon lift (core func $i "seven")))
  (instance $state
    (export "one-case" (type $case))
    (export "case" (func $case))
    (export "two-flags" (type $flags))
    (export "flags" (func $flags))
    (export "three" (func $three))
    (export "fields" (type $record))
    (export "record" (func $record))
    (export "features" (func $seven))
    (export "texts" (func $texts))
    (export "nothing" (func $ok)))
  (export "dapr-wasm:components/state@0.1.0" (instance $state)))
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((7, b""), "argument 1 of set: expected str, not int"),
        (("k", "text"), "argument 2 of set: expected bytes, not str; encode it"),
        (("k", b"", "etag"), "expected SetOptions, not str"),
        (("k", b"", SetOptions(ttl="1")), "of set: ttl: expected int, not str"),  # type: ignore[arg-type]
        (("k", b"", SetOptions(concurrency="first-write")), "expected Concurrency"),  # type: ignore[arg-type]
    ],
)
def test_value_of_a_wrong_type_is_a_type_error(
    store: State, arguments: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        store.set(*arguments)


@pytest.mark.parametrize("ttl", [2**63, -(2**63) - 1])
def test_number_out_of_range_is_a_value_error(store: State, ttl: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        store.set("k", b"", SetOptions(ttl=ttl))


def test_mapping_may_be_given_as_pairs(store: State, server: Server) -> None:
    fields = {"table": "state", "endpoint": server.endpoint, **CREDENTIALS}
    store.init([("table", "nothing-here"), *fields.items()])  # the last value of a name wins
    with pytest.raises(NotFound, match="nothing-here"):
        store.init([*fields.items(), ("table", "nothing-here")])


def test_wrong_element_of_a_list_is_named(store: State) -> None:
    with pytest.raises(TypeError, match=r"argument 1 of bulk-get: \[1\]: expected str, not int"):
        store.bulk_get(["k", 7])  # type: ignore[list-item]


def test_text_is_not_accepted_as_a_list_of_keys(store: State) -> None:
    with pytest.raises(TypeError, match="expected a list, not str"):
        store.bulk_get("keys")


class Growing(Collection[str]):
    """A collection of one key, with a length that grows each time it is read."""

    def __init__(self) -> None:
        self._asked = 0

    def __len__(self) -> int:
        self._asked += 1
        return self._asked

    def __iter__(self) -> Iterator[str]:
        return iter(["k"])

    def __contains__(self, it: object) -> bool:
        return it == "k"


def test_list_has_the_length_of_its_actual_elements() -> None:
    value = Value()
    LowersList(STRING).lower(Growing(), value)
    assert value.of.list.size == 1


def test_wrong_operation_type_is_a_type_error(store: State) -> None:
    with pytest.raises(TypeError, match="expected SetRequest or DeleteRequest, not tuple"):
        store.transact([("k", b"v")])  # type: ignore[list-item]


@pytest.mark.parametrize("variable", [("DYNAMODB_TABLE", "state\0s"), ("A\0B", "")])
def test_environment_with_a_nul_is_a_value_error(loaded: Plugin, variable: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="has a NUL"):
        loaded.instantiate(dict([variable]))


def test_lone_surrogate_is_refused(store: State) -> None:
    with pytest.raises(UnicodeEncodeError):
        store.set("\ud800", b"")


def test_missing_interface_is_named_in_the_error() -> None:
    engine = Engine()
    empty = Plugin(engine, Component(engine, "(component)"))
    with empty.instantiate() as instance, pytest.raises(LookupError, match="components/state@"):
        State(instance)


def test_missing_function_is_named_in_the_error() -> None:
    engine = Engine()
    partial = Plugin(engine, Component(engine, ANOTHER_CONTRACT))
    with partial.instantiate() as instance, pytest.raises(LookupError, match="no function init"):
        State(instance)


@pytest.mark.parametrize(
    ("name", "expected", "told"),
    [
        ("features", STRING, "a value of kind 6, not 12"),
        ("texts", BYTES, "other values than bytes"),
        ("nothing", LiftsResult(U32, LIFTS_ERROR), "a value of kind nothing"),
        ("three", LiftsPair(U32, U32), "a tuple of 3, not 2"),
        ("case", LIFTS_ERROR, "returned 'on-fire', not one of not-initialized, "),
        ("flags", LIFTS_FEATURE_SET, "returned 'magic', not one of etag, "),
        ("record", LiftsRecord(tuple, U32, U32), "3 fields, not 2"),
    ],
)
def test_result_of_a_wrong_type_is_a_type_error(
    name: str, expected: Lifts[object], told: str
) -> None:
    engine = Engine()
    another = Plugin(engine, Component(engine, ANOTHER_CONTRACT))
    with another.instantiate() as instance:
        function = instance.function(State.INTERFACE, name, (), expected)
        with pytest.raises(TypeError, match=told):
            function()
