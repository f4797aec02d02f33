"""PDQ: 256 bits that stay nearly the same when a picture is re-encoded or resized.

A picture becomes 64 x 64 luma samples; a discrete cosine transform keeps 16 x 16 of
their low frequencies; each bit says whether one of them is above their median.

The reference finds the hashes of a turned picture by swapping and negating frequencies.
Its samples lie off the middle, so for mirrorings that is an estimate, 10 to 20 bits off
on many photographs and over 31 on fine textures. Here every position has its own
samples, which costs little and is exact.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm" (2019).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate import native
from tidegate.hashing import kernel
from tidegate.hashing.downscale import downscale
from tidegate.hashing.frequencies import BITS, POSITIONS, bits, quality

MIN_QUALITY = 50
"""Below this quality a hash says nothing: the picture is too flat."""

MIN_SIDE = 16
"""Pictures with a shorter side are too small to be judged."""

SMALLEST = 5
"""Pixels along the shorter side below which the reference gives the empty hash."""

FULL = (0.0, 255.0)
LIMITED = (16.0, 219.0)
"""What is black, and how many steps later is white."""


class Pdq(NamedTuple):
    """The hash of a picture.

    Attributes:
        hash: 32 bytes, in the order of the hexadecimal digits.
        quality: 0 to 100; how much there is to see in the picture.
    """

    hash: bytes
    quality: int

    @property
    def hex(self) -> str:
        """The hash as 64 lower-case hexadecimal digits."""
        return self.hash.hex()


def pdq(picture: NDArray[np.uint8], *, limited: bool = False) -> Pdq:
    """Hash a picture at its full resolution.

    Args:
        picture: (height, width, 3) RGB or (height, width) grey, uint8. A side shorter
            than 5 pixels gives the empty hash with quality 0.
        limited: Whether black is 16 and white 235, as in the luma of most videos.

    Raises:
        ValueError: The array is of another shape or type.
    """
    hashes, quality = _hash(picture, 1, limited)
    return Pdq(hashes[0].tobytes(), quality)


def dihedral(picture: NDArray[np.uint8], *, limited: bool = False) -> tuple[NDArray[np.uint8], int]:
    """Hash a picture in all eight positions, reading it once.

    Args:
        picture: As for :func:`pdq`.
        limited: As for :func:`pdq`.

    Returns:
        (8, 32) uint8, the hashes of the picture turned by each
        :data:`tidegate.evidence.Transform` in turn, and the quality, 0 to 100.

    Raises:
        ValueError: The array is of another shape or type.
    """
    return _hash(picture, 2, limited)


def pdq_many(
    pictures: Sequence[NDArray[np.uint8]], *, limited: bool = False, threads: int = 1
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Hash pictures of any sizes.

    Args:
        pictures: n of them, each as for :func:`pdq`.
        limited: As for :func:`pdq`.
        threads: How many pictures to hash at a time; the native library lets them run
            side by side.

    Returns:
        (n, 32) uint8 hashes and (n,) int64 qualities, in the order of the pictures.

    Raises:
        ValueError: An array is of another shape or type.
    """
    with ThreadPoolExecutor(max(1, threads)) as pool:
        found = list(pool.map(lambda picture: _hash(picture, 1, limited), pictures))
    hashes = np.concatenate([np.zeros((0, BITS // 8), np.uint8), *(h for h, _ in found)])
    return hashes, np.array([each for _, each in found], np.int64)


def hamming(a: bytes, b: bytes) -> int:
    """Return the number of bits in which two hashes of equal length differ.

    Raises:
        ValueError: The lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"hashes of {len(a)} and {len(b)} bytes cannot be compared")
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()


def _hash(
    picture: NDArray[np.uint8], mirrorings: int, limited: bool
) -> tuple[NDArray[np.uint8], int]:
    """Return (1, 32) hashes of a picture, or (8, 32) with two mirrorings, and the quality."""
    if picture.dtype != np.uint8:
        raise ValueError(f"a picture is uint8, not {picture.dtype}")
    if picture.ndim != 2 and not (picture.ndim == 3 and picture.shape[2] == 3):
        raise ValueError(f"a picture is (height, width, 3) or (height, width), not {picture.shape}")
    if min(picture.shape[:2]) < SMALLEST:
        return np.zeros((1 if mirrorings == 1 else len(POSITIONS), BITS // 8), np.uint8), 0
    black, span = LIMITED if limited else FULL
    if (library := native.library()) is not None:
        return kernel.pdq(library, picture, mirrorings, black, span)
    samples = (downscale(picture) - black) * 255.0 / span
    positions = POSITIONS[:1] if mirrorings == 1 else POSITIONS
    turned = [samples[v, h].T if transposed else samples[v, h] for v, h, transposed in positions]
    return bits(np.stack(turned)), quality(samples[0, 0])
