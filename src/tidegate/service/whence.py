"""From where a request comes, as far as limits tell it apart."""

from ipaddress import IPv6Address, IPv6Network

from fastapi import Request


def network(request: Request) -> str:
    """Return what one subscriber has: an IPv4 address, or the first half of an IPv6 address."""
    address = request.client.host if request.client else "unknown"
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped is not None:  # So a socket for both shows what comes by IPv4.
        return str(found.ipv4_mapped)
    return str(IPv6Network((found.packed, 64), strict=False))
