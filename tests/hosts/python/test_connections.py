"""wasmtime's own HTTP client, which is what the package has, keeps no connection."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from stores import Stores

CALLS = 3


class Table(ThreadingHTTPServer):
    """A table without items, which lets connections be kept and counts them."""

    connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *line: object) -> None:
        pass


def test_each_request_has_a_connection_of_its_own(stores: Stores) -> None:
    with Table(("127.0.0.1", 0), Answer) as table:
        serving = Thread(target=table.serve_forever)
        serving.start()
        store = stores(f"http://127.0.0.1:{table.server_port}")
        before = table.connections
        for _ in range(CALLS):
            assert store.get("absent") is None
        table.shutdown()
        serving.join()
    assert table.connections - before == CALLS
