"""JPEG segments, with their lengths, and the coded data between them."""

from tests.fuzz.structure.part import Part, raw

_ALONE = (*range(0xD0, 0xDA), 0x01)
"""Markers without a length: restarts, start and end of the image."""


def parse(data: bytes) -> list[Part]:
    parts, at = [], 0
    while at < len(data):
        marker = data[at + 1] if data[at] == 0xFF and at + 1 < len(data) else 0x00
        if marker in (0x00, 0xFF):
            end = _marker(data, at + 1)
            parts.append(raw(data[at:end]))
        elif marker in _ALONE:
            end = at + 2
            parts.append(Part(data[at:end]))
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
            parts.append(Part(data[at : at + 2], bytearray(data[at + 4 : end])))
        at = end
    return parts


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_segment, parts))


def _marker(data: bytes, at: int) -> int:
    """Return where the next marker is, or the end."""
    while (at := data.find(b"\xff", at)) >= 0:
        if data[at + 1 : at + 2] not in (b"", b"\x00", b"\xff"):
            return at
        at += 1
    return len(data)


def _segment(part: Part) -> bytes:
    if not part.kind or part.kind[1] in _ALONE:
        return part.kind + part.body
    body = part.body[: 0xFFFF - 2]
    return part.kind + (2 + len(body)).to_bytes(2) + body
