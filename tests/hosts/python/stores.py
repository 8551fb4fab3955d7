"""Types and helpers of the fixtures."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3
import pytest

from dapr_wasm import State
from embedded_engine import hosted_plugin_file, plugin_file

# The portable build sends requests through wasmtime, the hosted one through `HttpClient`.
BUILDS = {"portable": plugin_file, "hosted": hosted_plugin_file}

# Marks for tests of one build only.
PORTABLE = pytest.mark.parametrize("plugin", ["portable"], indirect=True, scope="session")
HOSTED = pytest.mark.parametrize("plugin", ["hosted"], indirect=True, scope="session")

# The embedded DynamoDB accepts any credentials.
CREDENTIALS = {"accessKey": "id", "secretKey": "key"}

# Writes an item as another tool would: a key, and attributes in DynamoDB's format.
Put = Callable[[str, Mapping[str, Mapping[str, str]]], None]


def native(endpoint: str) -> Any:
    """Returns the DynamoDB client of AWS's own library."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["accessKey"],
        aws_secret_access_key=CREDENTIALS["secretKey"],
    )


class Stores(Protocol):
    """Starts a state store with these fields of its configuration."""

    def __call__(self, endpoint: str, **fields: str) -> State: ...
