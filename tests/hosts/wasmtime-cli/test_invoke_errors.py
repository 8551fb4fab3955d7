"""An error of the contract is an answer like any other: it is printed, and the status is 0.

That is why there is a component with a command line of its own. A status other
than 0 means that wasmtime could not make the call, or that it trapped.
"""

import re

import pytest

from embedded_engine import Faults, Server
from invocation import SHORT, Invoke, environment_of


def error(case: str, sentence: str = ".*") -> re.Pattern[str]:
    return re.compile(rf'err\({case}\("{sentence}"\)\)')


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('get("")', error("invalid-argument", "the key is empty.*")),
        ('set("k", [], {etag: "another"})', error("etag-mismatch")),
        ('invoke("drop", [])', error("unsupported", ".*create")),
        ('invoke("create", [])', error("invalid-argument")),
    ],
)
def test_an_error_is_printed_with_status_0(
    invoke: Invoke, call: str, expected: re.Pattern[str]
) -> None:
    answer = invoke(call)
    assert expected.fullmatch(answer.out), answer.out
    assert (answer.status, answer.err) == (0, "")


def test_an_item_of_another_tool_without_a_value_is_other(invoke: Invoke) -> None:
    item = list(b'{"key": "of another tool"}')
    assert invoke(f'invoke("create", {item})').out == "ok({metadata: []})"
    answer = invoke('get("of another tool")')
    assert error("other", ".*value.*").fullmatch(answer.out)


def test_without_a_table_a_call_is_not_initialized(invoke: Invoke, server: Server) -> None:
    environment = environment_of(server)
    del environment["DYNAMODB_TABLE"]
    answer = invoke('get("k")', environment)
    assert (answer.status, answer.out) == (0, "err(not-initialized)")


def test_a_field_that_is_missing_is_named(invoke: Invoke) -> None:
    answer = invoke('get("k")', {"DYNAMODB_TABLE": "state"})
    assert error("invalid-configuration", ".*region.*").fullmatch(answer.out)


def test_a_table_that_does_not_exist_is_not_found(invoke: Invoke, server: Server) -> None:
    answer = invoke('get("k")', {**environment_of(server), "DYNAMODB_TABLE": "nothing-here"})
    assert error("not-found", ".*nothing-here.*").fullmatch(answer.out)
    assert answer.status == 0


def test_a_dead_endpoint_is_unavailable(invoke: Invoke, dead_endpoint: str) -> None:
    answer = invoke('get("k")', {**environment_of(Server(dead_endpoint)), **SHORT})
    assert error("unavailable").fullmatch(answer.out)
    assert answer.status == 0


def test_a_server_that_never_answers_is_a_timeout(invoke: Invoke, silent_endpoint: str) -> None:
    answer = invoke('get("k")', {**environment_of(Server(silent_endpoint)), **SHORT})
    assert error("timeout").fullmatch(answer.out)
    assert answer.status == 0


@pytest.mark.parametrize(
    ("case", "call", "fault"),
    [
        ("access-denied", 'delete("k")', 'error = "AccessDeniedException"'),
        ("too-large", 'set("k", [])', 'error = "ItemCollectionSizeLimitExceededException"'),
        ("throttled", 'set("k", [])', 'error = "ProvisionedThroughputExceededException"'),
        (
            "conflict",
            'transact([delete({key: "k"})])',
            'error = "TransactionCanceledException"\nreasons = ["TransactionConflict"]',
        ),
    ],
)
def test_what_a_server_refuses_has_the_name_of_its_error(
    invoke: Invoke, faults: Faults, case: str, call: str, fault: str
) -> None:
    server = faults(f'[[fault]]\naction = "error"\n{fault}\n')
    answer = invoke(call, {**environment_of(server), **SHORT})
    assert error(case).fullmatch(answer.out), answer.out
    assert answer.status == 0


@pytest.mark.parametrize("call", ['set("k", "text")', 'get("k"', "take()"])
def test_a_call_that_cannot_be_made_has_status_1(invoke: Invoke, call: str) -> None:
    answer = invoke(call)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("Error: ")
