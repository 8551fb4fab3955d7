"""An output binding: named operations on an outside system, with a payload in
and a payload out. Dapr's bindings building block, its output half.

Scope: one instance of a component holds at most one binding; its
configuration is apart from that of a state store in the same instance.

Made by `python -m bindgen` from dapr-wasm:components@0.1.0; do not edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .codecs import (
    BYTES,
    NOTHING,
    STRING,
    LiftsList,
    LiftsOption,
    LiftsOrRaises,
    LiftsPair,
    LiftsRecord,
    LowersOption,
    LowersPairs,
)
from .plugin import Instance
from .types import LIFTS_ERROR


@dataclass(frozen=True, slots=True)
class Response:
    """What an operation answers."""

    data: bytes | None
    """The payload. Absent where the operation has none to give."""
    content_type: str | None
    """The media type of `data`. Absent where `data` is."""
    metadata: list[tuple[str, str]]
    """Facts about the call, by name. Each operation says which; may be
    empty.
    """


LIFTS_RESPONSE = LiftsRecord(
    Response, LiftsOption(BYTES), LiftsOption(STRING), LiftsList(LiftsPair(STRING, STRING))
)


class Binding:
    """The calls of `dapr-wasm:components/binding@0.1.0`."""

    INTERFACE = "dapr-wasm:components/binding@0.1.0"

    def __init__(self, instance: Instance) -> None:
        self._init: Callable[..., None] = instance.function(
            self.INTERFACE,
            "init",
            (LowersPairs(STRING, STRING),),
            LiftsOrRaises(NOTHING, LIFTS_ERROR),
        )
        self._operations: Callable[..., list[str]] = instance.function(
            self.INTERFACE, "operations", (), LiftsList(STRING)
        )
        self._ping: Callable[..., None] = instance.function(
            self.INTERFACE, "ping", (), LiftsOrRaises(NOTHING, LIFTS_ERROR)
        )
        self._invoke: Callable[..., Response] = instance.function(
            self.INTERFACE,
            "invoke",
            (STRING, BYTES, LowersOption(LowersPairs(STRING, STRING))),
            LiftsOrRaises(LIFTS_RESPONSE, LIFTS_ERROR),
        )

    def init(self, metadata: Mapping[str, str] | Collection[tuple[str, str]]) -> None:
        """Configures the binding and proves that it can be used, with one cheap
        read.

        A second `init` that succeeds replaces the first; one that fails leaves
        the earlier configuration in force. Before any `init` has succeeded, a
        call configures the binding from the environment alone, without that
        read.

        Errors: `invalid-configuration` (the sentence names the field),
        `not-found` (no such table), `access-denied`, `throttled`, `timeout`,
        `unavailable`, `other`.
        """
        return self._init(metadata)

    def operations(self) -> list[str]:
        """The names that `invoke` takes, each once. Always the same for one
        component; needs no `init`.
        """
        return self._operations()

    def ping(self) -> None:
        """Proves that the outside system can be reached and used now.

        Errors: as `init`, and `not-initialized`.
        """
        return self._ping()

    def invoke(
        self,
        operation: str,
        data: bytes,
        metadata: Mapping[str, str] | Collection[tuple[str, str]] | None = None,
    ) -> Response:
        """Performs one operation. `metadata` are the operation's own parameters;
        absent and empty mean the same, and a name that the operation does not
        know MUST be ignored, in silence: runtimes add some of their own.

        Errors: `unsupported` for a name that `operations` does not list;
        `invalid-argument` for data or parameters that the operation does not take;
        `too-large`; any that reaching the outside system can have. Nothing was
        done after an error, but for `timeout` and `unavailable`.
        """
        return self._invoke(operation, data, metadata)
