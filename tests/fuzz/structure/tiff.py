"""TIFF: directories, with their counts, and what lies between them. Offsets are not moved."""

from typing import Literal

from tests.fuzz.structure.part import Part, raw


def parse(data: bytes) -> list[Part]:
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    big = int.from_bytes(data[2:4], order) == 43
    count_size, entry_size, next_size = (8, 20, 8) if big else (2, 12, 4)
    at = int.from_bytes(data[8:16] if big else data[4:8], order)
    found = {}
    while at and at not in found:
        count = int.from_bytes(data[at : at + count_size], order)
        first = at + count_size
        end = first + count * entry_size
        entries = [raw(data[i : i + entry_size]) for i in range(first, end, entry_size)]
        found[at] = Part(data[:4], bytearray(data[end : end + next_size]), entries)
        at = int.from_bytes(data[end : end + next_size], order)
    header = 16 if big else 8
    parts, at = [raw(data[:header])], header
    for start, directory in sorted(found.items()):
        parts += [raw(data[at:start]), directory]
        at = start + len(_piece(directory))
    return [*parts, raw(data[at:])]


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_piece, parts))


def _piece(part: Part) -> bytes:
    """Return bytes as they are, or a directory: its kind is the start of the file."""
    if part.parts is None:
        return bytes(part.body)
    order: Literal["little", "big"] = "little" if part.kind[:2] == b"II" else "big"
    size = 8 if 43 in part.kind else 2
    count = min(len(part.parts), 0xFFFF).to_bytes(size, order)
    return count + b"".join(bytes(entry.body) for entry in part.parts) + part.body
