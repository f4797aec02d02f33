"""RIFF chunks and lists: WebP, AVI. The index of an AVI is not moved along."""

from tests.fuzz.structure.part import Part, nested

_LISTS = (b"RIFF", b"LIST")
_HEADS = {b"ANMF": 16}
"""Chunks of WebP with chunks inside, and how many bytes come before those."""


def parse(data: bytes) -> list[Part]:
    parts, at = [], 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
        head = 4 if kind in _LISTS else _HEADS.get(kind)
        parts.append(nested(kind, body, head, parse))
    return parts


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_chunk, parts))


def _chunk(part: Part) -> bytes:
    body = bytes(part.body) + join(part.parts or [])
    return part.kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
