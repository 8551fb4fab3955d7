"""HTTP/1.1 without I/O: writes the head of a request, and reads a response (RFC 9112).

The reader is strict. A response that two readers could understand differently is damaged:
its connection may be used for the request of another instance.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from .failure import CONNECTION_LOST, DAMAGED, INVALID_REQUEST, Failure

MOST_METHOD = 64
MOST_AUTHORITY = 300
# The longest head of a response, and the longest line within a chunked body. In bytes.
MOST_HEAD = 65536
MOST_CHUNK_LINE = 4096

Fields = Sequence[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH = re.compile(rb"/[^\x00-\x20\x7f-\xff]*")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?\r\n")
_FIELD = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n", re.MULTILINE)
_DIGITS = re.compile(rb"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?")

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
        self._most_body = most_body
        self._unread = b""
        self._status = 0
        self._fields: Fields = ()
        self._keeps_alive = False
        self._parts: list[bytes] | None = None
        """The parts of the body so far. `None` before the end of the head."""
        self._length: int | None = None
        """The bytes of the body that are missing. `None` if another end is marked."""
        self._chunked: _Chunked | None = None
        self._size = 0

    def read(self, data: bytes) -> Response | None:
        """Takes the next bytes. Returns the response if it is complete."""
        if self._parts is None:
            data = self._unread + data if self._unread else data
            end = self._head(data)
            if end is None:
                return None
            data = data[end:]
            self._parts = []
        if self._chunked is not None:
            done = self._chunked.read(data, self._parts)
            if self._chunked.size > self._most_body:
                raise self._too_long()
            return self._whole(self._chunked.has_no_surplus) if done else None
        if self._length is None:
            self._size += len(data)
            if self._size > self._most_body:
                raise self._too_long()
            self._parts.append(data)
            return None
        missing = self._length - len(data)
        if missing > 0:
            self._length = missing
            self._parts.append(data)
            return None
        self._parts.append(data[:missing] if missing else data)
        return self._whole(missing == 0)

    def end(self, is_orderly: bool) -> Response:
        """Ends with the connection. Raises a `Failure` unless that is the marked end."""
        if self._parts is None:
            raise Failure(CONNECTION_LOST, "the server closed the connection before its response")
        if self._length is not None or self._chunked is not None or not is_orderly:
            raise Failure(CONNECTION_LOST, "the server closed the connection within its response")
        self._keeps_alive = False
        return self._whole(False)

    @property
    def has_head(self) -> bool:
        return self._parts is not None

    def _whole(self, has_no_surplus: bool) -> Response:
        parts = self._parts or []
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return Response(self._status, self._fields, body, self._keeps_alive and has_no_surplus)

    def _too_long(self) -> Failure:
        return Failure(DAMAGED, f"the body is longer than {self._most_body} bytes")

    def _head(self, data: bytes) -> int | None:
        """Reads the head, and skips informational ones (RFC 9110, section 15.2)."""
        start = 0
        while True:
            end = data.find(b"\r\n\r\n", start)
            if (len(data) if end < 0 else end) - start > MOST_HEAD:
                raise Failure(DAMAGED, f"the head of the response exceeds {MOST_HEAD} bytes")
            if end < 0:
                self._unread = data[start:]
                return None
            self._parse(data[start : end + 2])
            start = end + 4
            if self._status >= 200:
                return start

    def _parse(self, head: bytes) -> None:
        if not head.isascii():
            head = head.decode("latin-1").encode()
        line = _STATUS_LINE.match(head)
        if line is None:
            raise Failure(DAMAGED, "the response does not begin with the status line of HTTP/1")
        self._status = int(line[2])
        if self._status == 101:
            raise Failure(DAMAGED, "the server switched to another protocol")
        found = _FIELD.findall(head, line.end())
        # Every line is a field. A line that is none, also one that ends without CR, is not found.
        if len(found) != head.count(b"\n") - 1:
            raise Failure(DAMAGED, "the response has an invalid header")
        self._fields = fields = [(name.lower(), value.rstrip(b" \t")) for name, value in found]
        is_1_1 = line[1] == b"1"
        self._keeps_alive = is_1_1
        lengths: list[bytes] = []
        codings: list[bytes] = []
        for name, value in fields:
            if name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value.lower())
            elif name == b"connection" and value != b"keep-alive":
                options = map(bytes.strip, value.lower().split(b","))
                self._keeps_alive &= b"close" not in options
        self._frame(lengths, codings, is_1_1)

    def _frame(self, lengths: list[bytes], codings: list[bytes], is_1_1: bool) -> None:
        """Determines the end of the body (RFC 9112, section 6.3)."""
        if self._status < 200:
            return  # an interim response: the final head decides
        if self._has_no_body or self._status in (204, 304):
            self._length = 0
        elif codings:
            if codings != [b"chunked"] or lengths or not is_1_1:
                raise Failure(DAMAGED, "the response has an invalid transfer-encoding")
            self._chunked = _Chunked()
        elif lengths:
            if not _DIGITS.fullmatch(lengths[0]) or lengths.count(lengths[0]) != len(lengths):
                raise Failure(DAMAGED, "the response has an invalid content-length")
            self._length = int(lengths[0])
            if self._length > self._most_body:
                raise self._too_long()


class _Chunked:
    """Reads a chunked body (RFC 9112, section 7.1). Drops extensions and trailers."""

    def __init__(self) -> None:
        self.size = 0
        """The size of all chunks so far. A chunk counts as soon as its size is known."""
        self.has_no_surplus = False
        self._line = b""
        self._missing = 0
        self._reads_trailers = False
        self._after_chunk = False

    def read(self, data: bytes, parts: list[bytes]) -> bool:
        """Returns true at the end of the body."""
        at = 0
        while True:
            if self._missing:
                part = data[at : at + self._missing]
                if part:
                    parts.append(part)
                self._missing -= len(part)
                at += len(part)
                if self._missing:
                    return False
                self._after_chunk = True
            end = data.find(b"\n", at)
            self._line += data[at:] if end < 0 else data[at : end + 1]
            if len(self._line) > MOST_CHUNK_LINE:
                raise Failure(DAMAGED, "a chunk of the response is invalid")
            if end < 0:
                return False
            at = end + 1
            line, self._line = self._line, b""
            if not line.endswith(b"\r\n"):
                raise Failure(DAMAGED, "a chunk of the response is invalid")
            if self._next(line[:-2]):
                self.has_no_surplus = at == len(data)
                return True

    def _next(self, line: bytes) -> bool:
        if self._after_chunk:
            if line:
                raise Failure(DAMAGED, "a chunk of the response is invalid")
            self._after_chunk = False
        elif self._reads_trailers:
            return not line
        else:
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise Failure(DAMAGED, "a chunk of the response is invalid")
            self._missing = int(size[1], 16)
            self.size += self._missing
            self._reads_trailers = self._missing == 0
        return False
