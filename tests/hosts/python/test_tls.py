"""TLS: the certificate of a server is verified, and connections stay open."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from dapr_wasm import HttpClient
from http_server import HttpServer, http_server, with_response
from sends_requests import Failed, Request, Requests, Scheme, load


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def root(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("root") / "root.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[HttpServer]:
    with http_server(with_response(b"{}"), context(authority, "127.0.0.1")) as server:
        yield server


def https(authority: str) -> Request:
    return Request(authority, scheme=Scheme.HTTPS, body="a")


def case(client: HttpClient, request: Request) -> str:
    outcome = Requests(load(client).instantiate()).try_send(request)
    assert isinstance(outcome, Failed), outcome
    return outcome.case


def test_many_requests_use_one_encrypted_connection(server: HttpServer, root: Path) -> None:
    requests = Requests(load(HttpClient(root_certificates=root)).instantiate())
    for _ in range(50):
        assert requests.send(https(server.authority)).body == b"{}"
    assert (len(server.requests), server.connections) == (50, 1)


def test_large_bodies_pass_through_tls(authority: trustme.CA, root: Path) -> None:
    requests = Requests(load(HttpClient(root_certificates=root)).instantiate())
    body = "v" * 3_000_000
    respond = with_response(body.encode())
    with http_server(respond, context(authority, "127.0.0.1")) as server:
        found = requests.send(Request(server.authority, scheme=Scheme.HTTPS, body=body))
        assert server.requests[0].body == found.body == body.encode()


def test_unknown_root_is_not_trusted(server: HttpServer) -> None:
    assert case(HttpClient(), https(server.authority)) == "certificate-not-trusted"
    assert server.requests == []


def test_certificate_of_another_name_is_not_trusted(authority: trustme.CA, root: Path) -> None:
    client = HttpClient(root_certificates=root)
    with http_server(with_response(), context(authority, "a.example")) as server:
        assert case(client, https(server.authority)) == "certificate-not-trusted"
        assert server.requests == []


def test_plain_server_fails_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:

        def respond_in_plain_text() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        serving = threads.submit(respond_in_plain_text)
        authority = f"127.0.0.1:{listener.getsockname()[1]}"
        assert case(HttpClient(), https(authority)) == "tls-failed"
        serving.result()


def test_missing_file_of_roots_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "missing.pem"
    with pytest.raises(FileNotFoundError) as raised:
        HttpClient(root_certificates=file)
    reason = f"'{file}' cannot be read (No such file or directory); give the path"
    assert f"root_certificates: {reason}" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["empty", "text", "no certificate"],
)
def test_file_without_certificates_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "text.pem"
    file.write_text(text)
    with pytest.raises(ssl.SSLError) as raised:
        HttpClient(root_certificates=file)
    assert f"root_certificates: '{file}' has an invalid certificate" in str(raised.value)
    assert "give a PEM file" in str(raised.value)
