"""Requests that run at the same time: they are awaited, given up, and end with their instance."""

import gc
import socket
from threading import Barrier, Event

import pytest
from wasmtime import Engine, WasmtimeError
from wasmtime.component import Component

from dapr_wasm import HttpClient, Instance, Plugin
from http_server import PATIENCE, Received, http_server, response, with_response
from sends_requests import (
    SECOND,
    SOURCE,
    Completion,
    Failed,
    Request,
    Requests,
    Response,
    load,
)

MILLISECOND = SECOND // 1000


@pytest.fixture
def requests() -> Requests:
    return Requests(load().instantiate())


def test_started_requests_run_at_the_same_time(requests: Requests) -> None:
    together = Barrier(3)

    def meet(sock: socket.socket, it: Received) -> None:
        together.wait(PATIENCE)
        sock.sendall(response(it.body))

    with http_server(meet) as server:
        bodies = ["a", "b", "c"]
        pending = [requests.start(Request(server.authority, body=body)) for body in bodies]
        ended = [requests.wait_any(pending) for _ in pending]
    found = {it.index: it.outcome.body for it in ended if it and isinstance(it.outcome, Response)}
    assert found == {0: b"a", 1: b"b", 2: b"c"}


def test_outcome_is_taken_once(requests: Requests) -> None:
    with http_server(with_response()) as server:
        pending = [requests.start(Request(server.authority))]
        assert isinstance(requests.wait_any(pending), Completion)
        assert requests.wait_any(pending, timeout=10 * MILLISECOND) is None


def test_wait_ends_after_its_timeout(requests: Requests) -> None:
    over = Event()
    with http_server(lambda *_: over.wait(PATIENCE)) as server:
        pending = [requests.start(Request(server.authority))]
        assert requests.wait_any(pending, timeout=10 * MILLISECOND) is None
        assert requests.wait_any([], timeout=10 * MILLISECOND) is None
        assert requests.wait_any(pending, timeout=0) is None
        over.set()


@pytest.mark.parametrize(
    ("request_", "case"),
    [
        (Request("127.0.0.1:0"), "no-connection"),
        (Request("127.0.0.1:80", method="GET /"), "invalid-request"),
        (Request("not allowed.example"), "invalid-request"),
    ],
)
def test_start_reports_failures_in_the_wait(
    requests: Requests, request_: Request, case: str
) -> None:
    ended = requests.wait_any([requests.start(request_)])
    assert ended is not None and isinstance(ended.outcome, Failed) and ended.outcome.case == case


def test_each_request_keeps_its_own_deadline(requests: Requests) -> None:
    over = Event()
    with http_server(lambda *_: over.wait(PATIENCE)) as server:
        timeouts = [10 * SECOND, 50 * MILLISECOND]
        pending = [requests.start(Request(server.authority, timeout=it)) for it in timeouts]
        ended = requests.wait_any(pending)
        over.set()
    assert ended is not None and ended.index == 1
    assert isinstance(ended.outcome, Failed) and ended.outcome.case == "timeout"


def test_dropped_request_closes_its_connection(requests: Requests) -> None:
    arrived, over = Event(), Event()

    def hang(sock: socket.socket, _: Received) -> None:
        arrived.set()
        assert sock.recv(1) == b""
        over.set()

    with http_server(hang) as server:
        pending = requests.start(Request(server.authority))
        requests.wait_any([pending], timeout=10 * MILLISECOND)
        assert arrived.wait(PATIENCE)
        requests.drop(pending)
        assert over.wait(PATIENCE)


@pytest.mark.parametrize("by", ["close", "garbage collection"])
def test_ended_instance_gives_its_requests_up(by: str) -> None:
    over = Event()

    def hang(sock: socket.socket, _: Received) -> None:
        assert sock.recv(1) == b""
        over.set()

    def start_one() -> Instance:
        instance = plugin.instantiate()
        requests = Requests(instance)
        requests.wait_any([requests.start(Request(server.authority))], timeout=10 * MILLISECOND)
        return instance

    plugin = load()
    with http_server(hang) as server:
        instance = start_one()
        if by == "close":
            instance.close()
        else:
            del instance
            gc.collect()
        assert over.wait(PATIENCE)


def test_given_up_requests_return_their_places() -> None:
    over = Event()
    requests = Requests(load(HttpClient(max_connections=2)).instantiate())
    with (
        http_server(lambda *_: over.wait(PATIENCE)) as silent,
        http_server(with_response()) as server,
    ):
        for _ in range(10):
            started = [requests.start(Request(silent.authority)) for _ in range(3)]
            for pending in started:
                requests.drop(pending)
        assert requests.send(Request(server.authority)).status == 200
        over.set()


def test_request_waits_for_another_of_its_instance() -> None:
    requests = Requests(load(HttpClient(max_connections=1)).instantiate())
    with http_server(with_response()) as server:
        pending = [requests.start(Request(server.authority)) for _ in range(5)]
        # Waiting for the last one also reads the responses that it waits for.
        last = requests.wait_any(pending[-1:])
        assert last is not None and isinstance(last.outcome, Response)
        assert server.connections == 1


def test_trap_of_another_engine_names_the_remedy() -> None:
    """Fails once wasmtime passes several resources also with concurrency. Then drop the remedy."""
    engine = Engine()
    requests = Requests(Plugin(engine, Component(engine, SOURCE.read_text())).instantiate())
    pending = [requests.start(Request("127.0.0.1:1")) for _ in range(2)]
    with pytest.raises(WasmtimeError) as raised:
        requests.wait_any(pending)
    assert raised.value.__notes__ == ["create the engine from dapr_wasm.engine_config()"]
