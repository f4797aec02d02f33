"""Where a URL of a stranger may lead: read in one way only, and to public addresses alone.

Sources: WHATWG URL (what clients make of a host), RFC 3986, RFC 5890 and UTS #46 (names), the
IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890), OWASP's "Server-Side
Request Forgery Prevention Cheat Sheet".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

import idna

from tidegate.service.fetch_error import FetchError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Scheme: TypeAlias = Literal["https", "http"]

LONGEST = 4096
"""Characters of a URL; more is refused."""

_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986, section 2, and "%": what is encoded by now stays as it is.
_AS_IT_IS = "%/?:@!$&'()*+,;=-._~[]"

_NOT_PUBLIC_4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, and unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own services to its virtual machines, metadata among them
        "169.254.0.0/16",  # link-local; metadata of most clouds at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Where requests may go. The default is for what strangers name.

    Attributes:
        schemes: ``https``, and ``http`` where it has to be.
        ports: TCP ports.
        networks: Networks that may be reached beside the public ones, for targets that an
            operator sets: ``10.20.0.0/16``.
        never: Networks that are never reached, public or not: public addresses that lead
            inside, those of the service itself, a NAT64 prefix of one's own.
        short_names: Whether a name without a dot is looked up, in the search domains and the
            hosts file of the machine: ``coop`` in a Docker network.
    """

    schemes: frozenset[Scheme] = frozenset({"https"})
    ports: frozenset[int] = frozenset({443})
    networks: tuple[Network, ...] = ()
    never: tuple[Network, ...] = ()
    short_names: bool = False

    def allows(self, address: Address) -> bool:
        """Return whether an address may be reached."""
        if any(one in network for one in (address, *_inside(address)) for network in self.never):
            return False
        return is_public(address) or any(address in network for network in self.networks)


class Place(NamedTuple):
    """One URL, read.

    Attributes:
        scheme: ``https`` or ``http``.
        host: An address, or a name in lower-case ASCII without a dot at its end.
        port: TCP port.
        target: Path and query, in ASCII.
    """

    scheme: Scheme
    host: Address | str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What goes into ``Host``: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.host, IPv6Address) else str(self.host)
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, written in the one way."""
        return f"{self.scheme}://{self.authority}{self.target}"


def read_url(url: str, allowance: Allowance) -> Place:
    """Read a URL strictly: what two clients could understand in two ways is refused.

    Raises:
        FetchError: Not a URL, or not one that the allowance lets through.
    """
    check_characters(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchError("url", "is not a valid URL") from None
    scheme = _scheme(parts.scheme, allowance)
    if "@" in parts.netloc:
        raise FetchError("url", "must not hold a user name or a password")
    host = _host(parts.netloc, allowance)
    port = _PORTS[scheme] if port is None else port
    if port not in allowance.ports:
        raise FetchError("port", f"port {port} is not allowed")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        raise FetchError("url", "is not a valid URL")
    return Place(scheme, host, port, quote(target, safe=_AS_IT_IS))


def check_characters(url: str) -> None:
    """Refuse what some clients strip or take for something else.

    Raises:
        FetchError: Longer than 4096 characters, a control character, a space, a backslash.
    """
    if len(url) > LONGEST:
        raise FetchError("url", f"is longer than {LONGEST} characters")
    if any(c <= " " or "\x7f" <= c <= "\xa0" or c == "\\" or c.isspace() for c in url):
        raise FetchError("url", "must not hold spaces, control characters or backslashes")
    if any("\ud800" <= c <= "\udfff" for c in url):
        raise FetchError("url", "is not valid Unicode")


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet and means nothing else.

    Of IPv6 only global unicast is, without the parts of it that carry an IPv4 address or are
    set aside. An address of the well-known prefix of NAT64 is as public as the IPv4 address in
    it: a host without IPv4 reaches the rest of the world by no other (RFC 6052).
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None or _is_isatap(address):
        return False
    if address in _NAT64:
        return is_public(_last_32(address))
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks as an operator writes them, ``10.20.0.0/16``.

    Raises:
        ValueError: One is not a network, or has bits set beyond its length.
    """
    return tuple(ip_network(text) for text in texts)


def _scheme(text: str, allowance: Allowance) -> Scheme:
    for scheme in allowance.schemes:
        if text == scheme:
            return scheme
    raise FetchError("scheme", f"must begin with {' or '.join(sorted(allowance.schemes))}://")


def _host(netloc: str, allowance: Allowance) -> Address | str:
    """Read the host out of ``host``, ``host:port`` or ``[address]:port``."""
    if netloc.startswith("["):
        text, closed, rest = netloc[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _no_host()
        return _address(text, IPv6Address)
    written = netloc.partition(":")[0]
    text = _ascii(written)
    labels = text.split(".")
    # As the URL standard has it, a host that ends in a number is an IPv4 address; here only
    # four decimal numbers in ASCII are one.
    if _NUMBER.fullmatch(labels[-1]):
        return _address(written, IPv4Address)
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    if len(labels) == 1 and not allowance.short_names:
        raise FetchError("host", "must be a full name, with a dot in it")
    return text


def _ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except UnicodeError:
        raise _no_host() from None


def _address(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> Address:
    try:
        address = kind(text)
    except ValueError:
        raise _no_host() from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise _no_host()
    return address


def _no_host() -> FetchError:
    return FetchError("url", "does not name a valid host")


def _inside(address: Address) -> tuple[Address, ...]:
    return (_last_32(address),) if isinstance(address, IPv6Address) and address in _NAT64 else ()


def _last_32(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _is_isatap(address: IPv6Address) -> bool:
    """Return whether the lower half says that an IPv4 address is at its end (RFC 5214)."""
    return int(address) >> 32 & 0xFFFFFFFF in (0x00005EFE, 0x02005EFE)
