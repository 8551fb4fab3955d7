"""Provides the interfaces of `dapr-wasm:host` to a component, through wasmtime's C API.

`Linker.add_func` of the package wasmtime converts a list of bytes value by value, which takes
0.5 ms for each KiB. The functions here read and write blocks of memory instead.

wasmtime owns the results of a host function, and frees them. So a result is laid out in memory
of Python first, and copied by `wasmtime_component_val_clone`. Arguments belong to wasmtime. They
are copied before the function returns.

An exception must not cross the C code. `interrupts` defers Ctrl-C until the call of the component
is over. Any other exception ends the call as a trap, and is raised then.
"""

import ctypes
import hashlib
import struct
import zlib
from collections.abc import Callable
from itertools import chain
from time import monotonic
from typing import Any
from weakref import finalize

from wasmtime import Store, WasmtimeError
from wasmtime import _ffi as c
from wasmtime.component import Linker

from .codecs import PAYLOAD_OFFSET, VALUE_SIZE, block_of
from .exchange import Exchange
from .failure import Failure
from .http1 import Response
from .http_client import MOST_BODY, HttpClient
from .polling import poll

HTTP_CLIENT = "dapr-wasm:host/http-client@0.1.0"
DIGEST = "dapr-wasm:host/digest@0.1.0"

# The type of the resource `pending`. It needs to be unique within a linker only.
_PENDING = 1

_U8: int = c.WASMTIME_COMPONENT_U8.value
_U16: int = c.WASMTIME_COMPONENT_U16.value
_U32: int = c.WASMTIME_COMPONENT_U32.value
_U64: int = c.WASMTIME_COMPONENT_U64.value
_STRING: int = c.WASMTIME_COMPONENT_STRING.value
_LIST: int = c.WASMTIME_COMPONENT_LIST.value
_RECORD: int = c.WASMTIME_COMPONENT_RECORD.value
_TUPLE: int = c.WASMTIME_COMPONENT_TUPLE.value
_VARIANT: int = c.WASMTIME_COMPONENT_VARIANT.value
_ENUM: int = c.WASMTIME_COMPONENT_ENUM.value
_OPTION: int = c.WASMTIME_COMPONENT_OPTION.value
_RESULT: int = c.WASMTIME_COMPONENT_RESULT.value
_RESOURCE: int = c.WASMTIME_COMPONENT_RESOURCE.value

# A `wasmtime_component_val_t`: its kind, and a payload of three words. Their meaning:
# string, enum: size, data. list, record, tuple: size, data. variant: size and data of the case,
# payload. option: payload. result: one byte `is_ok`, payload. u16 and so on: the number.
_VALUE = struct.Struct("=B7xQQQ")
_PAIR = struct.Struct("=B7xQQ8xB7xQQ8x")
# A `wasmtime_component_valrecord_entry_t`: the name, and the value.
_ENTRY = struct.Struct("=QQB7xQQQ")
_REQUEST = struct.Struct("=" + 8 * "16xB7xQQQ")
_REQUEST_KINDS = (_STRING, _ENUM, _STRING, _STRING, _LIST, _VARIANT, _U64, _U64)
_DIGEST = struct.Struct("=" + 4 * "B7xQ16x")
_HALVES = struct.Struct(">4Q")
_WORD = struct.Struct("=Q")

assert _VALUE.size == VALUE_SIZE
assert PAYLOAD_OFFSET == 8
assert ctypes.sizeof(c.wasmtime_component_valrecord_entry_t) == _ENTRY.size

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
_Destructor = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_NO_FINALIZER = _Finalizer()


