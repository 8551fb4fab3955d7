"""`wasmtime run dapr_dynamodb_cli.wasm state get order-1`, as the documentation shows it.

tests/component/cli tests the behaviour of the program. These tests run it as a process and
check its streams, its exit status and its access to the environment.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded_engine import Server, environment_of
from invocation import LONGEST_PRINTED, command


@dataclass(frozen=True)
class Ran:
    status: int
    out: bytes
    err: str


@dataclass(frozen=True)
class Program:
    """The composed component, with further options of wasmtime."""

    wasmtime: Path
    file: Path
    options: Sequence[str]

    def command(self, endpoint: str, *arguments: str, opened: Sequence[str] = ()) -> list[str]:
        options = [*self.options, *opened]
        environment = environment_of(endpoint)
        return command(self.wasmtime, self.file, environment, *options, then=arguments)

    def run(
        self, endpoint: str, *arguments: str, stdin: bytes = b"", folder: Path | None = None
    ) -> Ran:
        opened = ["--dir", "."] if folder else []
        done = subprocess.run(
            self.command(endpoint, *arguments, opened=opened),
            input=stdin,
            capture_output=True,
            cwd=folder,
        )
        print(done.stdout[:LONGEST_PRINTED], done.stderr.decode())  # for .ci/secrets
        return Ran(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture(scope="session", params=["as it is", "compiled beforehand"])
def program(
    wasmtime: Path,
    composed: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Program:
    if request.param == "as it is":
        return Program(wasmtime, composed, [])
    file = tmp_path_factory.mktemp("composed") / "dapr_dynamodb_cli.cwasm"
    subprocess.run([wasmtime, "compile", "-o", file, composed], check=True)
    return Program(wasmtime, file, ["--allow-precompiled"])


@pytest.fixture
def run(program: Program, server: Server) -> Callable[..., Ran]:
    def run(*arguments: str, stdin: bytes = b"", folder: Path | None = None) -> Ran:
        return program.run(server.endpoint, *arguments, stdin=stdin, folder=folder)

    return run


def test_item_set_in_one_run_is_read_and_deleted_in_others(
    run: Callable[..., Ran], key: str
) -> None:
    written = run("state", "set", key, '{"total": 12.50}')
    assert (written.status, written.err) == (0, "")
    assert len(written.out.strip()) == 16, written.out
    assert run("state", "get", key) == Ran(0, b'{"total": 12.50}', "")
    assert run("state", "delete", key) == Ran(0, b"", "")
    absent = run("state", "get", key)
    assert (absent.status, absent.out) == (1, b"")
    assert absent.err.startswith("error: no item under the key "), absent.err


def test_bytes_from_stdin_are_read_back_unchanged(run: Callable[..., Ran], key: str) -> None:
    every = bytes(range(256)) * 1024
    assert run("state", "set", key, "-", stdin=every).status == 0
    read = run("state", "get", key)
    assert (read.status, read.err) == (0, "")
    assert read.out == every


def test_json_lines_are_written_and_read_back(run: Callable[..., Ran], key: str) -> None:
    lines = "".join(json.dumps({"key": f"{key}-{n}", "value": n}) + "\n" for n in range(60))
    stdin = lines.encode()
    written = run("state", "bulk-set", "--jsonl", "-", stdin=stdin)
    assert (written.status, written.err) == (0, "")
    assert written.out.startswith(b"60 items set in "), written.out
    read = run("state", "bulk-get", "--jsonl", "-", stdin=stdin)
    assert (read.status, read.err) == (0, "")
    items = [json.loads(line) for line in read.out.splitlines()]
    assert [(item["key"], item["value"]) for item in items] == [
        (f"{key}-{n}", n) for n in range(60)
    ]


def test_file_is_read_from_the_opened_folder(
    run: Callable[..., Ran], key: str, tmp_path: Path
) -> None:
    (tmp_path / "value.bin").write_bytes(b"\xff\0")
    from_file = ("state", "set", key, "--value-file", "value.bin")
    refused = run(*from_file)
    assert (refused.status, refused.out) == (1, b"")
    assert refused.err.startswith("error: value.bin: "), refused.err
    written = run(*from_file, folder=tmp_path)
    assert (written.status, written.err) == (0, "")
    assert run("state", "get", key).out == b"\xff\0"


def test_error_exits_with_1_and_prints_its_case(run: Callable[..., Ran], key: str) -> None:
    assert run("state", "set", key, "v").status == 0
    refused = run("state", "set", key, "v", "--first-write")
    assert (refused.status, refused.out) == (1, b"")
    assert refused.err.startswith("error: etag-mismatch: "), refused.err
    refused = run("state", "set", key, "v", "--first-write", "--json")
    assert refused.status == 1
    assert json.loads(refused.out)["error"]["case"] == "etag-mismatch"


def test_invalid_command_line_exits_with_2(run: Callable[..., Ran]) -> None:
    wrong = run("state", "gt", "order-1")
    assert (wrong.status, wrong.out) == (2, b"")
    assert wrong.err.startswith("error: "), wrong.err


def test_help_shows_the_file_name(program: Program, run: Callable[..., Ran]) -> None:
    shown = run("--help")
    assert (shown.status, shown.err) == (0, "")
    assert f"Usage: {program.file.name} " in shown.out.decode()


def test_endpoint_without_a_listener_is_unavailable(program: Program, dead_endpoint: str) -> None:
    ran = program.run(dead_endpoint, "state", "get", "order-1")
    assert (ran.status, ran.out) == (1, b"")
    assert ran.err.startswith("error: unavailable: "), ran.err


def test_closed_standard_output_is_not_a_trap(program: Program, server: Server) -> None:
    """With `… | head -1` the program ends, and wasmtime prints nothing."""
    absent = [f"absent-{n}" for n in range(5000)]
    command = program.command(server.endpoint, "state", "bulk-get", *absent)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b'{"key":"absent-0","absent":true}\n'
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
