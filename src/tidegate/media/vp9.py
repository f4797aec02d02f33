"""VP9 packets: the first bits of each frame.

Source: "VP9 Bitstream & Decoding Process Specification", 6.2 and annex B.
"""

from collections.abc import Iterator

from tidegate.media.peeked import ODD, Kind, Peeked

_SYNC = b"\x49\x83\x42"
_MARKER = 0b10


def peek(data: bytes) -> Peeked:
    """Read one packet: a frame, or a superframe of hidden frames and a shown one.

    A frame that no other refers to may still have changed the probabilities that the next
    one begins with, so none is free.
    """
    keys, shown = [], False
    for frame in _frames(data):
        head = frame[0]
        if head >> 6 != _MARKER:
            return ODD
        wide = head >> 4 & 0b11 == 0b11  # Profile 3 has one more bit.
        flags = (head << 8 | (frame[1] if wide else 0)) >> (7 if wide else 8)
        existing, inter, visible = flags & 0b1000, flags & 0b100, flags & 0b10
        if existing:
            keys.append(False)
            shown = True
            continue
        keys.append(not inter)
        if not inter and _SYNC not in frame[1:5]:
            return ODD
        shown = shown or bool(visible)
    if not shown or any(keys[1:]):
        return ODD
    return Peeked(Kind.CLOSED if keys[0] else Kind.PLAIN)


def _frames(data: bytes) -> Iterator[bytes]:
    """Split a superframe; a packet without an index is one frame."""
    last = data[-1]
    if last >> 5 != 0b110:
        yield data
        return
    count, width = (last & 0b111) + 1, (last >> 3 & 0b11) + 1
    index = data[-2 - count * width :]
    if index[0] != last:
        yield data
        return
    start, end = 0, len(data) - len(index)
    for place in range(1, 1 + count * width, width):
        size = int.from_bytes(index[place : place + width], "little")
        if size > end - start:
            raise ValueError("a frame larger than its packet")
        if size:
            yield data[start : start + size]
        start += size