def _c_function(name: str, result: Any, *arguments: Any) -> Any:
    """Returns a function of the C API that takes addresses, and keeps the GIL."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, c.dll))


_clone = _c_function("wasmtime_component_val_clone", None, ctypes.c_void_p, ctypes.c_void_p)
_new_bytes = _c_function(
    "wasm_byte_vec_new", None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
)
_new_list = _c_function(
    "wasmtime_component_vallist_new", None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p
)
_new_error = _c_function("wasmtime_error_new", ctypes.c_void_p, ctypes.c_char_p)
_host_new = _c_function(
    "wasmtime_component_resource_host_new",
    ctypes.c_void_p,
    ctypes.c_bool,
    ctypes.c_uint32,
    ctypes.c_uint32,
)
_host_rep = _c_function("wasmtime_component_resource_host_rep", ctypes.c_uint32, ctypes.c_void_p)
_host_delete = _c_function("wasmtime_component_resource_host_delete", None, ctypes.c_void_p)
_host_to_any = _c_function(
    "wasmtime_component_resource_host_to_any",
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
_any_to_host = _c_function(
    "wasmtime_component_resource_any_to_host",
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)

# As `ctypes.string_at`, in half the time.
_string_at: Callable[[int, int], bytes] = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t
)(("PyBytes_FromStringAndSize", ctypes.pythonapi))


# A longer body is not laid out before it is copied, but copied once.
_COPIED_TWICE = 1 << 16


# The combinations of lengths of header fields that are kept.
_MOST_LAYOUTS = 64


class _OtherTypes(TypeError):
    """The component imports a function of the interface with other types."""

    def __init__(self) -> None:
        super().__init__("the component imports dapr-wasm:host with other types than version 0.1.0")


def _read_data(block: tuple[int, int, int, int]) -> bytes:
    """Reads a `data` from the parts of its value."""
    kind, size, name, payload = block
    if kind != _VARIANT:
        raise _OtherTypes
    case = _string_at(name, size)
    kind, size, address, _ = _VALUE.unpack(_string_at(payload, VALUE_SIZE))
    if case == b"text" and kind == _STRING:
        return _string_at(address, size) if size else b""
    if case != b"bytes" or kind != _LIST:
        raise _OtherTypes
    if not size:
        return b""
    values = _string_at(address, size * VALUE_SIZE)
    if values[::VALUE_SIZE].count(_U8) != size:
        raise _OtherTypes
    return values[PAYLOAD_OFFSET::VALUE_SIZE]


def _read_fields(size: int, address: int) -> list[tuple[bytes, bytes]]:
    if not size:
        return []
    fields = []
    for kind, count, pair, _ in _VALUE.iter_unpack(_string_at(address, size * VALUE_SIZE)):
        if kind != _TUPLE or count != 2:
            raise _OtherTypes
        first, n, name, second, v, value = _PAIR.unpack(_string_at(pair, _PAIR.size))
        if first != _STRING or second != _STRING:
            raise _OtherTypes
        fields.append((_string_at(name, n), _string_at(value, v) if v else b""))
    return fields


class _Results:
    """The memory in which a result is laid out before wasmtime copies it.

    The fixed part has one place for each value of a completion, an outcome, a response or a
    failure, and of a digest. The values that depend on a result follow it: the header fields and
    all texts.
    """

    NAMES = b"indexoutcomestatusheadersbodycrc32textbytes"
    # The places of the values, in bytes.
    OPTION = 0
    COMPLETION = OPTION + _VALUE.size
    COMPLETION_FIELDS = COMPLETION + _VALUE.size
    OUTCOME = COMPLETION_FIELDS + _ENTRY.size + 16
    PAYLOAD = COMPLETION_FIELDS + 2 * _ENTRY.size
    RESPONSE_FIELDS = PAYLOAD + _VALUE.size
    STATUS = RESPONSE_FIELDS + 16
    FIELDS = STATUS + _ENTRY.size
    BODY = FIELDS + _ENTRY.size
    CHECKSUM = BODY + _ENTRY.size
    BODY_DATA = RESPONSE_FIELDS + 4 * _ENTRY.size
    CRC32 = BODY_DATA + _VALUE.size
    CAUSE = CRC32 + _VALUE.size
    DIGEST = CAUSE + _VALUE.size
    DIGEST_FIELDS = DIGEST + _VALUE.size
    NAMES_AT = DIGEST_FIELDS + _DIGEST.size
    FREE = (NAMES_AT + len(NAMES) + 15) & -16

    def __init__(self) -> None:
        self._allocate(4096)

    def _allocate(self, size: int) -> None:
        self._memory = bytearray(size)
        self._fixed = (ctypes.c_char * size).from_buffer(self._memory)  # its address stays
        self._base = base = ctypes.addressof(self._fixed)
        self._size = size
        self._layouts: dict[tuple[int, ...], bytes] = {}
        self._memory[self.NAMES_AT : self.NAMES_AT + len(self.NAMES)] = self.NAMES
        self.option = base + self.OPTION
        self.outcome = base + self.OUTCOME
        self.digest = base + self.DIGEST
        put = self._put
        put(self.COMPLETION, _RECORD, 2, base + self.COMPLETION_FIELDS)
        self._name(self.COMPLETION_FIELDS, b"index")
        self._name(self.COMPLETION_FIELDS + _ENTRY.size, b"outcome")
        self._name(self.RESPONSE_FIELDS, b"status")
        self._name(self.RESPONSE_FIELDS + _ENTRY.size, b"headers")
        self._name(self.RESPONSE_FIELDS + 2 * _ENTRY.size, b"body")
        self._name(self.RESPONSE_FIELDS + 3 * _ENTRY.size, b"crc32")
        put(self.CHECKSUM, _OPTION, base + self.CRC32)
        put(self.DIGEST, _TUPLE, 4, base + self.DIGEST_FIELDS)
        self._text_case = self._address_of(b"text")
        self._bytes_case = self._address_of(b"bytes")

    def _address_of(self, name: bytes) -> int:
        return self._base + self.NAMES_AT + self.NAMES.index(name)

    def _name(self, at: int, name: bytes) -> None:
        struct.pack_into("=QQ", self._memory, at, len(name), self._address_of(name))

    def _put(self, at: int, kind: int, first: int, second: int = 0, third: int = 0) -> None:
        _VALUE.pack_into(self._memory, at, kind, first, second, third)

    def put_nothing(self) -> None:
        self._put(self.OPTION, _OPTION, 0)

    def put_index(self, index: int) -> None:
        self._put(self.OPTION, _OPTION, self._base + self.COMPLETION)
        self._put(self.COMPLETION_FIELDS + 16, _U32, index)

    def put_digest(self, digest: bytes) -> None:
        first, second, third, fourth = _HALVES.unpack(digest)
        _DIGEST.pack_into(
            self._memory,
            self.DIGEST_FIELDS,
            *(_U64, first, _U64, second, _U64, third, _U64, fourth),
        )

    def put_outcome(self, outcome: Response | Failure) -> bytes:
        """Writes an outcome. Returns the body if it must be added to the copy by `_write_body`."""
        if isinstance(outcome, Failure):
            self.put_failure(outcome)
            return b""
        body = outcome.body
        is_text = _is_text(body)
        if is_text and len(body) <= _COPIED_TWICE:
            self.put_response(outcome, is_text, body)
            return b""
        self.put_response(outcome, is_text, b"")
        return body

    def put_failure(self, reason: Failure) -> None:
        case = reason.case.encode()
        cause = (reason.cause or "").encode(errors="replace")
        at = self._make_room(self.FREE, len(case) + len(cause))
        self._memory[at : at + len(case) + len(cause)] = case + cause
        base = self._base
        has_cause = reason.cause is not None
        self._put(self.OUTCOME, _RESULT, 0, base + self.PAYLOAD)
        payload = base + self.CAUSE if has_cause else 0
        self._put(self.PAYLOAD, _VARIANT, len(case), base + at, payload)
        self._put(self.CAUSE, _STRING, len(cause), base + at + len(case))

    def put_response(self, response: Response, is_text: bool, body: bytes) -> None:
        """Writes a response with this body of text, or with an empty list of bytes."""
        fields = response.fields
        count = len(fields)
        parts = [*chain.from_iterable(fields), body]
        texts = b"".join(parts)
        at = self._make_room(self.FREE + count * (VALUE_SIZE + _PAIR.size), len(texts))
        memory, base = self._memory, self._base
        memory[at : at + len(texts)] = texts
        lengths = tuple(map(len, parts[:-1]))
        layout = self._layouts.get(lengths)
        if layout is None:
            layout = self._lay_out(lengths)
        memory[self.FREE : at] = layout
        self._put(self.OUTCOME, _RESULT, 1, base + self.PAYLOAD)
        self._put(self.PAYLOAD, _RECORD, 4, base + self.RESPONSE_FIELDS)
        self._put(self.STATUS, _U16, response.status)
        self._put(self.CRC32, _U32, zlib.crc32(response.body))
        self._put(self.FIELDS, _LIST, count, base + self.FREE)
        data = base + self.BODY_DATA
        if is_text:
            self._put(self.BODY, _VARIANT, 4, self._text_case, data)
            self._put(self.BODY_DATA, _STRING, len(body), base + at + len(texts) - len(body))
        else:
            self._put(self.BODY, _VARIANT, 5, self._bytes_case, data)
            self._put(self.BODY_DATA, _LIST, 0)

    def _lay_out(self, lengths: tuple[int, ...]) -> bytes:
        """Returns the tuples of header fields whose texts have these lengths.

        The responses of a server have few combinations of lengths, so they are kept.
        """
        count = len(lengths) // 2
        pairs = self._base + self.FREE + count * VALUE_SIZE
        tuples = [_VALUE.pack(_TUPLE, 2, pairs + n * _PAIR.size, 0) for n in range(count)]
        address = pairs + count * _PAIR.size
        for name, value in zip(lengths[::2], lengths[1::2], strict=True):
            tuples.append(_PAIR.pack(_STRING, name, address, _STRING, value, address + name))
            address += name + value
        if len(self._layouts) >= _MOST_LAYOUTS:
            self._layouts.clear()
        layout = self._layouts[lengths] = b"".join(tuples)
        return layout

    def _make_room(self, before: int, size: int) -> int:
        """Returns `before`, after which there is room for so many bytes."""
        if before + size > self._size:
            self._allocate(2 * (before + size))
        return before


def _word_at(address: int) -> int:
    (word,) = _WORD.unpack(_string_at(address, _WORD.size))
    return int(word)


def _error(address: int) -> WasmtimeError:
    pointer = ctypes.cast(address, ctypes.POINTER(c.wasmtime_error_t))
    return WasmtimeError._from_ptr(pointer)


def _address(store: Store) -> int:
    """Returns the address of a store's context."""
    return ctypes.cast(store._context(), ctypes.c_void_p).value or 0


