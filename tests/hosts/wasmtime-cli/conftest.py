"""Fixtures: the command line of wasmtime, and the plugin, compiled once for all tests."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from embedded_engine import Server, built, environment_of
from invocation import Answer, Invoke, run


@pytest.fixture(scope="session")
def wasmtime() -> Path:
    return built("WASMTIME", "target/tools/bin/wasmtime", ".ci/tools")


@pytest.fixture(scope="session")
def composed() -> Path:
    return built(
        "DAPR_DYNAMODB_CLI_WASM",
        "target/wasm32-wasip2/release/dapr_dynamodb_cli.wasm",
        "release/build",
    )


@pytest.fixture(scope="session")
def compiled(wasmtime: Path, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("compiled") / "dapr_dynamodb.cwasm"
    subprocess.run([wasmtime, "compile", "-o", file, plugin], check=True)
    return file


@pytest.fixture
def invoke(wasmtime: Path, compiled: Path, server: Server) -> Invoke:
    def invoke(call: str, environment: Mapping[str, str] | None = None) -> Answer:
        given = environment_of(server.endpoint) if environment is None else environment
        return run(wasmtime, compiled, given, "--allow-precompiled", "--invoke", call)

    return invoke
