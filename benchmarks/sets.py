"""Hashes to search in, and hashes to search for.

Two kinds. *Random* hashes are the kindest set there is: every bucket of an index is as full
as the next. *Lifelike* ones come in shots of forty frames that look alike, and their bits
lean as those of real pictures do, so some buckets are crowded and some queries meet a lot.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demo import media
from tidegate import hashing

Hashes = NDArray[np.uint8]
Kind = Literal["random", "lifelike"]

SHOT = 40
"""Frames of a shot: five seconds at eight frames a second."""

CROPS = 2000
"""Pieces of real photos that the lifelike hashes descend from."""

FARTHEST = 31
"""Bits that a planted query differs by at most."""


def make(kind: Kind, count: int, seed: int = 1) -> Hashes:
    """Return (count, 32) uint8, the same for the same arguments."""
    rng = np.random.default_rng(seed)
    return _random(rng, count) if kind == "random" else _lifelike(rng, count)


def copies(hashes: Hashes, count: int, seed: int = 2) -> tuple[Hashes, NDArray[np.int64]]:
    """Pick hashes and flip 0 to 31 bits of each.

    Returns:
        (count, 32) uint8, and (count,) the rows that they are copies of.
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(hashes), count)
    bits = np.unpackbits(hashes[rows], axis=1)
    for row, far in zip(bits, rng.integers(0, FARTHEST + 1, count), strict=True):
        row[rng.permutation(256)[:far]] ^= 1
    return np.packbits(bits, axis=1), rows


def hexes(hashes: Hashes) -> list[str]:
    """Return the hashes as the peers take them, 64 hexadecimal digits each."""
    digits = np.ascontiguousarray(hashes).tobytes().hex()
    return [digits[i : i + 64] for i in range(0, len(digits), 64)]


def _random(rng: np.random.Generator, count: int) -> Hashes:
    return np.frombuffer(rng.bytes(count * 32), np.uint8).reshape(count, 32)


def _lifelike(rng: np.random.Generator, count: int) -> Hashes:
    """Crops of photos, far enough apart to be strangers, each followed by its like."""
    shots = -(-count // SHOT)
    crops = _crops()
    heads = crops[rng.integers(0, len(crops), shots)] ^ _sparse(rng, shots, 2)
    frames = np.repeat(heads, SHOT, axis=0)[:count]
    return frames ^ _sparse(rng, count, 6)


def _sparse(rng: np.random.Generator, count: int, halvings: int) -> Hashes:
    """Return hashes of which a bit is set with a chance of 1 in 2**halvings."""
    noise = _random(rng, count).copy()
    for _ in range(halvings - 1):
        noise &= _random(rng, count)
    return noise


@cache
def _crops() -> Hashes:
    """Return the hashes of random pieces of the photos that packages ship."""
    rng = np.random.default_rng(0)
    photos = [np.asarray(media.photo(name)) for name in (*media.KNOWN, *media.UNRELATED)]
    found = []
    while len(found) < CROPS:
        photo = photos[rng.integers(len(photos))]
        side = int(rng.integers(96, 257))
        top, left = (int(rng.integers(0, length - side)) for length in photo.shape[:2])
        hashed = hashing.pdq(np.ascontiguousarray(photo[top : top + side, left : left + side]))
        if hashed.quality >= hashing.MIN_QUALITY:
            found.append(np.frombuffer(hashed.hash, np.uint8))
    return np.array(found)
