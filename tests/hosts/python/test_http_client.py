"""The HTTP client keeps its connections, and never reports as unsent what may have been sent."""

import gc
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from dapr_wasm import HttpClient
from dapr_wasm.allow_list import origin_of
from dapr_wasm.exchange import Exchange
from dapr_wasm.http1 import ResponseReader
from http_server import (
    CLOSE,
    PATIENCE,
    HttpServer,
    Received,
    http_server,
    response,
    with_response,
)
from sends_requests import SECOND, Failed, Request, Requests, Response, load

EVERY_BYTE = bytes(range(256))

MILLISECOND = SECOND // 1000


@pytest.fixture(scope="module")
def requests() -> Requests:
    return Requests(load().instantiate())


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server(with_response(b"{}")) as server:
        yield server


def failure(outcome: Response | Failed) -> tuple[str, str | None]:
    assert isinstance(outcome, Failed), outcome
    return outcome.case, outcome.cause


def test_request_arrives_as_it_was_written(requests: Requests, server: HttpServer) -> None:
    headers = [("x-a", "1"), ("x-a", "é"), ("X-B", "")]
    requests.send(Request(server.authority, "PUT", headers=headers, path_with_query="/a?b=c"))
    head = server.requests[0].head
    assert head.split(b"\r\n") == [
        b"PUT /a?b=c HTTP/1.1",
        b"host: " + server.authority.encode(),
        b"x-a: 1",
        b"x-a: \xe9",
        b"X-B: ",
        b"content-length: 0",
    ]


@pytest.mark.parametrize(
    "body",
    ["", "text: ключ", EVERY_BYTE, EVERY_BYTE * 2048, "v" * 5_000_000],
    ids=["none", "text", "bytes", "512 KiB", "5 MB"],
)
def test_bodies_are_unchanged_in_both_directions(requests: Requests, body: str | bytes) -> None:
    with http_server(lambda sock, it: sock.sendall(response(it.body))) as echo:
        found = requests.send(Request(echo.authority, body=body))
    assert found.body == (body.encode() if isinstance(body, str) else body)
    assert found.crc32 == zlib.crc32(found.body)


def test_response_has_its_status_and_headers(requests: Requests) -> None:
    with http_server(with_response(b"no", 404, b"X-A: \t b \xe9 ", b"x-a:c", b"Date:")) as server:
        found = requests.send(Request(server.authority))
    assert found.status == 404
    assert found.headers == [
        ("content-length", "2"),
        ("x-a", "b é"),
        ("x-a", "c"),
        ("date", ""),
    ]


def test_redirect_is_not_followed(requests: Requests) -> None:
    with http_server(with_response(b"", 302, b"location: http://127.0.0.1:1/")) as server:
        assert requests.send(Request(server.authority)).status == 302
        assert len(server.requests) == 1


def test_many_requests_use_one_connection(requests: Requests, server: HttpServer) -> None:
    for _ in range(500):
        requests.send(Request(server.authority))
    assert (len(server.requests), server.connections) == (500, 1)


def test_threads_and_plugins_share_the_connections(server: HttpServer) -> None:
    client = HttpClient()
    for plugin in load(client), load(client):
        for _ in range(2):
            with ThreadPoolExecutor(1) as thread:
                instance = plugin.instantiate()
                thread.submit(Requests(instance).send, Request(server.authority)).result()
    assert (len(server.requests), server.connections) == (4, 1)


def test_threads_wait_for_responses_in_parallel() -> None:
    together = Barrier(4)

    def meet(sock: socket.socket, _: Received) -> None:
        together.wait(PATIENCE)
        sock.sendall(response())

    plugin = load()
    with http_server(meet) as server, ThreadPoolExecutor(4) as threads:

        def send(_: int) -> int:
            return Requests(plugin.instantiate()).send(Request(server.authority)).status

        assert list(threads.map(send, range(4))) == [200] * 4


def test_many_requests_leave_no_open_files(server: HttpServer) -> None:
    def used() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    requests = Requests(load().instantiate())
    requests.send(Request(server.authority))
    requests.try_send(Request("nowhere.invalid"))
    before = used()
    requests.try_send(Request("nowhere.invalid"))
    for _ in range(100):
        requests.send(Request(server.authority))
        requests.try_send(Request("127.0.0.1:1"))
        requests.drop(requests.start(Request(server.authority)))
    assert used() <= before + 1  # the server's side of the last request that was dropped


def test_closed_idle_connection_is_replaced(requests: Requests, server: HttpServer) -> None:
    requests.send(Request(server.authority))
    server.close_connections()
    assert server.has_ended.wait(PATIENCE)
    requests.send(Request(server.authority))
    assert (len(server.requests), server.connections) == (2, 2)


def test_unasked_bytes_end_an_idle_connection(requests: Requests, server: HttpServer) -> None:
    requests.send(Request(server.authority))
    server.open[0].sendall(response(b"of nobody"))
    assert requests.send(Request(server.authority)).body == b"{}"
    assert server.connections == 2


