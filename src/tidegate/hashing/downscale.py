"""The downscale of PDQ as two matrices of whole numbers.

PDQ blurs a picture with two box filters along each axis and then takes 64 x 64 samples
of it. Every step is linear and treats the axes alike, so the whole of it is
``operator(height) @ luma @ operator(width).T``, and because an operator is a narrow
band, each pixel is read once and adds to one sample or two.

A box filter divides a sum by a length, so the weights are fractions with a small common
denominator. They are kept as whole numbers with their sum beside them: then all sums are
exact, and neither the order of summation nor the processor can change a hash.

The windows and the samples lie a little off the middle, so that a mirrored picture does
not have mirrored samples. Its own come from mirrored operators, in the same reading.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm" (2019).
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Samples along each axis."""

LUMA = np.array([299, 587, 114])
"""Weights of red, green and blue, in thousandths."""

LARGEST_SCALE = 1 << 16
"""Largest sum of the weights of a sample: times 255 it is exact in single precision. Only
sides of over 32,768 pixels, and the last sample of many over 5,120, have to be rounded."""

BLOCK = 1 << 15
"""Bytes of each line that are looked at together: so a wide picture costs no more memory."""

STRIP = 1 << 17
"""Values of the picture that are held as floats at a time: few enough to stay in cache."""


LONGEST_KEPT = 1 << 14
"""Longest axis whose operators are kept, at most 0.4 MB each: what strange shapes need is made
anew each time, so that no run of them fills the memory."""


class Operator(NamedTuple):
    """The blur and the sampling along one axis. All arrays are read-only.

    Attributes:
        first: (64,) int64, the first pixel that each sample weighs.
        pixels: (64,) int64, how many pixels it weighs.
        offset: (64,) int64, where its weights begin.
        weights: (sum of pixels,) int32, not negative.
        scale: (64,) float64, the sum of its weights, a whole number.
    """

    first: NDArray[np.int64]
    pixels: NDArray[np.int64]
    offset: NDArray[np.int64]
    weights: NDArray[np.int32]
    scale: NDArray[np.float64]

    def within(self, start: int, stop: int) -> tuple[slice, NDArray[np.float32]]:
        """Return which samples weigh pixels of a stretch, and (samples, pixels) weights."""
        last = self.first + self.pixels
        touched = np.flatnonzero((self.first < stop) & (last > start))
        matrix = np.zeros((len(touched), stop - start), np.float32)
        for row, sample in zip(matrix, touched, strict=True):
            low, high = max(self.first[sample], start), min(last[sample], stop)
            skip = self.offset[sample] - self.first[sample]
            row[low - start : high - start] = self.weights[low + skip : high + skip]
        begin = int(touched[0]) if len(touched) else 0
        return slice(begin, begin + len(touched)), matrix


def downscale(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the 64 x 64 luma samples that PDQ sees, of the picture and its mirrorings.

    This is the way without the native library.

    Args:
        picture: (height, width, 3) RGB or (height, width) grey, 0 to 255, not empty.

    Returns:
        (2, 2, 64, 64), 0.0 to 255.0. Element [v, h] belongs to the picture mirrored top
        to bottom where v is 1 and left to right where h is 1.
    """
    height, width = picture.shape[:2]
    lines = picture.reshape(height, -1)
    samples = np.zeros((2, 2, SIDE, SIDE))
    for v, down in enumerate(both(height)):
        for start in range(0, lines.shape[1], BLOCK):
            block = lines[:, start : start + BLOCK]
            sums = _weigh_lines(block, down)
            for h, across in enumerate(both(width, colours=picture.ndim == 3)):
                touched, weights = across.within(start, start + block.shape[1])
                samples[v, h][:, touched] += sums @ weights.T.astype(np.float64)
        for h, across in enumerate(both(width, colours=picture.ndim == 3)):
            samples[v, h] /= down.scale[:, np.newaxis] * across.scale
    samples[1] = samples[1, :, ::-1]
    samples[:, 1] = samples[:, 1, :, ::-1]
    return samples


def _weigh_lines(lines: NDArray[np.uint8], down: Operator) -> NDArray[np.float64]:
    """Return (64, n) weighted sums of (height, n) lines, a strip of lines at a time."""
    height, size = lines.shape
    sums = np.zeros((SIDE, size), np.float32)
    step = max(1, STRIP // size)
    for start in range(0, height, step):
        stop = min(start + step, height)
        samples, weights = down.within(start, stop)
        sums[samples] += weights @ lines[start:stop].astype(np.float32)
    return sums.astype(np.float64)


def both(length: int, *, colours: bool = False) -> tuple[Operator, Operator]:
    """Return the operator of an axis and that of the mirrored axis.

    Both list their samples from the same end, so their bands nearly coincide.

    Args:
        length: Pixels along the axis, at least 1.
        colours: Whether the axis goes over bytes of red, green and blue in turn, which
            are then weighed as luma too.
    """
    return (_both if length <= LONGEST_KEPT else _both.__wrapped__)(length, colours)


@lru_cache(maxsize=32)
def _both(length: int, colours: bool) -> tuple[Operator, Operator]:
    plain = [_sample(length, s) for s in range(SIDE)]
    mirrored = [(length - first - len(w), w[::-1]) for first, w in reversed(plain)]
    return _operator(plain, colours), _operator(mirrored, colours)


def _operator(samples: list[tuple[int, NDArray[np.int64]]], colours: bool) -> Operator:
    scale = [int(weights.sum()) for _, weights in samples]
    if colours:
        samples = [(3 * first, np.outer(weights, LUMA).ravel()) for first, weights in samples]
        scale = [each * int(LUMA.sum()) for each in scale]
    pixels = np.array([len(weights) for _, weights in samples])
    made = Operator(
        first=np.array([first for first, _ in samples]),
        pixels=pixels,
        offset=np.cumsum(pixels) - pixels,
        weights=np.concatenate([weights for _, weights in samples]).astype(np.int32),
        scale=np.array(scale, np.float64),
    )
    for array in made:
        array.flags.writeable = False
    return made


def _sample(length: int, sample: int) -> tuple[int, NDArray[np.int64]]:
    """Return the first pixel that a sample weighs, and the weights from there on."""
    centre = (2 * sample + 1) * length // (2 * SIDE)
    start, stop = (int(end) for end in _window(length, centre))
    inner_start, inner_stop = _window(length, np.arange(start, stop))
    first = int(inner_start[0])
    sizes = inner_stop - inner_start
    steps = np.zeros(int(inner_stop[-1]) - first + 1)
    np.add.at(steps, inner_start - first, 1 / sizes)
    np.subtract.at(steps, inner_stop - first, 1 / sizes)
    weights = np.cumsum(steps)[:-1] / (stop - start)
    scale = (stop - start) * _common(sizes)
    if scale <= LARGEST_SCALE:
        return first, np.rint(weights * scale).astype(np.int64)
    # Running sums are rounded, not the weights, so that errors do not add up.
    reached = np.rint(np.cumsum(weights) * LARGEST_SCALE).astype(np.int64)
    return first, np.diff(reached, prepend=0)


def _window(length: int, centre: Any) -> tuple[Any, Any]:
    """Return where the box around a pixel starts and stops; at the edges it is cut off."""
    size = -(-length // (2 * SIDE))
    last = centre + size // 2
    return np.maximum(last - size + 1, 0), np.minimum(last + 1, length)


def _common(sizes: NDArray[np.int64]) -> int:
    """Return the common multiple of some lengths; of many, something too large to use."""
    different = np.unique(sizes).tolist()
    return math.lcm(*different) if len(different) <= 4 else LARGEST_SCALE + 1
