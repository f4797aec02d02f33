"""From 64 x 64 samples to the bits of PDQ: cosine transform, median, quality.

The way without the native library.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm" (2019).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tidegate.hashing.downscale import SIDE

FREQUENCIES = 16
"""Frequencies kept along each axis: 1 to 16, without the mean."""

BITS = FREQUENCIES * FREQUENCIES

GRID = 65536.0
"""Values of the transform count in steps of 1 / GRID. What is equal in truth, as in a
chessboard, then stays equal whatever the rounding errors of a way to compute it."""

POSITIONS = (
    (0, 0, False),
    (0, 1, True),
    (1, 1, False),
    (1, 0, True),
    (1, 0, False),
    (0, 1, False),
    (0, 0, True),
    (1, 1, True),
)
"""Each transform in turn: mirrored top to bottom, left to right, then transposed."""


@cache
def cosines() -> NDArray[np.float64]:
    """Return the (16, 64) rows 1 to 16 of the orthonormal cosine transform."""
    frequency = np.arange(1, FREQUENCIES + 1)[:, np.newaxis]
    position = 2 * np.arange(SIDE) + 1
    rows: NDArray[np.float64] = np.cos(np.pi / (2 * SIDE) * frequency * position)
    rows *= np.sqrt(2 / SIDE)
    return rows


def quality(samples: NDArray[np.float64]) -> int:
    """Return the sum of the steps between neighbours, 0 to 100.

    Steps count in whole hundredths of the range, cut off and in single precision as in
    the reference: small ones, which are noise, count nothing.
    """
    exact = samples.astype(np.float32)
    steps = sum(
        int(np.abs(np.diff(exact, axis=axis) * np.float32(100) / np.float32(255)).astype(int).sum())
        for axis in (0, 1)
    )
    return min(100, steps // 90)


def bits(samples: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return (n, 32) uint8 hashes of (n, 64, 64) samples.

    The median of an even number of values is the lower one of the middle two, and the
    first frequency is the last bit.
    """
    values = np.floor((cosines() @ samples @ cosines().T).reshape(-1, BITS) * GRID + 0.5)
    median = np.partition(values, BITS // 2 - 1, axis=1)[:, BITS // 2 - 1, np.newaxis]
    return np.packbits((values > median)[:, ::-1], axis=1)
