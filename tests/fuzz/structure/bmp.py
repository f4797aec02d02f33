"""BMP: the fields of its headers, each by itself, and the rest. Nothing needs repair."""

from itertools import accumulate, pairwise

from tests.fuzz.structure.part import Part, raw

_FILE = (2, 4, 2, 2, 4)
_OLD = (4, 2, 2, 2, 2)
_INFO = (4, 4, 4, 2, 2, 4, 4, 4, 4, 4, 4)
_MASKS = (4, 4, 4, 4)
"""Bytes of each field: of the file's header, that of OS/2, that of Windows, and its masks."""


def parse(data: bytes) -> list[Part]:
    start = int.from_bytes(data[10:14], "little")
    fields = _OLD if data[14] == 12 else _INFO + _MASKS if data[14] > 40 else _INFO
    edges = [0, *accumulate(_FILE + fields), start, len(data)]
    return [raw(data[low:high]) for low, high in pairwise(edges)]


def join(parts: list[Part]) -> bytes:
    return b"".join(bytes(part.body) for part in parts)
