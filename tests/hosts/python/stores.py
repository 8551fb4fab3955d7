"""What the tests ask of their fixtures."""

from collections.abc import Callable, Mapping
from typing import Protocol

from dapr_wasm import State

# Any will do for the embedded DynamoDB.
CREDENTIALS = {"accessKey": "id", "secretKey": "key"}

# Writes an item as another tool would: its key, and its attributes as DynamoDB has them.
Put = Callable[[str, Mapping[str, Mapping[str, str]]], None]


class Stores(Protocol):
    """Starts a state store with these fields of its configuration."""

    def __call__(self, endpoint: str, **fields: str) -> State: ...
