"""Packets of an MPEG transport stream, with the checksums of their tables repaired."""

from tests.fuzz.structure.part import Part

_PACKET = 188
_TABLES = (0x00, 0x02, 0x42)
"""First bytes of the programme association, the programme map, the service description."""


def parse(data: bytes) -> list[Part]:
    starts = range(0, len(data), _PACKET)
    return [Part(data[at : at + 4], bytearray(data[at + 4 : at + _PACKET])) for at in starts]


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_packet, parts))


def _packet(part: Part) -> bytes:
    body = part.body[: _PACKET - 4].ljust(_PACKET - 4, b"\xff")
    starts, media = part.kind[1] & 0x40, body[1:4] == b"\0\0\1"
    if starts and not media and body[1] in _TABLES:
        end = 4 + (int.from_bytes(body[2:4]) & 0xFFF)
        if end - 4 >= 4 and end <= len(body):
            body[end - 4 : end] = _crc(body[1 : end - 4]).to_bytes(4)
    return part.kind + body


def _crc(data: bytearray) -> int:
    """Return the CRC-32 of ISO/IEC 13818-1, annex A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc
