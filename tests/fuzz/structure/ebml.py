"""EBML elements: Matroska and WebM. Every size is written in eight bytes."""

from tests.fuzz.structure.part import Part

_MASTERS = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"),  # EBML, Segment
    *(b"\x11\x4d\x9b\x74", b"\x4d\xbb"),  # SeekHead, Seek
    *(b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b"),  # Info, Tracks
    *(b"\xae", b"\xe0", b"\xe1", b"\x55\xb0"),  # TrackEntry, Video, Audio, Colour
    *(b"\x1f\x43\xb6\x75", b"\xa0"),  # Cluster, BlockGroup
    *(b"\x1c\x53\xbb\x6b", b"\xbb", b"\xb7"),  # Cues, CuePoint, CueTrackPositions
    *(b"\x12\x54\xc3\x67", b"\x73\x73", b"\x63\xc0", b"\x67\xc8"),  # Tags and those inside
)
"""Elements with elements inside."""


def parse(data: bytes) -> list[Part]:
    parts, at = [], 0
    while at < len(data):
        kind = data[at : at + _width(data[at])]
        at += len(kind)
        width = _width(data[at])
        size = int.from_bytes(data[at : at + width]) & (1 << 7 * width) - 1
        at += width
        body = data[at : at + size]
        at += size
        if kind in _MASTERS:
            parts.append(Part(kind, parts=parse(body)))
        else:
            parts.append(Part(kind, bytearray(body)))
    return parts


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_element, parts))


def _width(first: int) -> int:
    """Return how long a number is that starts with this byte."""
    return 9 - first.bit_length()


def _element(part: Part) -> bytes:
    body = bytes(part.body) + join(part.parts or [])
    return part.kind + (1 << 56 | len(body)).to_bytes(8) + body
