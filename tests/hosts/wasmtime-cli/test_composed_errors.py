"""Status 1 names the case of the contract's error, whichever it is."""

import json
from pathlib import Path

import pytest

from embedded_engine import Faults, Server
from invocation import SHORT, Answer, environment_of, run


def names(ran: Answer, case: str) -> None:
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {case}"), ran.err


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("invalid-argument", ["state", "get", ""]),
        ("etag-mismatch", ["state", "set", "k", "v", "--etag", "another"]),
        ("too-large", ["state", "set", "k", "-"]),
        ("unsupported", ["binding", "invoke", "drop"]),
    ],
)
def test_what_the_component_refuses(
    wasmtime: Path, composed: Path, server: Server, case: str, arguments: list[str]
) -> None:
    value = "v" * 500_000
    names(run(wasmtime, composed, environment_of(server), then=arguments, stdin=value), case)


def test_what_another_tool_wrote_is_other(wasmtime: Path, composed: Path, server: Server) -> None:
    environment = environment_of(server)
    item = json.dumps({"key": "no value in it"})
    assert (
        run(wasmtime, composed, environment, then=["binding", "invoke", "create", item]).out == ""
    )
    names(run(wasmtime, composed, environment, then=["state", "get", "no value in it"]), "other")


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        ("not-initialized", {"DYNAMODB_TABLE": ""}),
        ("invalid-configuration", {"AWS_SECRET_ACCESS_KEY": ""}),
        ("not-found", {"DYNAMODB_TABLE": "nothing-here"}),
    ],
)
def test_what_is_wrong_with_its_environment(
    wasmtime: Path, composed: Path, server: Server, case: str, changed: dict[str, str]
) -> None:
    environment = {**environment_of(server), **changed}
    names(run(wasmtime, composed, environment, then=["state", "get", "k"]), case)


@pytest.mark.parametrize(
    ("case", "operation", "error"),
    [
        ("access-denied", "delete:k", 'error = "AccessDeniedException"'),
        ("throttled", "delete:k", 'error = "ProvisionedThroughputExceededException"'),
        (
            "conflict",
            "delete:k",
            'error = "TransactionCanceledException"\nreasons = ["TransactionConflict"]',
        ),
        ("unavailable", "delete:k", 'error = "InternalServerError"'),
    ],
)
def test_what_the_server_refuses(
    wasmtime: Path, composed: Path, faults: Faults, case: str, operation: str, error: str
) -> None:
    server = faults(f'[[fault]]\naction = "error"\n{error}\n')
    environment = {**environment_of(server), **SHORT}
    names(run(wasmtime, composed, environment, then=["state", "transact", operation]), case)


def test_a_server_that_never_answers_is_a_timeout(
    wasmtime: Path, composed: Path, silent_endpoint: str
) -> None:
    environment = {**environment_of(Server(silent_endpoint)), **SHORT}
    names(run(wasmtime, composed, environment, then=["state", "get", "k"]), "timeout")