def _write_body(outcome: int, body: bytes) -> None:
    """Adds the body to a copied outcome."""
    response = _word_at(outcome + 16)
    fields = _word_at(response + 16)
    data = _word_at(fields + 2 * _ENTRY.size + 16 + 24)
    if _string_at(data, 1)[0] == _STRING:
        _new_bytes(data + PAYLOAD_OFFSET, len(body), body)
    else:
        block = block_of(body)
        owned = (ctypes.c_char * len(block)).from_buffer(block)
        _new_list(data + PAYLOAD_OFFSET, len(body), ctypes.addressof(owned))


def _is_text(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class RunningRequests:
    """The requests of one started component, and what its host functions need."""

    def __init__(self, client: HttpClient, most_body: int) -> None:
        self.client = client
        self.most_body = most_body
        self.results = _Results()
        self.pending: dict[int, Exchange | Failure] = {}
        self._taken: set[int] = set()
        self._last = 0
        self._raised: list[BaseException] = []

    def add(self, started: Exchange | Failure) -> int:
        self._last += 1
        self.pending[self._last] = started
        return self._last

    def drop(self, number: int) -> None:
        self._taken.discard(number)
        dropped = self.pending.pop(number, None)
        if isinstance(dropped, Exchange):
            dropped.close()

    def close(self) -> None:
        """Gives all requests up."""
        for number in list(self.pending):
            self.drop(number)

    def run(self, exchange: Exchange) -> Response | Failure:
        try:
            return exchange.run(self._raised)
        finally:
            exchange.close()

    def wait_any(self, numbers: list[int], until: float) -> tuple[int, Response | Failure] | None:
        """Waits for one of the requests. Drives all requests of the component meanwhile."""
        while True:
            for index, number in enumerate(numbers):
                outcome = self._outcome(number)
                if outcome is not None and number not in self._taken:
                    return index, outcome
            now = monotonic()
            if now >= until:
                return None
            running = [
                it for it in self.pending.values() if isinstance(it, Exchange) and not it.outcome
            ]
            first = min((it.deadline for it in running), default=until)
            ready = poll([it.waiting for it in running], min(first, until) - now, self._raised)
            now = monotonic()
            for exchange in running:
                if exchange.waiting[0] in ready or now >= exchange.deadline:
                    exchange.advance()

    def _outcome(self, number: int) -> Response | Failure | None:
        pending = self.pending.get(number)
        return pending.outcome if isinstance(pending, Exchange) else pending

    def take(self, number: int) -> None:
        """Marks an outcome as taken."""
        self._taken.add(number)

    def keep(self, raised: BaseException) -> None:
        self._raised.append(raised)

    def reraise(self) -> None:
        """Raises what was raised in a host function, once the call of the component is over."""
        if self._raised:
            raised = self._raised[0]
            self._raised.clear()
            raise raised


def _detach(attached: dict[int, RunningRequests], context: int, running: RunningRequests) -> None:
    # Another store may have the address already.
    if attached.get(context) is running:
        del attached[context]
    running.close()


class HostImports:
    """The host functions of one plugin. Add them to its linker, and keep the object alive."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        # By the address of the store's context, which wasmtime passes to each function.
        self._running: dict[int, RunningRequests] = {}
        self._callbacks: list[Any] = []

    def add_to(self, linker: Linker) -> None:
        with linker.root() as root:
            with root.add_instance(HTTP_CLIENT) as interface:
                self._add_resource(interface, b"pending")
                self._add_function(interface, b"send", self._send)
                self._add_function(interface, b"start", self._start)
                self._add_function(interface, b"wait-any", self._wait_any)
            with root.add_instance(DIGEST) as interface:
                self._add_function(interface, b"sha256", self._sha256)

    def attach(self, store: Store, memory_limit: int | None) -> RunningRequests:
        """Prepares a store. Its requests end with `detach`, or when `store` is gone."""
        most_body = MOST_BODY if memory_limit is None else min(MOST_BODY, memory_limit)
        running = RunningRequests(self._client, most_body)
        context = _address(store)
        self._running[context] = running
        finalize(store, _detach, self._running, context, running).atexit = False
        return running

    def detach(self, store: Store, running: RunningRequests) -> None:
        _detach(self._running, _address(store), running)

    def _add_resource(self, interface: Any, name: bytes) -> None:
        def drop(_data: int, context: int, number: int) -> int:
            running = self._running.get(context)
            if running is None:
                return 0
            try:
                running.drop(number)
            except BaseException as raised:
                running.keep(raised)
            return 0

        resource = c.wasmtime_component_resource_type_new_host(_PENDING)
        callback = _Destructor(drop)
        self._callbacks.append(callback)
        error = c.wasmtime_component_linker_instance_add_resource(
            interface.ptr(),
            ctypes.create_string_buffer(name),
            len(name),
            resource,
            ctypes.cast(callback, c.wasmtime_component_resource_destructor_t),
            None,
            _NO_FINALIZER,
        )
        c.wasmtime_component_resource_type_delete(resource)
        if error:
            raise WasmtimeError._from_ptr(error)

    def _add_function(
        self,
        interface: Any,
        name: bytes,
        function: Callable[[RunningRequests, int, int, int], None],
    ) -> None:
        running_by_context = self._running

        def call(
            _data: int, context: int, _type: int, arguments: int, _n: int, results: int, _m: int
        ) -> int:
            running = running_by_context.get(context)
            try:
                if running is None:
                    raise RuntimeError("the instance is closed")
                function(running, context, arguments, results)
            except BaseException as raised:
                if running is not None:
                    running.keep(raised)
                return _new_error(f"dapr-wasm:host: {raised!r}".encode())  # type: ignore[no-any-return]
            return 0

        callback = _Callback(call)
        self._callbacks.append(callback)
        error = c.wasmtime_component_linker_instance_add_func(
            interface.ptr(),
            ctypes.create_string_buffer(name),
            len(name),
            ctypes.cast(callback, c.wasmtime_component_func_callback_t),
            None,
            _NO_FINALIZER,
        )
        if error:
            raise WasmtimeError._from_ptr(error)

    def _begin(self, running: RunningRequests, argument: int) -> Exchange | Failure:
        """Reads a request and starts it."""
        kind, size, entries, _ = _VALUE.unpack(_string_at(argument, VALUE_SIZE))
        if kind != _RECORD or size != 8:
            raise _OtherTypes
        parts = _REQUEST.unpack(_string_at(entries, 8 * _ENTRY.size))
        if parts[::4] != _REQUEST_KINDS:
            raise _OtherTypes
        try:
            return running.client.start(
                _string_at(parts[2], parts[1]),
                _string_at(parts[6], parts[5]) == b"https",
                _string_at(parts[10], parts[9]),
                _string_at(parts[14], parts[13]),
                _read_fields(parts[17], parts[18]),
                _read_data(parts[20:24]),
                parts[25],
                parts[29],
                running.most_body,
            )
        except Failure as reason:
            return reason

    def _send(self, running: RunningRequests, _context: int, arguments: int, results: int) -> None:
        started = self._begin(running, arguments)
        outcome = running.run(started) if isinstance(started, Exchange) else started
        memory = running.results
        body = memory.put_outcome(outcome)
        _clone(memory.outcome, results)
        if body:
            _write_body(results, body)

    def _start(self, running: RunningRequests, context: int, arguments: int, results: int) -> None:
        number = running.add(self._begin(running, arguments))
        host = _host_new(True, number, _PENDING)
        resource = ctypes.c_void_p()
        error = _host_to_any(context, host, ctypes.addressof(resource))
        _host_delete(host)
        if error:
            raise _error(error)
        ctypes.memmove(results, _VALUE.pack(_RESOURCE, resource.value, 0, 0), VALUE_SIZE)

    def _wait_any(
        self, running: RunningRequests, context: int, arguments: int, results: int
    ) -> None:
        kind, size, values, _ = _VALUE.unpack(_string_at(arguments, VALUE_SIZE))
        timeout_kind, timeout, _, _ = _VALUE.unpack(_string_at(arguments + VALUE_SIZE, VALUE_SIZE))
        if kind != _LIST or timeout_kind != _U64:
            raise _OtherTypes
        numbers = []
        block = _string_at(values, size * VALUE_SIZE) if size else b""
        host = ctypes.c_void_p()
        for kind, resource, _, _ in _VALUE.iter_unpack(block):
            if kind != _RESOURCE:
                raise _OtherTypes
            error = _any_to_host(context, resource, ctypes.addressof(host))
            if error:
                raise _error(error)
            numbers.append(_host_rep(host))
            _host_delete(host)
        memory = running.results
        until = monotonic() + timeout * 1e-9
        completed = running.wait_any(numbers, until)
        if completed is None:
            memory.put_nothing()
            _clone(memory.option, results)
            return
        index, outcome = completed
        running.take(numbers[index])
        body = memory.put_outcome(outcome)
        memory.put_index(index)
        _clone(memory.option, results)
        if body:
            completion = _word_at(results + 8)
            _write_body(_word_at(completion + 16) + _ENTRY.size + 16, body)

    def _sha256(
        self, running: RunningRequests, _context: int, arguments: int, results: int
    ) -> None:
        data = _read_data(_VALUE.unpack(_string_at(arguments, VALUE_SIZE)))
        running.results.put_digest(hashlib.sha256(data).digest())
        _clone(running.results.digest, results)
