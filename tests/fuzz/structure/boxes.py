"""ISO base media boxes: MP4, AVIF, HEIC. Offsets into the media are not moved along."""

from tests.fuzz.structure.part import Part, nested

_PLAIN = (
    *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex"),
    *(b"moof", b"traf", b"mfra", b"iprp", b"ipco"),
)
_HEADS = {
    **dict.fromkeys(_PLAIN, 0),
    b"meta": 4,
    b"stsd": 8,
    b"dref": 8,
    b"iinf": 6,
    b"iref": 4,
    **dict.fromkeys((b"avc1", b"hvc1", b"hev1", b"av01", b"mp4v", b"vp09"), 78),
}
"""Boxes with boxes inside, and how many bytes come before those."""


def parse(data: bytes) -> list[Part]:
    parts, at = [], 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + size]
        at += max(8, size)
        head = _HEADS.get(kind)
        parts.append(nested(kind, body, head, parse))
    return parts


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_box, parts))


def _box(part: Part) -> bytes:
    body = bytes(part.body) + join(part.parts or [])
    return (8 + len(body)).to_bytes(4) + part.kind + body
