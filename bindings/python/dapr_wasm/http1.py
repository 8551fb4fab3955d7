"""HTTP/1.1 without I/O: writes the head of a request, and reads a response (RFC 9112).

httptools parses responses: Python's binding of llhttp, the parser of Node. The reader is strict.
A response that two readers could understand differently is damaged: its connection may be used
for the request of another instance.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from httptools import HttpParserCallbackError, HttpParserError, HttpResponseParser

from .failure import CONNECTION_LOST, DAMAGED, INVALID_REQUEST, Failure

MOST_METHOD = 64
MOST_AUTHORITY = 300
# The bytes of a response that may arrive without a byte of its body: the head, the line before
# a chunk, or the trailers. They are counted after each read.
MOST_HEAD = 65536

Fields = Sequence[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH = re.compile(rb"/[^\x00-\x20\x7f-\xff]*")

# The first byte of an alert: a TLS server refuses a request without TLS (RFC 8446, section 5.1).
_TLS_ALERT = b"\x15"

# These belong to the connection, which is the host's.
_OF_THE_HOST = frozenset(
    b"host content-length transfer-encoding connection keep-alive te trailer upgrade expect "
    b"http2-settings".split()
)
# A request with one of these methods has a body in exceptional cases only (RFC 9110, section 9.3).
_WITHOUT_BODY = frozenset([b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"])


def request_head(
    method: bytes, authority: bytes, path: bytes, fields: Fields, length: int
) -> bytes:
    """Returns the head of a request. Its texts are UTF-8, and are sent as ISO 8859-1.

    Raises a `Failure` if a part is invalid. Nothing in it can end a line early, so a component
    can send one request only.
    """
    if len(method) > MOST_METHOD or not _TOKEN.fullmatch(method):
        raise Failure(INVALID_REQUEST, "the method is not a token of at most 64 bytes")
    if method.upper() == b"CONNECT":
        raise Failure(INVALID_REQUEST, "the method CONNECT is refused")
    if not _PATH.fullmatch(path):
        raise Failure(
            INVALID_REQUEST, "the path does not begin with / or has spaces or control characters"
        )
    lines = [method, b" ", path, b" HTTP/1.1\r\nhost: ", authority, b"\r\n"]
    for name, value in fields:
        _check_name(name)
        lines += name, b": ", value, b"\r\n"
    line_count = len(fields) + 3
    if length or method not in _WITHOUT_BODY:
        lines.append(b"content-length: %d\r\n" % length)
        line_count += 1
    lines.append(b"\r\n")
    head = b"".join(lines)
    # Only a value can have further line breaks.
    if head.count(b"\n") != line_count or head.count(b"\r") != line_count or b"\0" in head:
        raise Failure(INVALID_REQUEST, "the value of a header has a line break or a NUL")
    if head.isascii():
        return head
    try:
        return head.decode().encode("latin-1")
    except UnicodeEncodeError:
        raise Failure(INVALID_REQUEST, "a header has a character above U+00FF") from None


@lru_cache(maxsize=256)
def _check_name(name: bytes) -> None:
    """Raises a `Failure` unless a component may send a header of this name."""
    if not _TOKEN.fullmatch(name):
        raise Failure(INVALID_REQUEST, "the name of a header is not a token")
    folded = name.lower()
    if folded in _OF_THE_HOST or folded.startswith(b"proxy-"):
        raise Failure(INVALID_REQUEST, f"the header {folded.decode()} belongs to the host")


class Response:
    """A whole response. Its fields are UTF-8, with names in lower case."""

    __slots__ = ("body", "fields", "is_reusable", "status")

    def __init__(self, status: int, fields: Fields, body: bytes, is_reusable: bool) -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.is_reusable = is_reusable
        """True if another request may be sent on the connection."""


class ResponseReader:
    """Reads one response from the bytes of a connection, in any number of parts."""

    def __init__(self, has_no_body: bool, most_body: int) -> None:
        """Reads a body of at most `most_body` bytes. A response to HEAD has none."""
        self._has_no_body = has_no_body
        self._message = _Message(has_no_body, most_body)
        self._parser = HttpResponseParser(self._message)
        self._without_body = 0
        """The bytes that have arrived since the last part of the body."""

    def read(self, data: bytes) -> Response | None:
        """Takes the next bytes. Returns the response if it is complete."""
        message = self._message
        size = message.size
        # llhttp would read a body after the head of a response to HEAD. A head ends with a line.
        parts = data.splitlines(keepends=True) if self._has_no_body else (data,)
        has_surplus = False
        message.parser = self._parser
        try:
            for part in parts:
                if message.is_complete:
                    has_surplus = True
                    break
                self._parser.feed_data(part)
        except HttpParserError as error:
            if not message.is_complete:
                is_first = not self._without_body and not message.has_head
                if is_first and data.startswith(_TLS_ALERT):
                    raise Failure(DAMAGED, "the server speaks TLS: use an https:// URL") from None
                raise _reason(error) from None
            has_surplus = True
        finally:
            message.parser = None  # no cycle of references would keep the body in memory
        if message.is_complete:
            return message.response(message.keeps_alive and not has_surplus)
        self._without_body = self._without_body + len(data) if message.size == size else 0
        if self._without_body > MOST_HEAD:
            excess = "a line between chunks" if message.has_head else "the head of the response"
            raise Failure(DAMAGED, f"{excess} exceeds {MOST_HEAD} bytes")
        return None

    def end(self, is_orderly: bool) -> Response:
        """Ends the response at the end of the connection.

        Raises a `Failure` unless that is its marked end.
        """
        message = self._message
        if not message.has_head:
            raise Failure(CONNECTION_LOST, "the server closed the connection before its response")
        if not message.ends_with_connection or not is_orderly:
            raise Failure(CONNECTION_LOST, "the server closed the connection within its response")
        return message.response(is_reusable=False)

    @property
    def has_head(self) -> bool:
        return self._message.has_head


class _Message:
    """The response so far. The parser calls the methods that begin with `on_`."""

    def __init__(self, has_no_body: bool, most_body: int) -> None:
        self.parser: HttpResponseParser | None = None
        """The parser, while it reads."""
        self._has_no_body = has_no_body
        self._most_body = most_body
        self._status = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self.size = 0
        """The size of the body so far."""
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        self.ends_with_connection = False
        """True if nothing else marks the end of the body."""

    def response(self, is_reusable: bool) -> Response:
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return Response(self._status, self._fields, body, is_reusable)

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise Failure(DAMAGED, "bytes follow the response")  # ends the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer
        value = value.rstrip(b" \t")
        if not value.isascii():
            value = value.decode("latin-1").encode()
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        assert parser is not None
        if parser.get_http_version() not in ("1.0", "1.1"):
            raise Failure(DAMAGED, "the response is not of HTTP/1.0 or HTTP/1.1")
        self._status = status = parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise Failure(DAMAGED, f"the response has the unexpected status {status}")
            self._fields = []  # an informational response: the final one follows
            return
        self.has_head = True
        self.keeps_alive = parser.should_keep_alive()
        if self._has_no_body:
            self.is_complete = True
        elif status not in (204, 304):
            self._frame(parser)

    def _frame(self, parser: HttpResponseParser) -> None:
        """Checks the end of the body (RFC 9112, section 6.3), if it has one."""
        fields = dict(self._fields)
        if b"transfer-encoding" in fields:
            # llhttp also accepts codings that nothing here decodes, and any coding in HTTP/1.0.
            codings = [
                value.lower() for name, value in self._fields if name == b"transfer-encoding"
            ]
            if codings != [b"chunked"] or parser.get_http_version() != "1.1":
                raise Failure(DAMAGED, "the response has an invalid transfer-encoding")
            # RFC 9112, section 7.1.1, allows spaces before the extensions of a chunk.
            parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        elif b"content-length" in fields:
            if int(fields[b"content-length"]) > self._most_body:
                raise self._too_long()
        else:
            self.ends_with_connection = True

    def on_body(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > self._most_body:
            raise self._too_long()
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self.is_complete = self.has_head

    def _too_long(self) -> Failure:
        return Failure(DAMAGED, f"the body is longer than {self._most_body} bytes")


def _reason(error: HttpParserError) -> BaseException:
    """Returns the exception of a callback, or else the failure of the parser."""
    if isinstance(error, HttpParserCallbackError) and error.__context__ is not None:
        return error.__context__
    return Failure(DAMAGED, f"the response is not valid HTTP/1.1: {error}")
