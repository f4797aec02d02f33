"""AV1 packets: the open bitstream units of a temporal unit.

Source: "AV1 Bitstream & Decoding Process Specification", 5.3 to 5.9 and 7.20.
"""

from collections.abc import Iterator

from tidegate.media.peeked import ODD, Kind, Peeked

_SEQUENCE, _HEADER, _FRAME = 1, 3, 6
_KNOWN = {_SEQUENCE, 2, _HEADER, 4, 5, _FRAME, 7, 15}
"""With temporal delimiters, tile groups, metadata, repeated headers and padding."""

_KEY = 0


def peek(data: bytes) -> Peeked:
    """Read one temporal unit. The decoder leaves out free frames by itself, or not at all."""
    sequence, keys, whole = False, [], False
    for type, payload in _units(data):
        if type not in _KNOWN:
            return ODD
        if type == _SEQUENCE:
            sequence = True
            if payload[0] & 0b1000:  # A still picture, whose frames have no such headers.
                return ODD
        if type in (_HEADER, _FRAME):
            head = payload[0]
            existing, kind, shown = head >> 7, head >> 5 & 0b11, head >> 4 & 1
            key = not existing and kind == _KEY
            if key and not shown:
                return ODD
            keys.append(key)
            whole = whole or bool(existing or shown)
    if not whole or any(keys[1:]) or sequence != keys[0]:
        return ODD
    return Peeked(Kind.CLOSED if keys[0] else Kind.PLAIN)


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each unit's type and the first byte of its payload, if it has any."""
    at = 0
    while at < len(data):
        head = data[at]
        if head & 0b10000001:
            raise ValueError("a bit that is always 0 is set")
        at += 2 if head & 0b100 else 1
        size = len(data) - at
        if head & 0b10:
            size, at = _number(data, at)
        if not 0 <= size <= len(data) - at:
            raise ValueError("a unit larger than its packet")
        yield head >> 3 & 0b1111, data[at : at + min(size, 1)]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; return it and where it ends."""
    value = 0
    for shift in range(0, 56, 7):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("a number that does not end")
