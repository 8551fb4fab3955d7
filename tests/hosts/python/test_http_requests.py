"""A component cannot send anything but one HTTP request to an address that is allowed."""

import socket

import pytest
from wasmtime import Engine
from wasmtime.component import Component

from dapr_wasm import HttpClient, Plugin, engine_config
from dapr_wasm.allow_list import is_internal
from http_server import http_server, with_response
from sends_requests import Failed, Request, Requests, load

# A component that imports wasi:http, as every component for other hosts does.
SENDS_BY_WASI = """
(component (import "wasi:http/outgoing-handler@0.2.0" (instance)))
"""


@pytest.fixture(scope="module")
def requests() -> Requests:
    return Requests(load().instantiate())


def refusal(requests: Requests, request: Request) -> tuple[str, str]:
    outcome = requests.try_send(request)
    assert isinstance(outcome, Failed)
    return outcome.case, outcome.cause or ""


@pytest.mark.parametrize("method", ["", "GET ", "A\r\nB", "é", "CONNECT", "connect", "M" * 65])
def test_invalid_method_is_refused(requests: Requests, method: str) -> None:
    case, cause = refusal(requests, Request("127.0.0.1:1", method=method))
    assert case == "invalid-request" and "method" in cause


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ":80",
        "a.example:",
        "a.example:0080",
        "a.example:+80",
        "a.example:65536",
        "a.example:٤",
        "user@a.example",
        "a.example/b",
        "a.example\r\nx: y",
        "a example",
        "a..example",
        "é.example",
        "::1",
        "[::1",
        "[::1]x",
        "[127.0.0.1]",
        "[fe80::1%1]",
        "a" * 301,
    ],
)
def test_invalid_authority_is_refused(requests: Requests, authority: str) -> None:
    assert refusal(requests, Request(authority))[0] == "invalid-request"


@pytest.mark.parametrize("path", ["", "a", "*", "/ ", "/\r\nx: y", "/\0", "/é", "http://a/"])
def test_invalid_path_is_refused(requests: Requests, path: str) -> None:
    case, cause = refusal(requests, Request("127.0.0.1:1", path_with_query=path))
    assert case == "invalid-request" and "path" in cause


@pytest.mark.parametrize(
    "header",
    [
        ("", "v"),
        ("a b", "v"),
        ("a:", "v"),
        ("é", "v"),
        ("a", "v\r\nb: c"),
        ("a", "v\nb"),
        ("a", "\0"),
        ("a", "ключ"),
        ("host", "v"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("keep-alive", "v"),
        ("proxy-connection", "v"),
        ("Proxy-Authorization", "v"),
        ("TE", "trailers"),
        ("trailer", "v"),
        ("upgrade", "v"),
        ("expect", "100-continue"),
        ("http2-settings", "v"),
    ],
    ids=repr,
)
def test_invalid_header_is_refused(requests: Requests, header: tuple[str, str]) -> None:
    case, cause = refusal(requests, Request("127.0.0.1:1", headers=[header]))
    assert case == "invalid-request" and "header" in cause


def test_longest_method_is_sent(requests: Requests) -> None:
    with http_server(with_response()) as server:
        requests.send(Request(server.authority, method="M" * 64))
        assert server.requests[0].line.startswith(b"M" * 64 + b" ")


def allowing(*rules: str) -> Requests:
    return Requests(load(HttpClient(allow=rules)).instantiate())


@pytest.mark.parametrize(
    ("rule", "authority"),
    [
        ("dynamodb.*.amazonaws.com:443", "dynamodb.amazonaws.com:443"),
        ("dynamodb.*.amazonaws.com:443", "a.dynamodb.eu-west-1.amazonaws.com:443"),
        ("dynamodb.*.amazonaws.com:443", "dynamodb.eu-west-1.amazonaws.com:80"),
        ("dynamodb.*.amazonaws.com:443", "dynamodb.eu-west-1.amazonaws.com.:443"),
        ("*.*.*.*:80", "127.0.0.1"),
        ("*:80", "2130706433"),
        ("a.example:80", "127.0.0.1"),
        ("127.0.0.1:80", "localhost"),
        ("[::1]:80", "127.0.0.1"),
    ],
)
def test_other_address_is_denied_before_a_lookup(
    rule: str, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    case, cause = refusal(allowing(rule), Request(authority))
    assert case == "denied" and "`allow`" in cause


def test_empty_list_allows_nothing() -> None:
    assert refusal(allowing(), Request("127.0.0.1:1"))[0] == "denied"


@pytest.mark.parametrize(
    ("rule", "authority"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("[0:0::1]:1", "[::1]:1"),
        ("LOCALHOST:1", "localhost:1"),
    ],
)
def test_allowed_address_is_connected_to(rule: str, authority: str) -> None:
    assert refusal(allowing(rule), Request(authority))[0] == "no-connection"


def test_wildcard_does_not_reach_internal_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(with_response()) as server:
        host, _, port = server.authority.partition(":")
        found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, int(port)))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found])
        request = Request(f"a.example:{port}")
        case, cause = refusal(allowing(f"*.example:{port}"), request)
        assert case == "denied" and "internal" in cause
        both = allowing(f"*.example:{port}", f"a.example:{port}")
        assert both.send(request).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "a.example",
        "[::1]",
        "a.example:443:",
        "a.example:0443",
        "http://a.example:80",
        "a*.example:443",
        "*a:443",
        "a b:443",
        "[a]:443",
    ],
)
def test_invalid_rule_is_a_value_error(rule: str) -> None:
    with pytest.raises(ValueError, match=r"^allow: "):
        HttpClient(allow=[rule])


@pytest.mark.parametrize("rule", ["127.0.*.1:80", "10.0.0.*:80", "*.1:80", "*.0x7f:80"])
def test_wildcard_within_an_address_is_refused(rule: str) -> None:
    with pytest.raises(ValueError) as raised:
        HttpClient(allow=[rule])
    reason = "has a * within an address; write a rule for each address, without a *"
    assert str(raised.value) == f"allow: '{rule}' {reason}"


def test_wildcard_may_stand_beside_digits_in_a_name() -> None:
    HttpClient(allow=["*.*.*.*:80", "1.*.example:80", "a.1.*:80", "*:80"])


def test_rule_instead_of_a_list_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="expected a list of rules, not str"):
        HttpClient(allow="a.example:443")
    with pytest.raises(TypeError, match="rules of type str, not int"):
        HttpClient(allow=[443])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("address", "internal"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("::1", True),
        ("fd00:ec2::254", True),
        ("fe80::1%1", True),
        ("::ffff:127.0.0.1", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("2002:7f00:1::1", True),
        ("1.1.1.1", False),
        ("52.94.8.10", False),
        ("::ffff:1.1.1.1", False),
        ("64:ff9b::101:101", False),
        ("2002:101:101::1", False),
        ("2600:1f18::1", False),
    ],
)
def test_internal_addresses_are_those_of_no_public_server(address: str, internal: bool) -> None:
    assert is_internal(address) == internal


def test_component_of_wasi_http_cannot_be_limited() -> None:
    engine = Engine(engine_config())
    component = Component(engine, SENDS_BY_WASI)
    with pytest.raises(ValueError, match=r"wasi:http.*dapr_dynamodb_hosted.wasm"):
        Plugin(engine, component, HttpClient(allow=[]))
    Plugin(engine, component, HttpClient())


@pytest.mark.parametrize("most", [0, -1])
def test_limit_of_connections_is_at_least_one(most: int) -> None:
    with pytest.raises(ValueError, match="max_connections"):
        HttpClient(max_connections=most)
