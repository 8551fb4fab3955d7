"""Options, lists, records and the other types of WIT that are made of types.

An enum is a Python `Enum` and flags are a `Flag`, with the names of the WIT in
their order. An error is an exception: raised where it answers the call, given
back where it stands in a list of results.
"""

import ctypes
from collections.abc import Callable, Collection, Mapping
from enum import Enum, Flag
from operator import attrgetter
from typing import Any, Generic, TypeVar

from wasmtime import _ffi as c

from .memory import Entry, Value, expect, read_text, write_text
from .scalars import STRING, Lifts, Lowers

T = TypeVar("T")
S = TypeVar("S")
E = TypeVar("E", bound=Exception)
EnumT = TypeVar("EnumT", bound=Enum)
FlagT = TypeVar("FlagT", bound=Flag)


class LowersOption(Generic[T]):
    def __init__(self, some: Lowers[T]) -> None:
        self._some = some

    def lower(self, value: T | None, into: Any) -> None:
        into.kind = c.WASMTIME_COMPONENT_OPTION
        if value is not None:
            inner = Value()
            self._some.lower(value, inner)
            into.of.option = ctypes.pointer(inner)


class LiftsOption(Generic[T]):
    def __init__(self, some: Lifts[T]) -> None:
        self._some = some

    def lift(self, value: Any) -> T | None:
        some = expect(value, c.WASMTIME_COMPONENT_OPTION).option
        return self._some.lift(some.contents) if some else None


class LowersList(Generic[T]):
    def __init__(self, element: Lowers[T]) -> None:
        self._element = element

    def lower(self, value: Collection[T], into: Any) -> None:
        if isinstance(value, str | bytes) or not isinstance(value, Collection):
            raise TypeError(f"expected a list, not {type(value).__name__}")
        elements = (Value * len(value))()
        for element, inner in zip(value, elements, strict=True):
            self._element.lower(element, inner)
        into.kind = c.WASMTIME_COMPONENT_LIST
        into.of.list.size = len(elements)
        into.of.list.data = elements


class LiftsList(Generic[T]):
    def __init__(self, element: Lifts[T]) -> None:
        self._element = element

    def lift(self, value: Any) -> list[T]:
        elements = expect(value, c.WASMTIME_COMPONENT_LIST).list
        return [self._element.lift(elements.data[i]) for i in range(elements.size)]


class LowersPair(Generic[S, T]):
    def __init__(self, first: Lowers[S], second: Lowers[T]) -> None:
        self._first = first
        self._second = second

    def lower(self, value: tuple[S, T], into: Any) -> None:
        first, second = value
        elements = (Value * 2)()
        self._first.lower(first, elements[0])
        self._second.lower(second, elements[1])
        into.kind = c.WASMTIME_COMPONENT_TUPLE
        into.of.tuple.size = 2
        into.of.tuple.data = elements


class LiftsPair(Generic[S, T]):
    def __init__(self, first: Lifts[S], second: Lifts[T]) -> None:
        self._first = first
        self._second = second

    def lift(self, value: Any) -> tuple[S, T]:
        elements = expect(value, c.WASMTIME_COMPONENT_TUPLE).tuple
        if elements.size != 2:
            raise TypeError(f"the component gave a tuple of {elements.size}, not 2")
        return self._first.lift(elements.data[0]), self._second.lift(elements.data[1])


class LowersPairs(Generic[S, T]):
    """A list of pairs, which a mapping gives as well."""

    def __init__(self, first: Lowers[S], second: Lowers[T]) -> None:
        self._list = LowersList(LowersPair(first, second))

    def lower(self, value: Mapping[S, T] | Collection[tuple[S, T]], into: Any) -> None:
        self._list.lower(value.items() if isinstance(value, Mapping) else value, into)


class LowersRecord(Generic[T]):
    def __init__(self, type_: type[T], **fields: Lowers[Any]) -> None:
        self._type = type_
        self._fields = [(_kebab(name), attrgetter(name), lowers) for name, lowers in fields.items()]
        self._entries = Entry * len(fields)

    def lower(self, value: T, into: Any) -> None:
        if not isinstance(value, self._type):
            raise TypeError(f"expected {self._type.__name__}, not {type(value).__name__}")
        entries = self._entries()
        for (name, get, lowers), entry in zip(self._fields, entries, strict=True):
            write_text(name, entry.name)
            lowers.lower(get(value), entry.val)
        into.kind = c.WASMTIME_COMPONENT_RECORD
        into.of.record.size = len(self._fields)
        into.of.record.data = entries


