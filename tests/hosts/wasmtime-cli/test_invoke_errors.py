"""With `--invoke`, an error of the contract is a result: it is printed, and the status is 0.

This is why a component with its own command line exists. A status other than 0 means
that wasmtime could not make the call, or that the call trapped.
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
def test_error_is_printed_with_status_0(
    invoke: Invoke, call: str, case: str, sentence: str
) -> None:
    refused(invoke(call), case, sentence)


def test_foreign_item_without_a_value_is_other(invoke: Invoke) -> None:
    item = list(b'{"key": "of another tool"}')
    assert invoke(f'invoke("create", {item})').out == "ok({metadata: []})"
    refused(invoke('get("of another tool")'), "other", ".*value.*")


def test_call_without_a_table_is_not_initialized(invoke: Invoke, server: Server) -> None:
    environment = environment_of(server.endpoint)
    del environment["DYNAMODB_TABLE"]
    answer = invoke('get("k")', environment)
    assert (answer.status, answer.out) == (0, "err(not-initialized)")


def test_missing_field_is_named_in_the_error(invoke: Invoke) -> None:
    answer = invoke('get("k")', {"DYNAMODB_TABLE": "state"})
    refused(answer, "invalid-configuration", ".*region.*")


def test_missing_table_is_not_found(invoke: Invoke, server: Server) -> None:
    environment = {**environment_of(server.endpoint), "DYNAMODB_TABLE": "nothing-here"}
    refused(invoke('get("k")', environment), "not-found", ".*nothing-here.*")


def test_endpoint_without_a_listener_is_unavailable(invoke: Invoke, dead_endpoint: str) -> None:
    refused(invoke('get("k")', {**environment_of(dead_endpoint), **SHORT}), "unavailable")


def test_server_that_never_responds_is_a_timeout(invoke: Invoke, silent_endpoint: str) -> None:
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
def test_server_error_is_printed_with_its_case(
    invoke: Invoke, faults: Faults, case: str, call: str, fault: str
) -> None:
    server = faults(f'[[fault]]\naction = "error"\n{fault}\n')
    refused(invoke(call, {**environment_of(server.endpoint), **SHORT}), case)


@pytest.mark.parametrize("call", ['set("k", "text")', 'get("k"', "take()"])
def test_invalid_call_has_status_1(invoke: Invoke, call: str) -> None:
    answer = invoke(call)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("Error: ")
