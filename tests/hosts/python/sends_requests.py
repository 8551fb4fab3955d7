"""A component that passes requests on to `dapr-wasm:host`, called by tests of the HTTP client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from wasmtime import Engine
from wasmtime import _ffi as c
from wasmtime.component import Component

from dapr_wasm import HttpClient, Instance, Plugin, engine_config
from dapr_wasm.codecs import (
    BYTES,
    STRING,
    U32,
    U64,
    LiftsList,
    LiftsOption,
    LiftsPair,
    LiftsRecord,
    LiftsResult,
    Lowers,
    LowersEnum,
    LowersList,
    LowersPair,
    LowersRecord,
    LowersUnion,
    expect,
    read_text,
)

SOURCE = Path(__file__).with_name("sends_requests.wat")

SECOND = 1_000_000_000


class Scheme(Enum):
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True)
class Request:
    authority: str
    method: str = "POST"
    scheme: Scheme = Scheme.HTTP
    path_with_query: str = "/"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str | bytes = b""
    connect_timeout: int = 10 * SECOND
    timeout: int = 10 * SECOND


@dataclass(frozen=True)
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    crc32: int | None


class Failed(Exception):
    """A failure: its case, and its cause if it has one."""

    def __init__(self, case: str, cause: str | None) -> None:
        super().__init__(case, cause)
        self.case = case
        self.cause = cause


@dataclass(frozen=True)
class Completion:
    index: int
    outcome: Response | Failed


class _Number:
    def __init__(self, kind: Any, name: str) -> None:
        self._kind = kind
        self._name = name

    def lower(self, value: int, into: Any) -> None:
        into.kind = self._kind
        setattr(into.of, self._name, value)

    def lift(self, value: Any) -> int:
        return int(getattr(expect(value, self._kind), self._name))


class _Data:
    """The bytes of a `data`. The case is in `seen`."""

    seen: str = ""

    def lift(self, value: Any) -> bytes:
        variant = expect(value, c.WASMTIME_COMPONENT_VARIANT).variant
        _Data.seen = read_text(variant.discriminant)
        payload = variant.val.contents
        return STRING.lift(payload).encode() if _Data.seen == "text" else BYTES.lift(payload)


class _Failure:
    def lift(self, value: Any) -> Failed:
        variant = expect(value, c.WASMTIME_COMPONENT_VARIANT).variant
        cause = STRING.lift(variant.val.contents) if variant.val else None
        return Failed(read_text(variant.discriminant), cause)


_U16 = _Number(c.WASMTIME_COMPONENT_U16, "u16")
_LOWERS_U32 = _Number(c.WASMTIME_COMPONENT_U32, "u32")
_LOWERS_U64 = _Number(c.WASMTIME_COMPONENT_U64, "u64")
_LOWERS_DATA: Lowers[Any] = LowersUnion(text=(str, STRING), bytes=(bytes, BYTES))
_LOWERS_REQUEST: Lowers[Request] = LowersRecord(
    Request,
    method=STRING,
    scheme=LowersEnum(Scheme),
    authority=STRING,
    path_with_query=STRING,
    headers=LowersList(LowersPair(STRING, STRING)),
    body=_LOWERS_DATA,
    connect_timeout=_LOWERS_U64,
    timeout=_LOWERS_U64,
)
_LIFTS_OUTCOME: LiftsResult[Response, Failed] = LiftsResult(
    LiftsRecord(Response, _U16, LiftsList(LiftsPair(STRING, STRING)), _Data(), LiftsOption(U32)),
    _Failure(),
)


class _Halves:
    """A tuple of four u64."""

    def lift(self, value: Any) -> bytes:
        numbers = expect(value, c.WASMTIME_COMPONENT_TUPLE).tuple
        assert numbers.size == 4
        return b"".join(U64.lift(numbers.data[i]).to_bytes(8, "big") for i in range(4))


class Requests:
    """The functions of `dapr-wasm:host`, called through the component."""

    INTERFACE = "requests"

    def __init__(self, instance: Instance) -> None:
        function = instance.function
        self._send: Callable[..., Response | Failed] = function(
            self.INTERFACE, "send", (_LOWERS_REQUEST,), _LIFTS_OUTCOME
        )
        self._start: Callable[..., int] = function(self.INTERFACE, "start", (_LOWERS_REQUEST,), U32)
        self._wait_any: Callable[..., Completion | None] = function(
            self.INTERFACE,
            "wait-any",
            (LowersList(_LOWERS_U32), _LOWERS_U64),
            LiftsOption(LiftsRecord(Completion, U32, _LIFTS_OUTCOME)),
        )
        self._sha256: Callable[..., bytes] = function(
            self.INTERFACE, "sha256", (_LOWERS_DATA,), _Halves()
        )
        self._drop: Callable[..., int] = function(self.INTERFACE, "drop", (_LOWERS_U32,), U32)

    def try_send(self, request: Request) -> Response | Failed:
        return self._send(request)

    def send(self, request: Request) -> Response:
        outcome = self._send(request)
        if isinstance(outcome, Failed):
            raise outcome
        return outcome

    def start(self, request: Request) -> int:
        return self._start(request)

    def wait_any(self, pending: list[int], timeout: int = 10 * SECOND) -> Completion | None:
        return self._wait_any(pending, timeout)

    def drop(self, pending: int) -> None:
        self._drop(pending)

    def sha256(self, data: str | bytes) -> bytes:
        return self._sha256(data)


def load(http_client: HttpClient | None = None) -> Plugin:
    engine = Engine(engine_config())
    return Plugin(engine, Component(engine, SOURCE.read_text()), http_client)
