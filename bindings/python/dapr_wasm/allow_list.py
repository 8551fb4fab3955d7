"""The allow-list of an `HttpClient`: the hosts and ports that a component may reach.

The rules are those of `Egress` in dapr-wasm-host. A rule is `host:port`. It matches the host
that the component writes, before any lookup. A rule for a name does not allow the address of
that name, and a rule for an address allows no name.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
# One spelling for each port: no sign, no leading zero.
_PORT = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)

MOST_PORT = 65535

# Internal addresses: all that IANA lists as not globally reachable, and multicast.
# https://www.iana.org/assignments/iana-ipv4-special-registry
# https://www.iana.org/assignments/iana-ipv6-special-registry
_INTERNAL_V4 = [
    ip_network("0.0.0.0/8"),
    ip_network("10.0.0.0/8"),
    # Shared by carriers and clouds (RFC 6598). Alibaba Cloud's metadata is at 100.100.100.200.
    ip_network("100.64.0.0/10"),
    ip_network("127.0.0.0/8"),
    ip_network("169.254.0.0/16"),
    ip_network("172.16.0.0/12"),
    ip_network("192.0.0.0/24"),
    # Azure's metadata and DNS, a public address that leads each machine there to its host.
    ip_network("168.63.129.16/32"),
    ip_network("192.0.2.0/24"),
    ip_network("192.168.0.0/16"),
    ip_network("198.18.0.0/15"),
    ip_network("198.51.100.0/24"),
    ip_network("203.0.113.0/24"),
    ip_network("224.0.0.0/3"),
]
_INTERNAL_V6 = [
    ip_network("::/96"),
    ip_network("64:ff9b::/32"),
    ip_network("100::/63"),
    ip_network("2001::/23"),
    ip_network("2001:db8::/32"),
    ip_network("3fff::/20"),
    ip_network("5f00::/16"),
    ip_network("fc00::/7"),
    ip_network("fe80::/9"),
    ip_network("ff00::/8"),
]
# The prefixes of IPv6 addresses that contain an IPv4 address, and the place of its last bit.
_EMBEDDED_V4 = [
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("::ffff:0:0:0/96"), 0),
    (ip_network("64:ff9b::/96"), 0),
    (ip_network("2002::/16"), 80),
]


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, host and port. Each connection belongs to one origin."""

    tls: bool
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    address: Address | None
    """The host, if it is an address."""


@lru_cache(maxsize=1024)
def origin_of(authority: str, tls: bool) -> Origin:
    """Parses a host with an optional port. Raises `ValueError` with a reason."""
    host, port = authority, 443 if tls else 80
    before, colon, after = authority.rpartition(":")
    if colon and not after.endswith("]"):
        host, port = before, _port(after)
    name, address = _host(host)
    return Origin(tls, name, port, address)


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > MOST_PORT:
        raise ValueError("the port is not a number from 0 to 65535 without leading zeros")
    return int(text)


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            if not text.endswith("]") or "%" in text:
                raise ValueError
            address = IPv6Address(text[1:-1])
        except ValueError:
            raise ValueError("there is no IPv6 address in the brackets") from None
        return str(address), address
    if not _NAME.fullmatch(text):
        raise ValueError("the host is not a name, an IPv4 address or an IPv6 address in brackets")
    try:
        address_v4 = IPv4Address(text)
    except ValueError:
        return text.lower(), None
    return str(address_v4), address_v4


@dataclass(frozen=True, slots=True)
class _Rule:
    host: str
    port: int
    labels: tuple[str, ...] | None
    """The labels of a host with a `*`, from left to right."""

    def matches(self, origin: Origin) -> bool:
        if self.port != origin.port:
            return False
        if self.labels is None:
            return self.host == origin.host
        labels = origin.host.split(".")
        return (
            origin.address is None
            and len(labels) == len(self.labels)
            # A resolver reads `127.1` and `2130706433` as addresses. No top-level domain begins
            # with a digit.
            and not labels[-1][:1].isdigit()
            and all(
                _LABEL.fullmatch(label) if allowed == "*" else allowed == label
                for label, allowed in zip(labels, self.labels, strict=True)
            )
        )


def _rule(text: str) -> _Rule:
    def fault(reason: str) -> ValueError:
        return ValueError(f"allow: {text.rpartition('@')[2]!r} {reason}")

    if not isinstance(text, str):
        raise TypeError(f"allow: expected rules of type str, not {type(text).__name__}")
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        raise fault("has no port; write host:port, such as 127.0.0.1:8000")
    if not _PORT.fullmatch(port) or int(port) > MOST_PORT:
        raise fault("has an invalid port; write a number from 0 to 65535 without leading zeros")
    labels = host.split(".")
    if "*" in labels and all(label == "*" or _LABEL.fullmatch(label) for label in labels):
        if _is_meant_as_address(labels):
            raise fault("has a * within an address; write a rule for each address, without a *")
        return _Rule(host, int(port), tuple(label.lower() for label in labels))
    try:
        return _Rule(_host(host)[0], int(port), None)
    except ValueError:
        raise fault(
            "has an invalid host; write a name, an address (an IPv6 address in brackets), or * "
            "for one whole label of a name"
        ) from None


def _is_meant_as_address(labels: list[str]) -> bool:
    """Returns true for `127.0.*.1` and `10.0.*.*`. A `*` matches labels of names only."""
    fixed = [label for label in labels if label != "*"]
    # Such a last label matches nothing.
    return labels[-1][:1].isdigit() or (bool(fixed) and all(map(str.isdigit, fixed)))


class AllowList:
    """The rules of one client. `None` instead of rules allows every address."""

    def __init__(self, rules: Collection[str] | None) -> None:
        if isinstance(rules, str):
            raise TypeError(f"allow: expected a list of rules, not str; write [{rules!r}]")
        self._rules = None if rules is None else [_rule(text) for text in rules]

    @property
    def is_limited(self) -> bool:
        return self._rules is not None

    def permits(self, origin: Origin) -> bool:
        return self._rules is None or any(rule.matches(origin) for rule in self._rules)

    def permits_internal(self, origin: Origin) -> bool:
        """Returns true if the host may resolve to internal addresses.

        The owner of a name chooses its address in DNS. So a name that only a rule with a `*`
        allows must not resolve to an internal address.
        """
        if self._rules is None:
            return True
        return any(rule.labels is None and rule.matches(origin) for rule in self._rules)


def is_internal(text: str) -> bool:
    """Returns true for addresses of this machine, a private network or a metadata service."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        for prefix, shift in _EMBEDDED_V4:
            if address in prefix:
                address = IPv4Address(int(address) >> shift & 0xFFFF_FFFF)
                break
    networks = _INTERNAL_V4 if isinstance(address, IPv4Address) else _INTERNAL_V6
    return any(address in network for network in networks)
