"""Codecs between Python values and those of wasmtime's C API.

`Lowers` converts a Python value to an argument, and `Lifts` converts a result to a
Python value. wasmtime checks each argument against the component's own type, and each
codec checks the kind of a result. So a codec for another type raises an error and never
returns garbage. A value of a wrong Python type raises a `TypeError`, and a number out
of range a `ValueError`, before the component is called.

Bytes and text are copied as one block. wasmtime's own conversion copies a list of bytes
value by value, which takes longer than the call itself. Only this module and `host_imports`
depend on the layout of `wasmtime_component_val_t`, which `wasmtime._ffi` takes from the C header.

A call only reads its arguments (they are `const` in the header), so Python owns their
memory. ctypes keeps the target of a pointer alive as long as the value that holds the
pointer. wasmtime owns a result, which is freed as a whole.

An enum is a Python `Enum` and flags are a `Flag`, with the names of the WIT in
their order. An error is an exception: raised when it is the result of the call,
returned when it is in a list of results.
"""

import ctypes
from collections.abc import Callable, Collection, Mapping
from enum import Enum, Flag
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from wasmtime import _ffi as c

T_in = TypeVar("T_in", contravariant=True)
T_out = TypeVar("T_out", covariant=True)
T = TypeVar("T")
S = TypeVar("S")
E = TypeVar("E", bound=Exception)
EnumT = TypeVar("EnumT", bound=Enum)
FlagT = TypeVar("FlagT", bound=Flag)

Value: Any = c.wasmtime_component_val_t
Entry: Any = c.wasmtime_component_valrecord_entry_t

VALUE_SIZE = ctypes.sizeof(Value)
KIND_OFFSET: int = Value.kind.offset
PAYLOAD_OFFSET: int = Value.of.offset

BytePointer = ctypes.POINTER(ctypes.c_ubyte)

_KIND_OF_A_BYTE = bytes([c.WASMTIME_COMPONENT_U8.value])


def expect(value: Any, kind: Any) -> Any:
    """Returns the payload of a result, if there is one and it is of this kind.

    A component may export the contract's names with other types.
    """
    given = value.kind if value is not None else "nothing"
    if given != kind.value:
        raise TypeError(f"the component returned a value of kind {given}, not {kind.value}")
    return value.of


def at(place: str, error: TypeError | ValueError) -> TypeError | ValueError:
    """Returns the error with the place of the value in front of it."""
    if isinstance(error, UnicodeError):  # has no constructor from a sentence
        error.add_note(place)
        return error
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{place}: {error}")


def write_text(text: str, into: Any) -> None:
    """Makes a `wasm_name_t` point to the text."""
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    data = text.encode()
    into.size = len(data)
    into.data = BytePointer.from_buffer(ctypes.c_char_p(data))


def read_text(name: Any) -> str:
    return ctypes.string_at(name.data, name.size).decode()


def block_of(data: bytes) -> bytearray:
    """Returns the memory of a list of values, one for each byte."""
    block = bytearray(len(data) * VALUE_SIZE)
    block[KIND_OFFSET::VALUE_SIZE] = _KIND_OF_A_BYTE * len(data)
    block[PAYLOAD_OFFSET::VALUE_SIZE] = data
    return block


class Lowers(Protocol[T_in]):
    def lower(self, value: T_in, into: Any) -> None: ...


class Lifts(Protocol[T_out]):
    def lift(self, value: Any) -> T_out: ...


class _String:
    def lower(self, value: str, into: Any) -> None:
        into.kind = c.WASMTIME_COMPONENT_STRING
        write_text(value, into.of.string)

    def lift(self, value: Any) -> str:
        return read_text(expect(value, c.WASMTIME_COMPONENT_STRING).string)


class _Bytes:
    """A list of values, one for each byte."""

    def lower(self, value: bytes, into: Any) -> None:
        if not isinstance(value, bytes):
            remedy = "; encode it" if isinstance(value, str) else ""
            raise TypeError(f"expected bytes, not {type(value).__name__}{remedy}")
        into.kind = c.WASMTIME_COMPONENT_LIST
        if not value:
            return
        block = block_of(value)
        into.of.list.size = len(value)
        into.of.list.data = ctypes.pointer(Value.from_buffer(block))

    def lift(self, value: Any) -> bytes:
        values = expect(value, c.WASMTIME_COMPONENT_LIST).list
        if not values.size:
            return b""
        block = ctypes.string_at(values.data, values.size * VALUE_SIZE)
        if block[KIND_OFFSET::VALUE_SIZE].count(_KIND_OF_A_BYTE) != values.size:
            raise TypeError("the component returned a list of other values than bytes")
        return block[PAYLOAD_OFFSET::VALUE_SIZE]


