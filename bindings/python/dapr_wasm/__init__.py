"""State stores and bindings of `dapr-wasm:components`, in any component that exports them.

    plugin = Plugin.from_file("dapr_dynamodb.wasm")
    store = State(plugin.instantiate(os.environ))  # sees AWS_ACCESS_KEY_ID and so on
    store.init({"table": "orders", "region": "eu-central-1"})
    etag = store.set("order-1", b"new")
    store.set("order-1", b"paid", SetOptions(etag=etag))

A call that fails raises the exception of its case (`EtagMismatch`, `NotFound`, …,
all of them subclasses of `Error`). A bulk call returns the exceptions of single keys
in its list. A trap raises `wasmtime.WasmtimeError`.
"""

from .binding import Binding, Response
from .http_client import HttpClient
from .plugin import Instance, Plugin, engine_config
from .state import (
    Concurrency,
    Consistency,
    DeleteOptions,
    DeleteRequest,
    FeatureSet,
    GetOptions,
    Item,
    Operation,
    SetOptions,
    SetRequest,
    State,
)
from .types import (
    AccessDenied,
    Conflict,
    Error,
    EtagMismatch,
    InvalidArgument,
    InvalidConfiguration,
    NotFound,
    NotInitialized,
    Other,
    Throttled,
    Timeout,
    TooLarge,
    Unavailable,
    Unsupported,
)

__all__ = [
    "AccessDenied",
    "Binding",
    "Concurrency",
    "Conflict",
    "Consistency",
    "DeleteOptions",
    "DeleteRequest",
    "Error",
    "EtagMismatch",
    "FeatureSet",
    "GetOptions",
    "HttpClient",
    "Instance",
    "InvalidArgument",
    "InvalidConfiguration",
    "Item",
    "NotFound",
    "NotInitialized",
    "Operation",
    "Other",
    "Plugin",
    "Response",
    "SetOptions",
    "SetRequest",
    "State",
    "Throttled",
    "Timeout",
    "TooLarge",
    "Unavailable",
    "Unsupported",
    "engine_config",
]
