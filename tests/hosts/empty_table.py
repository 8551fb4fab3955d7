"""A table without items, which allows kept connections and counts them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class EmptyTable(ThreadingHTTPServer):
    connections = 0

    def __init__(self, before_answer: Callable[[bytes], object]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.before_answer = before_answer

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head and the body are written separately
    server: EmptyTable

    def do_POST(self) -> None:
        self.server.before_answer(self.rfile.read(int(self.headers["Content-Length"])))
        # DynamoDB's response to a BatchGetItem always has `Responses`, even if it found nothing.
        batch_get = self.headers["X-Amz-Target"].endswith(".BatchGetItem")
        body = b'{"Responses":{}}' if batch_get else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *line: object) -> None:
        pass


@contextmanager
def empty_table(
    before_answer: Callable[[bytes], object] = lambda body: None,
) -> Iterator[EmptyTable]:
    """Runs a table that calls `before_answer` with each request's body, then responds."""
    with EmptyTable(before_answer) as table:
        serving = Thread(target=table.serve_forever)
        serving.start()
        try:
            yield table
        finally:
            table.shutdown()
            serving.join()
