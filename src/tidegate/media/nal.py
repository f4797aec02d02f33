"""H.264 and HEVC packets: the headers of their network abstraction layer (NAL) units.

Sources: ITU-T H.264, 7.3.1, 7.4.1 and annex D; ITU-T H.265, 7.3.1, 7.4.2.2, 8.1 and annex D.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

from tidegate.media.peeked import ODD, Kind, Peeked

_MOST = 4096
"""Units of a packet; more are odd. A frame has as many as it has slices."""

_PASSING = {0, 1, 3, 4, 5, 129, 130, 131, 132}
"""Supplemental messages about their own frame alone: timing, filler, captions, hashes.

Others, such as a recovery point or the grain of the film, reach further."""

Units = Callable[[bytes], Iterator[tuple[int, int]]]


def h264(extradata: bytes) -> Callable[[bytes], Peeked]:
    """Return what reads the packets of an H.264 stream with this header."""
    prefix = (extradata[4] & 3) + 1 if len(extradata) >= 7 and extradata[0] == 1 else 0

    def peek(data: bytes) -> Peeked:
        slices, references, plain = set(), False, True
        for start, end in units(data, prefix):
            head = data[start]
            type = head & 31
            if head & 0x80:
                return ODD
            match type:
                case 1 | 5:
                    slices.add(type)
                    references = references or bool(head & 0x60)
                case 6:
                    plain = plain and _passing(data[start + 1 : end])
                case 7 | 8 | 13:  # Parameter sets
                    plain = False
                case 9 | 12:  # Delimiter, filler
                    pass
                case _:
                    return ODD
        if slices == {5}:
            return Peeked(Kind.CLOSED)
        if slices != {1} or not plain:
            return ODD
        return Peeked(Kind.PLAIN, free=not references)

    return peek


def hevc(extradata: bytes) -> Callable[[bytes], Peeked]:
    """Return what reads the packets of an HEVC stream with this header."""
    prefix = (extradata[21] & 3) + 1 if len(extradata) >= 23 and extradata[0] == 1 else 0

    def peek(data: bytes) -> Peeked:
        slices, layers, plain = set(), set(), True
        for start, end in units(data, prefix):
            head = int.from_bytes(data[start : start + 2], "big")
            if head & 0x81F8 or not head & 7:  # Forbidden bit, or of a further view
                return ODD
            type = head >> 9
            if type <= 9 or 16 <= type <= 21:
                slices.add(type)
                layers.add((head & 7) - 1)
            elif type in (39, 40):
                plain = plain and _passing(data[start + 2 : end])
            elif type in (32, 33, 34):  # Parameter sets
                plain = False
            elif type not in (35, 38, 62):  # Delimiter, filler, Dolby Vision
                return ODD
        if len(slices) != 1 or len(layers) != 1:
            return ODD
        (type,), (layer,) = slices, layers
        if type == 20:  # IDR_N_LP
            return Peeked(Kind.CLOSED)
        if type in (19, 21):  # IDR_W_RADL, CRA
            return Peeked(Kind.OPEN)
        if type >= 16 or not plain:
            return ODD
        return Peeked(Kind.PLAIN, free=type % 2 == 0, layer=layer)

    return peek


def units(data: bytes, prefix: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each unit, split by lengths or else by start codes.

    Raises:
        ValueError: The units do not make up the packet, or are too many.
    """
    for count, (start, end) in enumerate(_prefixed(data, prefix) if prefix else _marked(data)):
        if count >= _MOST or start >= end:
            raise ValueError("too many units, or an empty one")
        yield start, end


def _prefixed(data: bytes, prefix: int) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        start = at + prefix
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise ValueError("a unit larger than its packet")
        yield start, at


def _marked(data: bytes) -> Iterator[tuple[int, int]]:
    marks = []
    at = data.find(b"\0\0\1")
    if at < 0 or any(data[:at]):
        raise ValueError("no start code at the start")
    while at >= 0:
        marks.append(at)
        if len(marks) > _MOST:
            raise ValueError("too many units")
        at = data.find(b"\0\0\1", at + 3)
    for mark, after in pairwise([*marks, len(data)]):
        end = after
        while end > mark + 3 and data[end - 1] == 0:
            end -= 1
        yield mark + 3, end


def _passing(message: bytes) -> bool:
    """Return whether supplemental messages are about their own frame alone."""
    data = message.replace(b"\0\0\3", b"\0\0")
    at = 0
    while at < len(data) - 1:  # The last byte ends the unit.
        numbers = []
        for _ in range(2):
            value = 0
            while data[at] == 0xFF:
                value += 255
                at += 1
            numbers.append(value + data[at])
            at += 1
        type, size = numbers
        at += size
        if type not in _PASSING:
            return False
    return at < len(data)
