"""The hosted build keeps its connection. An error says why there is no connection."""

import subprocess
import sys
from pathlib import Path

import pytest
from wasmtime import Engine

from dapr_wasm import (
    AccessDenied,
    HttpClient,
    Instance,
    Plugin,
    State,
    Unavailable,
    engine_config,
)
from embedded_engine import NO_INSTANCE_METADATA
from empty_table import empty_table
from stores import CREDENTIALS, HOSTED, PORTABLE, Stores

# Runs a program in its own network namespace, where it may change the settings.
APART = ["unshare", "--user", "--map-root-user", "--net"]

# Uses up all ports for connections, then calls the component.
WITHOUT_PORTS = """
import fcntl, socket, struct, sys
from errno import EADDRNOTAVAIL
from pathlib import Path
from wasmtime import Engine
from dapr_wasm import Plugin, State, Unavailable, engine_config

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40003")
server = socket.create_server(("127.0.0.1", 8000))
taken = []
try:
    while True:
        taken.append(socket.create_connection(("127.0.0.1", 8000)))
except OSError as error:
    assert error.errno == EADDRNOTAVAIL, error

plugin = Plugin.from_file(sys.argv[1], Engine(engine_config()))
store = State(plugin.instantiate({
    "DYNAMODB_TABLE": "state",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
    "AWS_MAX_ATTEMPTS": "1",
}))
try:
    store.set("k", b"v")
except Unavailable as error:
    print(error.message)
"""


def connections(stores: Stores, calls: int) -> int:
    """Returns the number of connections that these calls opened, after those of `init`."""
    with empty_table() as table:
        store = stores(table.endpoint)
        before = table.connections
        for _ in range(calls):
            assert store.get("absent") is None
        return table.connections - before


@PORTABLE
def test_portable_build_opens_a_connection_for_each_request(stores: Stores) -> None:
    assert connections(stores, calls=3) == 3


@HOSTED
def test_hosted_build_keeps_the_connection_of_init(stores: Stores) -> None:
    assert connections(stores, calls=300) == 0


@HOSTED
def test_instances_of_one_plugin_share_the_connection(stores: Stores) -> None:
    with empty_table() as table:
        for _ in range(3):
            assert stores(table.endpoint).get("absent") is None
        assert table.connections == 1


@HOSTED
def test_hosted_build_reaches_only_allowed_addresses(plugin: Path) -> None:
    engine = Engine(engine_config())
    with empty_table() as table:
        address = table.endpoint.removeprefix("http://")
        fields = {"table": "state", "endpoint": table.endpoint, **CREDENTIALS}
        for allow in [address], ["127.0.0.1:1"]:
            limited = Plugin.from_file(plugin, engine, HttpClient(allow=allow))
            with limited.instantiate(NO_INSTANCE_METADATA) as instance:
                if address in allow:
                    State(instance).init(fields)
                else:
                    with pytest.raises(AccessDenied, match=address):
                        State(instance).init(fields)
        assert table.connections == 1


@PORTABLE
def test_portable_build_cannot_be_limited(plugin: Path) -> None:
    with pytest.raises(ValueError, match=r"dapr_dynamodb_hosted.wasm"):
        Plugin.from_file(plugin, Engine(), HttpClient(allow=[]))


def test_error_names_the_lack_of_local_ports(plugin: Path) -> None:
    if subprocess.run([*APART, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no separate network namespaces")
    ran = subprocess.run(
        [*APART, sys.executable, "-c", WITHOUT_PORTS, plugin],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "no local port left" in ran.stdout
    assert "resolve" not in ran.stdout


def test_error_names_unresolvable_host_as_a_possible_cause(instance: Instance) -> None:
    # RFC 2606 reserves the domain `.invalid`. A resolver may itself wait for a server.
    endpoint = {"endpoint": "http://nowhere.invalid:8000", "maxAttempts": "1"}
    patience = {"connectTimeout": "60s", "requestTimeout": "60s"}
    with pytest.raises(Unavailable, match="the host name does not resolve"):
        State(instance).init({"table": "state", **endpoint, **patience, **CREDENTIALS})
