"""`wasmtime run dapr_dynamodb_cli.wasm state get order-1`: the lines that the README shows.

What the program does is tested in tests/component/cli*.rs; here it is a process:
its streams, its exit status, what it finds of its surroundings.
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
    """The composed component, with what wasmtime is to be told besides."""

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


def test_what_one_run_sets_another_run_gets_and_deletes(run: Callable[..., Ran], key: str) -> None:
    written = run("state", "set", key, '{"total": 12.50}')
    assert (written.status, written.err) == (0, "")
    assert len(written.out.strip()) == 16, written.out
    assert run("state", "get", key) == Ran(0, b'{"total": 12.50}', "")
    assert run("state", "delete", key) == Ran(0, b"", "")
    absent = run("state", "get", key)
    assert (absent.status, absent.out) == (1, b"")
    assert absent.err.startswith("error: no item under the key "), absent.err


def test_bytes_go_in_and_come_out_as_they_are(run: Callable[..., Ran], key: str) -> None:
    every = bytes(range(256)) * 1024
    assert run("state", "set", key, "-", stdin=every).status == 0
    read = run("state", "get", key)
    assert (read.status, read.err) == (0, "")
    assert read.out == every


def test_json_lines_go_in_and_come_out(run: Callable[..., Ran], key: str) -> None:
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


def test_a_file_is_read_from_the_folder_that_is_opened(
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


def test_a_refusal_is_exit_status_1_with_its_case_on_standard_error(
    run: Callable[..., Ran], key: str
) -> None:
    assert run("state", "set", key, "v").status == 0
    refused = run("state", "set", key, "v", "--first-write")
    assert (refused.status, refused.out) == (1, b"")
    assert refused.err.startswith("error: etag-mismatch: "), refused.err
    refused = run("state", "set", key, "v", "--first-write", "--json")
    assert refused.status == 1
    assert json.loads(refused.out)["error"]["case"] == "etag-mismatch"


def test_a_command_line_that_makes_no_sense_is_exit_status_2(run: Callable[..., Ran]) -> None:
    wrong = run("state", "gt", "order-1")
    assert (wrong.status, wrong.out) == (2, b"")
    assert wrong.err.startswith("error: "), wrong.err


def test_help_shows_the_name_of_the_file(program: Program, run: Callable[..., Ran]) -> None:
    shown = run("--help")
    assert (shown.status, shown.err) == (0, "")
    assert f"Usage: {program.file.name} " in shown.out.decode()


def test_a_dead_endpoint_is_unavailable(program: Program, dead_endpoint: str) -> None:
    ran = program.run(dead_endpoint, "state", "get", "order-1")
    assert (ran.status, ran.out) == (1, b"")
    assert ran.err.startswith("error: unavailable: "), ran.err


def test_a_reader_that_leaves_is_no_trap(program: Program, server: Server) -> None:
    """`… | head -1`: the program ends, and no sentence of wasmtime's is shown."""
    absent = [f"absent-{n}" for n in range(5000)]
    command = program.command(server.endpoint, "state", "bulk-get", *absent)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b'{"key":"absent-0","absent":true}\n'
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
