"""Sorted numbers on disk: which entries are known by a key."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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

    def meet(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all pairs of a place in ``keys`` and an entry of the same key."""
        start = np.searchsorted(self.key, keys, "left")
        length = np.searchsorted(self.key, keys, "right") - start
        place = np.repeat(np.arange(len(keys)), length)
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        return place, self.number[np.repeat(start, length) + within].astype(np.int64)
