"""An error of the contract is an answer like any other: it is printed, and the status is 0.

That is why there is a component with a command line of its own. A status other
than 0 means that wasmtime could not make the call, or that it trapped.
"""

import re

import pytest

from embedded_engine import Faults, Server, environment_of
from invocation import SHORT, Answer, Invoke


def refused(answer: Answer, case: str, sentence: str = ".*") -> None:
    assert re.fullmatch(rf'err\({case}\("{sentence}"\)\)', answer.out), answer.out
    assert (answer.status, answer.err) == (0, "")


@pytest.mark.parametrize(
    ("call", "case", "sentence"),
    [
        ('get("")', "invalid-argument", "the key is empty.*"),
        ('set("k", [], {etag: "another"})', "etag-mismatch", ".*"),
        ('invoke("drop", [])', "unsupported", ".*create"),
        ('invoke("create", [])', "invalid-argument", ".*"),
    ],
)
def test_an_error_is_printed_with_status_0(
    invoke: Invoke, call: str, case: str, sentence: str
) -> None:
    refused(invoke(call), case, sentence)


def test_an_item_of_another_tool_without_a_value_is_other(invoke: Invoke) -> None:
    item = list(b'{"key": "of another tool"}')
    assert invoke(f'invoke("create", {item})').out == "ok({metadata: []})"
    refused(invoke('get("of another tool")'), "other", ".*value.*")


def test_without_a_table_a_call_is_not_initialized(invoke: Invoke, server: Server) -> None:
    environment = environment_of(server.endpoint)
    del environment["DYNAMODB_TABLE"]
    answer = invoke('get("k")', environment)
    assert (answer.status, answer.out) == (0, "err(not-initialized)")


def test_a_field_that_is_missing_is_named(invoke: Invoke) -> None:
    answer = invoke('get("k")', {"DYNAMODB_TABLE": "state"})
    refused(answer, "invalid-configuration", ".*region.*")


def test_a_table_that_does_not_exist_is_not_found(invoke: Invoke, server: Server) -> None:
    environment = {**environment_of(server.endpoint), "DYNAMODB_TABLE": "nothing-here"}
    refused(invoke('get("k")', environment), "not-found", ".*nothing-here.*")


def test_a_dead_endpoint_is_unavailable(invoke: Invoke, dead_endpoint: str) -> None:
    refused(invoke('get("k")', {**environment_of(dead_endpoint), **SHORT}), "unavailable")


def test_a_server_that_never_answers_is_a_timeout(invoke: Invoke, silent_endpoint: str) -> None:
    refused(invoke('get("k")', {**environment_of(silent_endpoint), **SHORT}), "timeout")


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
    refused(invoke(call, {**environment_of(server.endpoint), **SHORT}), case)


@pytest.mark.parametrize("call", ['set("k", "text")', 'get("k"', "take()"])
def test_a_call_that_cannot_be_made_has_status_1(invoke: Invoke, call: str) -> None:
    answer = invoke(call)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("Error: ")
