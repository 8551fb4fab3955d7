"""The reader of responses is strict, and independent of the parts in which bytes arrive."""

import pytest

from dapr_wasm.failure import Failure
from dapr_wasm.http1 import MOST_HEAD, Response, ResponseReader

MOST_BODY = 1000

OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, size: int = 1 << 20, has_no_body: bool = False) -> Response | None:
    reader = ResponseReader(has_no_body, MOST_BODY)
    for at in range(0, len(data), size):
        response = reader.read(data[at : at + size])
        if response is not None:
            response.is_reusable &= at + size >= len(data)
            return response
    return None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "data",
    [
        OK + b"content-length: 4\r\n\r\nfour",
        OK + b"Content-Length:4 \r\n\r\nfour",
        OK + b"transfer-encoding: Chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n01\r\nf\r\n3;a=b\r\nour\r\n0 ;c\r\nx: y\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n"
        + OK
        + b"content-length: 4\r\n\r\nfour",
    ],
)
def test_response_is_read_in_any_parts(data: bytes, size: int) -> None:
    response = read(data, size)
    assert response is not None
    assert (response.status, response.body, response.is_reusable) == (200, b"four", True)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfour",
        OK + b"connection: Close\r\ncontent-length: 4\r\n\r\nfour",
        OK + b"connection: x, close\r\ncontent-length: 4\r\n\r\nfour",
        OK + b"connection: close\r\ncontent-length: 4\r\n\r\nfour more",
        OK + b"content-length: 4\r\n\r\nfour more",
        OK + b"transfer-encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\nmore",
    ],
)
def test_connection_is_not_used_after_such_a_response(data: bytes) -> None:
    response = read(data)
    assert response is not None and response.body == b"four" and not response.is_reusable


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    response = read(b"HTTP/1.1 %d Any\r\ncontent-length: 4\r\n\r\n" % status)
    assert response is not None and response.body == b""


def test_response_to_head_has_no_body() -> None:
    response = read(OK + b"content-length: 4\r\n\r\n", has_no_body=True)
    assert response is not None and response.body == b"" and response.is_reusable


@pytest.mark.parametrize("surplus", [b"four", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_surplus_after_a_response_to_head_is_found(surplus: bytes) -> None:
    response = read(OK + b"content-length: 4\r\n\r\n" + surplus, has_no_body=True)
    assert response is not None and response.body == b"" and not response.is_reusable


def test_trailers_are_no_headers() -> None:
    response = read(OK + b"transfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n")
    assert response is not None and response.fields == [(b"transfer-encoding", b"chunked")]


def test_fields_of_an_interim_response_are_dropped() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
    response = read(interim + OK + b"content-length: 0\r\n\r\n")
    assert response is not None and response.fields == [(b"content-length", b"0")]


def test_second_response_leaves_the_first_unchanged() -> None:
    first = OK + b"content-length: 4\r\n\r\nfour"
    response = read(first + b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno")
    assert response is not None and not response.is_reusable
    assert (response.status, response.body) == (200, b"four")
    assert response.fields == [(b"content-length", b"4")]


@pytest.mark.parametrize("status", [100, 103])
def test_interim_response_does_not_end_the_body(status: int) -> None:
    reader = ResponseReader(False, MOST_BODY)
    interim = b"HTTP/1.1 %d Interim\r\nlink: a\r\n\r\n" % status
    assert reader.read(interim + OK + b"\r\nfo") is None
    assert reader.read(b"ur") is None
    response = reader.end(is_orderly=True)
    assert response.body == b"four" and not response.is_reusable


def test_body_without_a_length_ends_with_the_connection() -> None:
    reader = ResponseReader(False, MOST_BODY)
    assert reader.read(OK + b"\r\nfo") is None
    assert reader.read(b"ur") is None
    response = reader.end(is_orderly=True)
    assert response.body == b"four" and not response.is_reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a : c\r\n\r\n",
        OK + b": c\r\n\r\n",
        OK + b"a: b\n c: d\r\n\r\n",
        OK + b"a: b\nc: d\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a: \0\r\n\r\n",
        OK + b"a: b\rc: d\r\n\r\n",
        OK + b"content-length: 4\r\ncontent-length: 4\r\n\r\n",
        OK + b"content-length: 4\r\ncontent-length: 5\r\n\r\n",
        OK + b"content-length: 4, 4\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: +4\r\n\r\n",
        OK + b"content-length: 0x4\r\n\r\n",
        OK + b"content-length: \r\n\r\n",
        OK + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
        OK + b"transfer-encoding: gzip\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
        OK + b"transfer-encoding: chunked, chunked\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nx\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n4\nfour",
        OK + b"transfer-encoding: chunked\r\n\r\n4\r\nfour!\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n" + b"1" * 5000,
        OK + b"transfer-encoding: chunked\r\n\r\nffffff\r\n" + b"v" * (MOST_BODY + 1),
        OK + b"transfer-encoding: chunked\r\n\r\n1;a=" + b"v" * MOST_HEAD,
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\na: " + b"v" * MOST_HEAD,
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * (MOST_HEAD // 6 + 1),
        OK + b"content-length: %d\r\n\r\n" % (MOST_BODY + 1),
        OK + b"\r\n" + b"v" * (MOST_BODY + 1),
        OK + b"a: " + b"v" * MOST_HEAD,
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_invalid_response_is_damaged(data: bytes, size: int) -> None:
    with pytest.raises(Failure) as raised:
        read(data, size)
    assert raised.value.case == "damaged"


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_tls_alert_as_a_response_names_https(size: int) -> None:
    with pytest.raises(Failure) as raised:
        read(b"\x15\x03\x01\x00\x02\x02\x46", size)
    assert raised.value.case == "damaged"
    assert raised.value.cause == "the server speaks TLS: use an https:// URL"
