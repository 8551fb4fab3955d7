"""Text, bytes and numbers, each in the directions that the contract uses.

`Lowers` turns a Python value into an argument, `Lifts` a result into a Python
value. wasmtime holds each argument against the component's own type, so a codec
that does not fit makes an error, never nonsense, and each codec holds a result
against its kind. A value of a wrong Python type
is a `TypeError`, a number out of range a `ValueError`, before anything is called.
"""

from typing import Any, Protocol, TypeVar

from wasmtime import _ffi as c

from .memory import expect, read_bytes, read_text, write_bytes, write_text

T_in = TypeVar("T_in", contravariant=True)
T_out = TypeVar("T_out", covariant=True)


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
    def lower(self, value: bytes, into: Any) -> None:
        into.kind = c.WASMTIME_COMPONENT_LIST
        write_bytes(value, into.of.list)

    def lift(self, value: Any) -> bytes:
        return read_bytes(expect(value, c.WASMTIME_COMPONENT_LIST).list)


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
