"""What the building blocks of this package share.

Made by `python -m bindgen` from dapr-wasm:components@0.1.0; do not edit.
"""

from __future__ import annotations

from typing import ClassVar

from .codecs import (
    LiftsError,
)


class Error(Exception):
    """Why a call failed.

    A program branches on the case. The payload is one English sentence for
    a person: it names the key or the field at fault and MUST NOT contain a
    secret.

    What a failed write did: after `timeout` and `unavailable` the outcome
    is unknown, the write MAY have happened. After every other case nothing
    was written.
    """

    case: ClassVar[str] = ""
    """The name of the case in the WIT."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.case}: {self.message}" if self.message else self.case


class NotInitialized(Error):
    """The component has no configuration yet: `init` was not called, or
    never with success, and the environment names no store.
    """

    case = "not-initialized"


class InvalidConfiguration(Error):
    """The configuration is unusable. Calling again does not help before
    the configuration changes.
    """

    case = "invalid-configuration"


class InvalidArgument(Error):
    """The call itself is wrong: its key, value, option, count or payload."""

    case = "invalid-argument"


class EtagMismatch(Error):
    """A condition of the call did not hold: the ETag differs, or the item
    exists although the call wanted to be the first write.
    """

    case = "etag-mismatch"


class AccessDenied(Error):
    """The credentials are refused, expired or not sufficient, or the host
    does not let the component reach the store.
    """

    case = "access-denied"


class NotFound(Error):
    """The table, bucket or database behind the component does not exist.
    Never used for an absent key: that is no error.
    """

    case = "not-found"


class Throttled(Error):
    """The store refused for load, also after the component's own retries."""

    case = "throttled"


class Conflict(Error):
    """Another transaction held the item, also after the component's own
    retries.
    """

    case = "conflict"


class Timeout(Error):
    """The time allowed for the call ran out. For a write the outcome is
    unknown.
    """

    case = "timeout"


class Unavailable(Error):
    """The store could not be reached, or failed within. For a write the
    outcome is unknown.
    """

    case = "unavailable"


class TooLarge(Error):
    """The item or the request exceeds a limit of the store."""

    case = "too-large"


class Unsupported(Error):
    """The component does not offer what was asked for."""

    case = "unsupported"


class Other(Error):
    """None of the above."""

    case = "other"


LIFTS_ERROR = LiftsError(
    not_initialized=NotInitialized,
    invalid_configuration=InvalidConfiguration,
    invalid_argument=InvalidArgument,
    etag_mismatch=EtagMismatch,
    access_denied=AccessDenied,
    not_found=NotFound,
    throttled=Throttled,
    conflict=Conflict,
    timeout=Timeout,
    unavailable=Unavailable,
    too_large=TooLarge,
    unsupported=Unsupported,
    other=Other,
)
