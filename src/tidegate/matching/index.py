"""Which stored hashes lie within a Hamming distance of a query: the exact answer."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 32

LARGEST_RADIUS = 256

QUERIES = 256
"""Queries that are compared at a time."""

BLOCK = 1 << 17
"""Distances that are computed at a time: few enough to stay in cache, 1 MiB a step."""


class Hits(NamedTuple):
    """Pairs of a query and a stored hash, sorted by query, distance and row.

    Attributes:
        query: (n,) int64, row of the queries.
        row: (n,) int64, row of the stored hashes.
        distance: (n,) int64, bits, 0 to 256.
    """

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.int64]


class HammingIndex(Protocol):
    """Whatever can answer: all stored hashes within a radius, none left out."""

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every stored hash within ``radius`` bits of each query.

        Args:
            queries: (n, 32) uint8.
            radius: Bits, 0 to 256.

        Raises:
            ValueError: The queries are of another shape or type, or the radius is out
                of range.
        """
        ...


class BruteForceIndex:
    """Compares each query with every stored hash."""

    def __init__(self, hashes: NDArray[np.uint8]) -> None:
        """Take a copy of the hashes.

        Args:
            hashes: (m, 32) uint8; m may be 0.

        Raises:
            ValueError: The hashes are of another shape or type.
        """
        self._words = _words(hashes)

    def __len__(self) -> int:
        return int(self._words.shape[1])

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every stored hash within a radius; see :class:`HammingIndex`."""
        if not 0 <= radius <= LARGEST_RADIUS:
            raise ValueError(f"a radius is 0 to {LARGEST_RADIUS} bits, not {radius}")
        words = _words(queries)
        found = [
            self._scan(words[:, start : start + QUERIES], start, radius)
            for start in range(0, words.shape[1], QUERIES)
        ]
        if not found:
            return Hits(*np.zeros((3, 0), np.int64))
        query, row, distance = np.concatenate(found, axis=1)
        order = np.lexsort((row, distance, query))
        return Hits(query[order], row[order], distance[order])

    def _scan(self, queries: NDArray[np.uint64], first: int, radius: int) -> NDArray[np.int64]:
        """Return (3, n): query, row and distance of the hits of a few queries."""
        found = [np.zeros((3, 0), np.int64)]
        step = max(1, BLOCK // queries.shape[1])
        for start in range(0, len(self), step):
            block = self._words[:, start : start + step]
            # Half of the bits rule out nearly all: few pairs need the other half.
            near = _half(queries[:2, :, np.newaxis], block[:2, np.newaxis]) <= radius
            query, row = np.nonzero(near)
            if len(query):
                distance = sum(
                    np.bitwise_count(queries[i, query] ^ block[i, row]).astype(np.int64)
                    for i in range(4)
                )
                hit = distance <= radius
                found.append(
                    np.stack((query[hit] + first, row[hit] + start, np.asarray(distance)[hit]))
                )
        return np.concatenate(found, axis=1)


def _half(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the distances between two words of each pair, 0 to 128."""
    distance: NDArray[np.uint8] = np.bitwise_count(a[0] ^ b[0])
    distance += np.bitwise_count(a[1] ^ b[1])
    return distance


def _words(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return (4, n) uint64: each quarter of the hashes lies together in memory."""
    if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES:
        raise ValueError(f"hashes are (n, 32) uint8, not {hashes.shape} {hashes.dtype}")
    return np.ascontiguousarray(hashes).view(np.uint64).T.copy()
