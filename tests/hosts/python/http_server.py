"""A server for tests of the HTTP client. It counts connections, and each test decides its bytes."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

# The seconds after which a test that waits for another thread fails.
PATIENCE = 10


@dataclass(frozen=True)
class Received:
    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n")[0]

    def header(self, name: bytes) -> bytes | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b": ")
            if key == name:
                return value
        return None


Respond = Callable[[socket.socket, Received], object]
"""Answers a request. The server closes the connection if it raises `OSError` or returns `CLOSE`."""

CLOSE = object()


def response(body: bytes = b"", status: int = 200, *fields: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Any" % status, b"content-length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def with_response(body: bytes = b"", status: int = 200, *fields: bytes) -> Respond:
    return lambda sock, _: sock.sendall(response(body, status, *fields))


@dataclass
class HttpServer:
    authority: str
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    ended: int = 0
    """The number of connections that the client has closed."""
    has_ended: Event = field(default_factory=Event)
    """Set when a connection has ended."""
    open: list[socket.socket] = field(default_factory=list)

    def close_connections(self) -> None:
        """Closes all connections from the side of the server."""
        for sock in self.open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def http_server(respond: Respond, tls: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(f"127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                Thread(target=serve, args=(sock,), daemon=True).start()

        def serve(sock: socket.socket) -> None:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if tls is not None:
                    sock = tls.wrap_socket(sock, server_side=True)
                server.open.append(sock)
                while (received := read_request(sock)) is not None:
                    server.requests.append(received)
                    if respond(sock, received) is CLOSE:
                        break
            server.ended += 1
            server.has_ended.set()
            sock.close()

        Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            server.close_connections()


def read_request(sock: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = Received(head, b"").header(b"content-length") or b"0"
    parts = [body]
    missing = int(length) - len(body)
    while missing > 0:
        part = sock.recv(1 << 20)
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return Received(head, b"".join(parts))
