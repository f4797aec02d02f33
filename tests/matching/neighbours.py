"""Sets of hashes with neighbours, the answers by comparing all, and the ways to compute them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from tidegate.matching import kernel
from tidegate.matching.index import HammingIndex
from tidegate.matching.sections import SegmentError
from tidegate.native import library

Found = list[tuple[int, int, int]]

WAYS = ("baseline", "AVX2", "AVX-512", "NumPy")

Shape = Literal["random", "repeated", "ball", "equal", "bucket"]

SHAPES: tuple[Shape, ...] = ("random", "repeated", "ball", "equal", "bucket")


@contextmanager
def using(way: str) -> Iterator[None]:
    """Let a level of the native library, or NumPy, do the work."""
    native = library()
    with pytest.MonkeyPatch.context() as patch:
        if way == "NumPy":
            patch.setattr(kernel, "library", lambda: None)
            yield
            return
        level = WAYS.index(way)
        if native is None or native.tg_use_level(level) != level:
            pytest.skip(f"{way} is not to be had here")
        try:
            yield
        finally:
            native.tg_use_level(len(WAYS))


def compared(stored: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> Found:
    """Compare all with all, bit by bit: those of either, less twice those of both."""
    ones, asked = (np.unpackbits(each, axis=1).astype(np.float32) for each in (stored, queries))
    both = asked @ ones.T
    distance = asked.sum(axis=1)[:, np.newaxis] + ones.sum(axis=1) - 2 * both
    number, row = np.nonzero(distance <= radius)
    bits = distance[number, row].astype(int)
    hits = zip(number.tolist(), row.tolist(), bits.tolist(), strict=True)
    return sorted(hits, key=lambda hit: (hit[0], hit[2], hit[1]))


def answered(
    index: HammingIndex, queries: NDArray[np.uint8], radius: int, threads: int = 1
) -> Found:
    hits = index.search(queries, radius, threads=threads)
    return list(zip(*(column.tolist() for column in hits), strict=True))


def random(size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (size, 32), np.uint8)


def flipped(row: NDArray[np.uint8], bits: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    mask = np.zeros(256, np.uint8)
    mask[rng.permutation(256)[:bits]] = 1
    return row ^ np.packbits(mask)


def shaped(shape: Shape, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Hashes that are spread evenly, or not at all."""
    stored = random(size, rng)
    if shape == "repeated" and size:
        return stored[rng.integers(0, max(1, size // 3), size)]
    if shape == "ball":
        for row in range(size // 10):
            stored[row] = flipped(stored[-1], int(rng.integers(0, 9)), rng)
    elif shape == "equal":
        stored[:] = stored[:1]
    elif shape == "bucket":
        # Half of all bytes are the same, and so are half of the bits of each chunk.
        stored[:, rng.permutation(32)[:16]] = 7
    return stored


def fault(attempt: Callable[[], object]) -> SegmentError | None:
    """What an attempt finds wrong with a file."""
    try:
        attempt()
    except SegmentError as error:
        return error
    return None
