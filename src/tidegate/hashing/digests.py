"""Exact digests: they meet a copy of the file, byte for byte, and nothing else."""

import hashlib
import sys
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
"""Bytes read at a time."""


class Digests(NamedTuple):
    """What identifies the bytes of a file.

    Attributes:
        sha256: 64 lower-case hexadecimal digits.
        md5: 32 lower-case hexadecimal digits; older hash lists carry nothing else.
        size: Number of bytes.
    """

    sha256: str
    md5: str
    size: int


def digests(file: BinaryIO, most: int = sys.maxsize) -> Digests:
    """Read a file once, from its start to its end, and return its digests.

    Args:
        file: Open for reading bytes, seekable.
        most: Bytes to read at most. A file that grows as fast as it is read has no end.

    Raises:
        OSError: The file cannot be read.
    """
    sha256 = hashlib.sha256(usedforsecurity=False)
    md5 = hashlib.md5(usedforsecurity=False)
    size = 0
    file.seek(0)
    while chunk := file.read(min(CHUNK, most - size)):
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return Digests(sha256.hexdigest(), md5.hexdigest(), size)
