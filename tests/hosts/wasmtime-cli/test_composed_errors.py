"""Tests that every error case of the contract gives status 1 and is named in the message."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from embedded_engine import Faults, Server, environment_of
from invocation import SHORT, run

Fails = Callable[..., None]


@pytest.fixture
def fails(wasmtime: Path, composed: Path) -> Fails:
    """Asserts that a run of the program fails with this case."""

    def fails(case: str, environment: Mapping[str, str], *arguments: str, stdin: str = "") -> None:
        ran = run(wasmtime, composed, environment, then=arguments, stdin=stdin)
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.startswith(f"error: {case}"), ran.err

    return fails


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("invalid-argument", ["state", "get", ""]),
        ("etag-mismatch", ["state", "set", "k", "v", "--etag", "another"]),
        ("too-large", ["state", "set", "k", "-"]),
        ("unsupported", ["binding", "invoke", "drop"]),
    ],
)
def test_invalid_call_prints_its_case(
    fails: Fails, server: Server, case: str, arguments: list[str]
) -> None:
    fails(case, environment_of(server.endpoint), *arguments, stdin="v" * 500_000)


def test_foreign_item_is_other(
    wasmtime: Path, composed: Path, server: Server, fails: Fails
) -> None:
    environment = environment_of(server.endpoint)
    create = ["binding", "invoke", "create", json.dumps({"key": "no value in it"})]
    assert run(wasmtime, composed, environment, then=create).out == ""
    fails("other", environment, "state", "get", "no value in it")


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        ("not-initialized", {"DYNAMODB_TABLE": ""}),
        ("invalid-configuration", {"AWS_SECRET_ACCESS_KEY": ""}),
        ("not-found", {"DYNAMODB_TABLE": "nothing-here"}),
    ],
)
def test_invalid_environment_prints_its_case(
    fails: Fails, server: Server, case: str, changed: dict[str, str]
) -> None:
    fails(case, {**environment_of(server.endpoint), **changed}, "state", "get", "k")


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("access-denied", 'error = "AccessDeniedException"'),
        ("throttled", 'error = "ProvisionedThroughputExceededException"'),
        (
            "conflict",
            'error = "TransactionCanceledException"\nreasons = ["TransactionConflict"]',
        ),
        ("unavailable", 'error = "InternalServerError"'),
    ],
)
def test_server_error_prints_its_case(fails: Fails, faults: Faults, case: str, error: str) -> None:
    server = faults(f'[[fault]]\naction = "error"\n{error}\n')
    fails(case, {**environment_of(server.endpoint), **SHORT}, "state", "transact", "delete:k")


def test_server_that_never_responds_is_a_timeout(fails: Fails, silent_endpoint: str) -> None:
    fails("timeout", {**environment_of(silent_endpoint), **SHORT}, "state", "get", "k")