def test_request_is_not_repeated_after_its_first_byte(requests: Requests) -> None:
    first = True

    def once(sock: socket.socket, _: Received) -> object:
        nonlocal first
        if not first:
            return CLOSE
        first = False
        sock.sendall(response())
        return None

    with http_server(once) as server:
        requests.send(Request(server.authority))
        assert failure(requests.try_send(Request(server.authority)))[0] == "connection-lost"
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize(
    "client", [HttpClient(idle_timeout=0), HttpClient(max_connections=1)], ids=["idle", "limit"]
)
def test_idle_connection_is_closed_by_the_options(client: HttpClient, server: HttpServer) -> None:
    requests = Requests(load(client).instantiate())
    with http_server(with_response()) as other:
        for authority in server.authority, other.authority, server.authority:
            requests.send(Request(authority))
    assert (server.connections, other.connections) == (2, 1)


def test_close_ends_idle_connections(server: HttpServer) -> None:
    with HttpClient() as client:
        Requests(load(client).instantiate()).send(Request(server.authority))
        assert not server.has_ended.is_set()
    assert server.has_ended.wait(PATIENCE)


def test_forked_process_leaves_connections_to_its_parent(server: HttpServer) -> None:
    client = HttpClient(max_connections=1)
    requests = Requests(load(client).instantiate())
    requests.send(Request(server.authority))
    child = os.fork()
    if not child:
        origin = origin_of(server.authority, False)
        os._exit(0 if client._pool.take(origin) is None and client._pool.reserve() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    requests.send(Request(server.authority))
    assert server.connections == 1


def test_ended_requests_leave_no_garbage(requests: Requests, server: HttpServer) -> None:
    """The body of a response would stay in memory until the garbage collector runs."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            requests.send(Request(server.authority))
            requests.try_send(Request("127.0.0.1:1"))
        with http_server(with_response(b"", 200, b"no colon")) as damaged:
            assert failure(requests.try_send(Request(damaged.authority)))[0] == "damaged"
        assert not any(isinstance(it, Exchange | ResponseReader) for it in gc.get_objects())
    finally:
        gc.enable()


def test_request_waits_for_a_free_connection() -> None:
    arrived, goes_on = Event(), Event()

    def wait(sock: socket.socket, it: Received) -> None:
        if it.line.startswith(b"POST /first"):
            arrived.set()
            assert goes_on.wait(PATIENCE)
        sock.sendall(response())

    plugin = load(HttpClient(max_connections=1))
    with http_server(wait) as server, ThreadPoolExecutor(2) as threads:

        def send(path: str, connect_timeout: int = 10 * SECOND) -> Response | Failed:
            request = Request(
                server.authority, path_with_query=path, connect_timeout=connect_timeout
            )
            return Requests(plugin.instantiate()).try_send(request)

        first = threads.submit(send, "/first")
        assert arrived.wait(PATIENCE)
        assert failure(send("/second", connect_timeout=50 * MILLISECOND)) == (
            "connect-timeout",
            None,
        )
        third = threads.submit(send, "/third")
        goes_on.set()
        assert isinstance(first.result(), Response) and isinstance(third.result(), Response)
        assert server.connections == 1


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfour", b"HTTP/1.1 200 OK\r\nx: "],
    ids=["nothing", "within the body", "within the head"],
)
def test_deadline_holds_against_a_silent_server(requests: Requests, sent: bytes) -> None:
    over = Event()

    def stall(sock: socket.socket, _: Received) -> None:
        sock.sendall(sent)
        over.wait(PATIENCE)

    with http_server(stall) as server:
        request = Request(server.authority, timeout=100 * MILLISECOND)
        assert failure(requests.try_send(request)) == ("timeout", None)
        over.set()
        assert server.has_ended.wait(PATIENCE)  # the connection is not used again


def test_deadline_holds_against_a_trickling_server(requests: Requests) -> None:
    over = Event()

    def trickle(sock: socket.socket, _: Received) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not over.wait(0.01):
            sock.sendall(b".")

    with http_server(trickle) as server:
        request = Request(server.authority, timeout=200 * MILLISECOND)
        assert failure(requests.try_send(request)) == ("timeout", None)
        over.set()


def test_deadline_holds_while_the_server_reads_nothing(requests: Requests) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        authority = f"127.0.0.1:{deaf.getsockname()[1]}"
        request = Request(authority, body="v" * 20_000_000, timeout=200 * MILLISECOND)
        assert failure(requests.try_send(request)) == ("timeout", None)


def test_early_response_ends_a_request_that_is_still_written(requests: Requests) -> None:
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:

        def respond_early() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(response(b"enough", 413))
                over.wait(PATIENCE)

        serving = threads.submit(respond_early)
        authority = f"127.0.0.1:{listener.getsockname()[1]}"
        assert requests.send(Request(authority, body="v" * 20_000_000)).status == 413
        over.set()
        serving.result()


INCOMPLETE = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfour", "connection-lost"),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfour", "connection-lost"),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n", "connection-lost"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n", "damaged"),
    (b"SSH-2.0-server\r\n\r\n", "damaged"),
    (b"HTTP/1.1 200 OK\r\nx: y", "connection-lost"),
    (b"", "connection-lost"),
]


@pytest.mark.parametrize(("sent", "case"), INCOMPLETE)
def test_incomplete_response_may_have_been_sent(requests: Requests, sent: bytes, case: str) -> None:
    def break_off(sock: socket.socket, _: Received) -> object:
        sock.sendall(sent)
        return CLOSE

    with http_server(break_off) as server:
        assert failure(requests.try_send(Request(server.authority)))[0] == case


def test_reset_after_the_request_is_a_lost_connection(requests: Requests) -> None:
    def reset(sock: socket.socket, _: Received) -> object:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return CLOSE

    with http_server(reset) as server:
        outcome = requests.try_send(Request(server.authority))
        assert failure(outcome) == ("connection-lost", "the server closed the connection")


def test_body_over_the_memory_limit_is_damaged() -> None:
    limited = Requests(load().instantiate(memory_limit=1 << 20))
    with http_server(with_response(bytes((1 << 20) + 1))) as server:
        outcome = limited.try_send(Request(server.authority))
    assert failure(outcome) == ("damaged", "the body is longer than 1048576 bytes")


def test_missing_listener_is_no_connection(requests: Requests, dead_endpoint: str) -> None:
    outcome = requests.try_send(Request(dead_endpoint.removeprefix("http://")))
    assert failure(outcome) == (
        "no-connection",
        "connection refused; check that the server is running, and its address",
    )


def test_unknown_name_is_not_resolved(requests: Requests) -> None:
    # RFC 2606 reserves the domain `.invalid`. A resolver may itself wait for a server.
    patience = 60 * SECOND
    request = Request("nowhere.invalid", connect_timeout=patience, timeout=patience)
    assert failure(requests.try_send(request))[0] == "name-not-resolved"


def test_connect_timeout_bounds_the_lookup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = Event()

    def hang(*arguments: object, **more: object) -> None:
        over.wait(PATIENCE)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    requests = Requests(load().instantiate())
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    request = Request("slow.example", connect_timeout=50 * MILLISECOND)
    assert failure(requests.try_send(request)) == ("connect-timeout", None)
    over.set()


def test_second_address_of_a_name_is_tried(
    server: HttpServer, dead_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [int(it.rpartition(":")[2]) for it in (dead_endpoint, server.authority)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert Requests(load().instantiate()).send(Request("two.example")).status == 200


def test_ctrl_c_in_a_host_function_waits_for_the_call(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = HttpClient()
    requests = Requests(load(client).instantiate())
    start = client.start

    def interrupted(*arguments: Any) -> Exchange:
        signal.raise_signal(signal.SIGINT)
        return start(*arguments)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(client, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            requests.send(Request(server.authority))
        monkeypatch.undo()
        requests.send(Request(server.authority))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (len(server.requests), server.connections) == (2, 1)


def test_exception_of_a_host_function_is_raised_after_a_trap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = HttpClient()
    requests = Requests(load(client).instantiate())

    def broken(*_: Any) -> Exchange:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(client, "start", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        requests.send(Request("127.0.0.1:1"))


HANGING = """
import sys, threading
from sends_requests import Request, Requests, load
plugin = load()
hangs = Requests(plugin.instantiate())
started = hangs.start(Request(sys.argv[1]))
another = Requests(plugin.instantiate())
for call, it in (hangs.wait_any, [started]), (another.send, Request(sys.argv[1])):
    threading.Thread(target=call, args=(it,), daemon=True).start()
sys.stdin.readline()
"""


def test_program_may_exit_while_a_request_hangs() -> None:
    arrived, over = Barrier(3), Event()

    def hang(sock: socket.socket, _: Received) -> None:
        arrived.wait(PATIENCE)
        over.wait(PATIENCE)

    with http_server(hang) as server:
        program = subprocess.Popen(
            [sys.executable, "-c", HANGING, server.authority],
            stdin=subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        arrived.wait(PATIENCE)
        program.communicate(b"\n", timeout=PATIENCE)
        assert program.returncode == 0
        over.set()


def test_responses_do_not_leak(requests: Requests) -> None:
    def settled() -> int:
        for body in text, binary:
            for _ in range(40):
                requests.send(Request(server.authority, body=body))
                server.requests.clear()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    text, binary = "v" * 500_000, b"\xff" * 20_000
    with http_server(lambda sock, it: sock.sendall(response(it.body))) as server:
        before = settled()
        assert settled() - before < 15_000_000  # of the 20 MB of text, and 26 MB of values


def test_digest_is_sha_256_of_text_and_bytes(requests: Requests) -> None:
    # FIPS 180-4's example, and the digest of nothing.
    assert requests.sha256("abc") == requests.sha256(b"abc")
    assert requests.sha256("abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")
    assert requests.sha256("").hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")
