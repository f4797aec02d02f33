"""PNG chunks, with their checksums repaired."""

import zlib

from tests.fuzz.structure.part import Part

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def parse(data: bytes) -> list[Part]:
    parts, at = [], len(_SIGNATURE)
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        parts.append(Part(data[at + 4 : at + 8], bytearray(data[at + 8 : end])))
        at = end + 4
    return parts


def join(parts: list[Part]) -> bytes:
    return _SIGNATURE + b"".join(map(_chunk, parts))


def _chunk(part: Part) -> bytes:
    body = part.kind + part.body
    return len(part.body).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)
