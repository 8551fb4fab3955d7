"""Fixtures of all hosts: one embedded DynamoDB, and servers that misbehave."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from embedded_engine import Faults, Lent, Server, plugin_file, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Runs a server with the table `state`. Each test has its own keys."""
    with running("serve") as server:
        yield server


@pytest.fixture(scope="session")
def lent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lent]:
    folder = tmp_path_factory.mktemp("lent").resolve()
    with running("credentials", str(folder)) as server:
        yield Lent(server.endpoint, folder)


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[Faults]:
    """Starts servers with the table `state` and the faults of a scenario."""
    with ExitStack() as stack:

        def start(scenario: str) -> Server:
            file = tmp_path / "scenario.toml"
            file.write_text(scenario)
            return stack.enter_context(running("faults", "--scenario", str(file)))

        yield start


@pytest.fixture(scope="session")
def plugin() -> Path:
    return plugin_file()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """Returns a key that no other test has."""
    return str(request.node.nodeid)


@pytest.fixture
def dead_endpoint() -> Iterator[str]:
    """Returns an endpoint without a listener. Its port is bound, so no other process can use it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """Returns an endpoint that accepts connections and never responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
