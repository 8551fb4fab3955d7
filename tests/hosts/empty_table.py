"""A table without items, which lets connections be kept and counts them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class EmptyTable(ThreadingHTTPServer):
    connections = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *line: object) -> None:
        pass


@contextmanager
def empty_table() -> Iterator[EmptyTable]:
    with EmptyTable(("127.0.0.1", 0), _Answer) as table:
        serving = Thread(target=table.serve_forever)
        serving.start()
        try:
            yield table
        finally:
            table.shutdown()
            serving.join()
