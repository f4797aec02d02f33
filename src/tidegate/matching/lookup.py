"""Sorted numbers on disk: which entries are known by a key."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MANY = 1 << 16
"""Keys, or entries, that are looked at in one go."""


class Lookup(NamedTuple):
    """Keys, ascending, and the entry that each belongs to. Keys may come more than once.

    Attributes:
        key: (n,) uint64.
        number: (n,) uint32.
    """

    key: NDArray[np.uint64]
    number: NDArray[np.uint32]

    @classmethod
    def of(cls, key: NDArray[np.uint64], number: NDArray[np.uint32] | None = None) -> "Lookup":
        """Sort keys; their entries are by default their places. Equal keys stay in order."""
        order = np.argsort(key, kind="stable")
        places = order if number is None else number[order]
        return cls(key[order], places.astype(np.uint32))

    def find(self, key: int) -> list[int]:
        """Return the entries of a key."""
        wanted = np.uint64(key)
        start, end = (np.searchsorted(self.key, wanted, side) for side in ("left", "right"))
        found: list[int] = self.number[start:end].tolist()
        return found

    def meet(
        self, keys: NDArray[np.uint64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield all pairs of a place in ``keys`` and an entry of the same key, some at a time."""
        for first in range(0, len(keys), MANY):
            some = keys[first : first + MANY]
            start = np.searchsorted(self.key, some, "left")
            length = np.searchsorted(self.key, some, "right") - start
            place = np.repeat(np.arange(first, first + len(some)), length)
            within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
            yield place, self.number[np.repeat(start, length) + within].astype(np.int64)
