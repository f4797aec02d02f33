"""The downscale of PDQ as two matrices.

PDQ blurs a picture with two box filters along each axis and then takes 64 x 64 samples
of it. Every step is linear and treats the axes alike, so the whole of it is
``operator(height) @ luma @ operator(width).T``, and because an operator is a narrow
band, each pixel is read once and adds to a few samples only.

The windows and the samples lie a little off the middle, so that a mirrored picture does
not have mirrored samples. Its own come from mirrored operators, in the same reading.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm" (2019).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Samples along each axis."""

PASSES = 2
"""Box filters along each axis: together a tent."""

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue."""

STRIP = 1 << 17
"""Values of the picture that are held as floats at a time: few enough to stay in cache."""

DUST = 1e-12
"""Weights below this are errors of rounding; real ones are far larger."""


class Strip(NamedTuple):
    """Rows of the picture, and what they add to which samples.

    Attributes:
        rows: Which rows of the picture.
        samples: Which of the 64 rows of samples they touch, at most n of them.
        weights: (2, n, rows) float32, plain and mirrored.
    """

    rows: slice
    samples: slice
    weights: NDArray[np.float32]


def downscale(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the 64 x 64 luma samples that PDQ sees, of the picture and its mirrorings.

    Args:
        picture: (height, width, 3) RGB or (height, width) grey, 0 to 255, not empty.

    Returns:
        (2, 2, 64, 64), 0.0 to 255.0. Element [v, h] belongs to the picture mirrored top
        to bottom where v is 1 and left to right where h is 1.
    """
    height, width = picture.shape[:2]
    channels = picture[0, 0].size
    across = np.zeros((2, SIDE, width * channels), np.float32)
    for rows, samples, weights in _strips(height, width * channels):
        strip = picture[rows].astype(np.float32).reshape(-1, width * channels)
        across[:, samples] += (weights.reshape(-1, len(strip)) @ strip).reshape(
            2, -1, width * channels
        )
    luma = across if channels == 1 else across.reshape(2, SIDE, width, channels) @ LUMA
    upright = luma[:, np.newaxis] @ _both(width).transpose(0, 2, 1)
    upright[1] = upright[1, :, ::-1]
    upright[:, 1] = upright[:, 1, :, ::-1]
    return upright


@lru_cache(maxsize=64)
def operator(length: int) -> NDArray[np.float64]:
    """Return the blur and the sampling along one axis.

    Args:
        length: Pixels along the axis, at least 1.

    Returns:
        (64, length); each row sums to 1. Read-only.
    """
    box = _box(length)
    centres = (2 * np.arange(SIDE) + 1) * length // (2 * SIDE)
    matrix = np.zeros((SIDE, length))
    matrix[np.arange(SIDE), centres] = 1.0
    for _ in range(PASSES):
        matrix = _times_box(matrix, box)
    # Running sums leave dust behind, and the band has to be narrow.
    matrix[np.abs(matrix) < DUST] = 0.0
    matrix.flags.writeable = False
    return matrix


def _both(length: int) -> NDArray[np.float64]:
    """Return (2, 64, length): the operator, and that of the mirrored axis.

    Both list their samples in the order of the plain axis, so their bands coincide.
    """
    plain = operator(length)
    return np.stack((plain, plain[::-1, ::-1]))


def _box(length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the window of each pixel starts and stops; at the edges it is cut off."""
    window = -(-length // (2 * SIDE))
    last = np.arange(length) + window // 2
    return np.maximum(last - window + 1, 0), np.minimum(last + 1, length)


def _times_box(
    matrix: NDArray[np.float64], box: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> NDArray[np.float64]:
    """Return ``matrix @ filter``, where row i of the filter averages its window.

    Each column of the matrix is spread evenly over a window: written as a difference at
    the window's ends and summed up, it needs no (length, length) filter.
    """
    start, stop = box
    share = matrix / (stop - start)
    steps = np.zeros((len(matrix), matrix.shape[1] + 1))
    for row, shares in zip(steps, share, strict=True):
        np.add.at(row, start, shares)
        np.subtract.at(row, stop, shares)
    return np.cumsum(steps, axis=1)[:, :-1]


@lru_cache(maxsize=16)
def _strips(height: int, row_size: int) -> tuple[Strip, ...]:
    """Cut the picture into strips of rows that fit the cache, with their weights."""
    matrices = _both(height)
    step = max(1, STRIP // row_size)
    strips = []
    for start in range(0, height, step):
        weights = matrices[:, :, start : start + step]
        touched = np.flatnonzero(weights.any(axis=(0, 2)))
        if len(touched):
            samples = slice(int(touched[0]), int(touched[-1]) + 1)
            rows = slice(start, min(start + step, height))
            strips.append(Strip(rows, samples, weights[:, samples].astype(np.float32)))
    return tuple(strips)
