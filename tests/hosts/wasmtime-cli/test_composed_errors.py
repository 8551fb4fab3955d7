"""Status 1 names the case of the contract's error, whichever it is."""

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
def test_what_the_component_refuses(
    fails: Fails, server: Server, case: str, arguments: list[str]
) -> None:
    fails(case, environment_of(server.endpoint), *arguments, stdin="v" * 500_000)


def test_what_another_tool_wrote_is_other(
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
def test_what_is_wrong_with_its_environment(
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
def test_what_the_server_refuses(fails: Fails, faults: Faults, case: str, error: str) -> None:
    server = faults(f'[[fault]]\naction = "error"\n{error}\n')
    fails(case, {**environment_of(server.endpoint), **SHORT}, "state", "transact", "delete:k")


def test_a_server_that_never_answers_is_a_timeout(fails: Fails, silent_endpoint: str) -> None:
    fails("timeout", {**environment_of(silent_endpoint), **SHORT}, "state", "get", "k")
