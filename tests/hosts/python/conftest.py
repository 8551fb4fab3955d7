"""Fixtures: the component, compiled once for all tests, and stores of it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from wasmtime import Engine

from dapr_wasm import Binding, Error, Instance, Plugin, State, engine_config
from embedded_engine import NO_INSTANCE_METADATA, Server
from stores import BUILDS, CREDENTIALS, Put, Stores, native


@pytest.fixture(scope="session", params=BUILDS)
def plugin(request: pytest.FixtureRequest) -> Path:
    """Returns each build of the component in turn."""
    return BUILDS[request.param]()


@pytest.fixture(scope="session")
def loaded(plugin: Path) -> Plugin:
    """Loads the plugin with its own engine, because wasmtime's cache belongs to the user."""
    return Plugin.from_file(plugin, Engine(engine_config()))


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prints each error, for .ci/secrets, which searches all output of the tests for secrets."""
    made = Error.__init__

    def tell(error: Error, message: str = "") -> None:
        print(message)
        made(error, message)

    monkeypatch.setattr(Error, "__init__", tell)


@pytest.fixture
def instance(loaded: Plugin) -> Iterator[Instance]:
    with loaded.instantiate(NO_INSTANCE_METADATA) as instance:
        yield instance


@pytest.fixture
def stores(loaded: Plugin) -> Iterator[Stores]:
    with ExitStack() as stack:

        def start(endpoint: str, **fields: str) -> State:
            store = State(stack.enter_context(loaded.instantiate(NO_INSTANCE_METADATA)))
            store.init({"table": "state", "endpoint": endpoint, **CREDENTIALS, **fields})
            return store

        yield start


@pytest.fixture
def store(stores: Stores, server: Server) -> State:
    return stores(server.endpoint, ttlAttributeName="expiresAt")


@pytest.fixture
def binding(instance: Instance, server: Server) -> Binding:
    binding = Binding(instance)
    binding.init({"table": "state", "endpoint": server.endpoint, **CREDENTIALS})
    return binding


@pytest.fixture(scope="session")
def put(server: Server) -> Put:
    client = native(server.endpoint)

    def put_item(key: str, attributes: Mapping[str, Mapping[str, str]]) -> None:
        client.put_item(TableName="state", Item={"key": {"S": key}, **attributes})

    return put_item
