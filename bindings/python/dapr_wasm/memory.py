"""Bytes and text in the memory of wasmtime's C API: as one block, never one by one.

wasmtime's own conversion goes through a list of bytes value by value, which takes
longer than the call itself. What knows the layout of `wasmtime_component_val_t`
is here, in `scalars` and in `compounds`; `wasmtime._ffi` has it from the C header.

Who owns what: a call only reads its arguments (the header says `const`), so their
memory is Python's; ctypes keeps alive what is assigned to a pointer, as long as
the value that it is assigned in. A result belongs to wasmtime, and is freed as a
whole.
"""

import ctypes
from typing import Any

from wasmtime import _ffi as c

Value: Any = c.wasmtime_component_val_t
Entry: Any = c.wasmtime_component_valrecord_entry_t

VALUE_SIZE = ctypes.sizeof(Value)
KIND_OFFSET: int = Value.kind.offset
PAYLOAD_OFFSET: int = Value.of.offset

BytePointer = ctypes.POINTER(ctypes.c_ubyte)

_KIND_OF_A_BYTE = bytes([c.WASMTIME_COMPONENT_U8.value])


def expect(value: Any, kind: Any) -> Any:
    """The payload of a result, if there is one and it is of this kind.

    A component may export the contract's names with types of its own.
    """
    given = value.kind if value is not None else "nothing"
    if given != kind.value:
        raise TypeError(f"the component gave a value of kind {given}, not {kind.value}")
    return value.of


def write_text(text: str, into: Any) -> None:
    """Lets a `wasm_name_t` point to the text."""
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    data = text.encode()
    into.size = len(data)
    into.data = BytePointer.from_buffer(ctypes.c_char_p(data))


def read_text(name: Any) -> str:
    return ctypes.string_at(name.data, name.size).decode()


def write_bytes(data: bytes, into: Any) -> None:
    """Lets a list of values point to the bytes, each as a value of its own."""
    if not isinstance(data, bytes):
        raise TypeError(f"expected bytes, not {type(data).__name__}")
    if not data:
        return
    block = bytearray(len(data) * VALUE_SIZE)
    block[KIND_OFFSET::VALUE_SIZE] = _KIND_OF_A_BYTE * len(data)
    block[PAYLOAD_OFFSET::VALUE_SIZE] = data
    first = Value.from_buffer(block)
    into.size = len(data)
    into.data = ctypes.pointer(first)


def read_bytes(values: Any) -> bytes:
    if not values.size:
        return b""
    block = ctypes.string_at(values.data, values.size * VALUE_SIZE)
    if block[KIND_OFFSET::VALUE_SIZE].count(_KIND_OF_A_BYTE) != values.size:
        raise TypeError("the component gave a list of other values than bytes")
    return block[PAYLOAD_OFFSET::VALUE_SIZE]
