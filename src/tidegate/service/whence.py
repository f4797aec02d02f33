"""From where a request comes, as far as limits tell it apart."""

from ipaddress import IPv6Address, IPv6Network

from fastapi import Request


def network(request: Request) -> str:
    """Return what one subscriber has: an IPv4 address, or the first half of an IPv6 address."""
    address = request.client.host if request.client else "unknown"
    try:
        return str(IPv6Network((IPv6Address(address).packed, 64), strict=False))
    except ValueError:
        return address