class LiftsRecord(Generic[T]):
    """The fields of a result stand in the order of its type."""

    def __init__(self, type_: Callable[..., T], *fields: Lifts[Any]) -> None:
        self._type = type_
        self._fields = fields

    def lift(self, value: Any) -> T:
        record = expect(value, c.WASMTIME_COMPONENT_RECORD).record
        if record.size != len(self._fields):
            raise TypeError(f"the component gave {record.size} fields, not {len(self._fields)}")
        entries = record.data
        return self._type(*(lifts.lift(entries[i].val) for i, lifts in enumerate(self._fields)))


class LowersEnum(Generic[EnumT]):
    def __init__(self, type_: type[EnumT]) -> None:
        self._type = type_

    def lower(self, value: EnumT, into: Any) -> None:
        if not isinstance(value, self._type):
            raise TypeError(f"expected {self._type.__name__}, not {type(value).__name__}")
        into.kind = c.WASMTIME_COMPONENT_ENUM
        write_text(value.value, into.of.enumeration)


class LiftsFlags(Generic[FlagT]):
    def __init__(self, type_: type[FlagT], **names: FlagT) -> None:
        self._none = type_(0)
        self._members = {_kebab(name): member for name, member in names.items()}

    def lift(self, value: Any) -> FlagT:
        flags = expect(value, c.WASMTIME_COMPONENT_FLAGS).flags
        lifted = self._none
        for i in range(flags.size):
            lifted |= _named(self._members, flags.data[i])
        return lifted


class LowersUnion(Generic[T]):
    """A variant whose cases have records as payloads: the record names the case."""

    def __init__(self, **cases: tuple[type[T], Lowers[Any]]) -> None:
        self._cases = {type_: (_kebab(name), lowers) for name, (type_, lowers) in cases.items()}

    def lower(self, value: T, into: Any) -> None:
        name, lowers = self._case_of(value)
        inner = Value()
        lowers.lower(value, inner)
        into.kind = c.WASMTIME_COMPONENT_VARIANT
        write_text(name, into.of.variant.discriminant)
        into.of.variant.val = ctypes.pointer(inner)

    def _case_of(self, value: T) -> tuple[str, Lowers[Any]]:
        for type_, case in self._cases.items():
            if isinstance(value, type_):
                return case
        expected = " or ".join(type_.__name__ for type_ in self._cases)
        raise TypeError(f"expected {expected}, not {type(value).__name__}")


class LiftsError(Generic[E]):
    """A variant of which each case has an exception, with text as its payload or none."""

    def __init__(self, **cases: type[E]) -> None:
        self._cases = {_kebab(name): exception for name, exception in cases.items()}

    def lift(self, value: Any) -> E:
        variant = expect(value, c.WASMTIME_COMPONENT_VARIANT).variant
        exception = _named(self._cases, variant.discriminant)
        return exception(STRING.lift(variant.val.contents)) if variant.val else exception()


class LiftsResult(Generic[T, E]):
    """An error is given back."""

    def __init__(self, ok: Lifts[T], error: Lifts[E]) -> None:
        self._ok = ok
        self._error = error

    def lift(self, value: Any) -> T | E:
        result = expect(value, c.WASMTIME_COMPONENT_RESULT).result
        payload = result.val.contents if result.val else None
        return self._ok.lift(payload) if result.is_ok else self._error.lift(payload)


class LiftsOrRaises(Generic[T]):
    """An error is raised."""

    def __init__(self, ok: Lifts[T], error: Lifts[Exception]) -> None:
        self._result = LiftsResult(ok, error)

    def lift(self, value: Any) -> T:
        outcome = self._result.lift(value)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def is_ok(value: Any) -> bool:
    """Whether a value is a result, and `ok`."""
    return bool(value.kind == c.WASMTIME_COMPONENT_RESULT.value and value.of.result.is_ok)


def _named(known: Mapping[str, T], name: Any) -> T:
    """What a name stands for that the component gave."""
    text = read_text(name)
    if text not in known:
        raise TypeError(f"the component gave {text!r}, which is none of {', '.join(known)}")
    return known[text]


def _kebab(name: str) -> str:
    """The name in the WIT; Python's ends in an underscore where it were a keyword without."""
    return name.removesuffix("_").replace("_", "-")