class _S64:
    LEAST = -(2**63)
    GREATEST = 2**63 - 1

    def lower(self, value: int, into: Any) -> None:
        if not isinstance(value, int):
            raise TypeError(f"expected int, not {type(value).__name__}")
        if not self.LEAST <= value <= self.GREATEST:
            raise ValueError(f"{value} does not fit in an s64")
        into.kind = c.WASMTIME_COMPONENT_S64
        into.of.s64 = value


class _U32:
    def lift(self, value: Any) -> int:
        return int(expect(value, c.WASMTIME_COMPONENT_U32).u32)


class _U64:
    def lift(self, value: Any) -> int:
        return int(expect(value, c.WASMTIME_COMPONENT_U64).u64)


class _Nothing:
    """The payload of a result that has none."""

    def lift(self, value: Any) -> None:
        return None


STRING = _String()
BYTES = _Bytes()
S64 = _S64()
U32 = _U32()
U64 = _U64()
NOTHING = _Nothing()


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
        for index, (element, inner) in enumerate(zip(value, elements, strict=True)):
            try:
                self._element.lower(element, inner)
            except (TypeError, ValueError) as error:
                raise at(f"[{index}]", error) from None
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
            raise TypeError(f"the component returned a tuple of {elements.size}, not 2")
        return self._first.lift(elements.data[0]), self._second.lift(elements.data[1])


class LowersPairs(Generic[S, T]):
    """A list of pairs. The Python value is a list of pairs or a mapping."""

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
            try:
                lowers.lower(get(value), entry.val)
            except (TypeError, ValueError) as error:
                raise at(name, error) from None
        into.kind = c.WASMTIME_COMPONENT_RECORD
        into.of.record.size = len(self._fields)
        into.of.record.data = entries


class LiftsRecord(Generic[T]):
    """The fields of a result are in the order of its type."""

    def __init__(self, type_: Callable[..., T], *fields: Lifts[Any]) -> None:
        self._type = type_
        self._fields = fields

    def lift(self, value: Any) -> T:
        record = expect(value, c.WASMTIME_COMPONENT_RECORD).record
        if record.size != len(self._fields):
            raise TypeError(f"the component returned {record.size} fields, not {len(self._fields)}")
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
    """A variant whose payloads are records: the type of the record selects the case."""

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
    """A variant with an exception for each case, whose payload is text or nothing."""

    def __init__(self, **cases: type[E]) -> None:
        self._cases = {_kebab(name): exception for name, exception in cases.items()}

    def lift(self, value: Any) -> E:
        variant = expect(value, c.WASMTIME_COMPONENT_VARIANT).variant
        exception = _named(self._cases, variant.discriminant)
        return exception(STRING.lift(variant.val.contents)) if variant.val else exception()


class LiftsResult(Generic[T, E]):
    """Returns an error."""

    def __init__(self, ok: Lifts[T], error: Lifts[E]) -> None:
        self._ok = ok
        self._error = error

    def lift(self, value: Any) -> T | E:
        result = expect(value, c.WASMTIME_COMPONENT_RESULT).result
        payload = result.val.contents if result.val else None
        return self._ok.lift(payload) if result.is_ok else self._error.lift(payload)


class LiftsOrRaises(Generic[T]):
    """Raises an error."""

    def __init__(self, ok: Lifts[T], error: Lifts[Exception]) -> None:
        self._result = LiftsResult(ok, error)

    def lift(self, value: Any) -> T:
        outcome = self._result.lift(value)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def is_ok(value: Any) -> bool:
    """Returns true if a value is a result that is `ok`."""
    return bool(value.kind == c.WASMTIME_COMPONENT_RESULT.value and value.of.result.is_ok)


def _named(known: Mapping[str, T], name: Any) -> T:
    """Returns the member with a name that the component returned."""
    text = read_text(name)
    if text not in known:
        raise TypeError(f"the component returned {text!r}, not one of {', '.join(known)}")
    return known[text]


def _kebab(name: str) -> str:
    """Returns the WIT name of a Python name. A name that is a keyword has an underscore added."""
    return name.removesuffix("_").replace("_", "-")
