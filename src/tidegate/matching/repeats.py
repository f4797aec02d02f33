"""Hashes that are stored more than once: each is indexed once and answers for all its rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.kernel import DamagedTableError, Met

_COMPARED = 1 << 16
"""Hashes that are compared at a time, 4 MiB."""

_DAMAGED = "its table of rows is damaged"

MIX = np.uint64(0x9E3779B97F4A7C15)


class Repeats(NamedTuple):
    """The rows of each hash, where some come more than once. Hashes are numbered by first row.

    Attributes:
        starts: (u + 1,) uint32, where in ``rows`` those of each hash begin.
        rows: (n,) uint32, those of each hash ascending.
    """

    starts: NDArray[np.uint32]
    rows: NDArray[np.uint32]

    @property
    def first(self) -> NDArray[np.uint32]:
        """(u,) uint32, the first row of each hash, ascending."""
        return self.rows[self.starts[:-1]]

    def spread(self, met: Met) -> Met:
        """Return a hit for each row of each hash that was met.

        Raises:
            DamagedTableError: ``starts`` or ``rows`` are damaged.
        """
        if not len(met):
            return met
        number = met[:, 1].astype(np.int64)
        start, end = self.starts[number].astype(np.int64), self.starts[number + 1].astype(np.int64)
        size = end - start
        if size.min() < 1 or end.max() > len(self.rows):
            raise DamagedTableError(_DAMAGED)
        if size.max() == 1:  # As nearly always: what follows takes longer than the search.
            spread, place = met.copy(), start
        else:
            spread = np.repeat(met, size, axis=0)
            place = np.arange(len(spread)) - np.repeat(np.cumsum(size) - size - start, size)
        spread[:, 1] = self.rows[place]
        if self._beyond(spread[:, 1]):
            raise DamagedTableError(_DAMAGED)
        return spread

    def numbers(self) -> NDArray[np.uint32]:
        """Return (n,) uint32: the number of the hash of each row.

        Raises:
            DamagedTableError: ``starts`` or ``rows`` are damaged.
        """
        starts = self.starts.astype(np.int64)
        sizes = starts[1:] - starts[:-1]
        if np.any(sizes < 1) or sizes.sum() != len(self.rows) or self._beyond(self.rows):
            raise DamagedTableError(_DAMAGED)
        numbers = np.zeros(len(self.rows), np.uint32)
        numbers[self.rows] = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
        return numbers

    def _beyond(self, rows: NDArray[np.uint32]) -> bool:
        """Whether there are no such rows."""
        return int(rows.max(initial=0)) >= max(1, len(self.rows))


def repeats(hashes: NDArray[np.uint8]) -> Repeats | None:
    """Find the hashes that come more than once; ``None`` if there are none.

    Takes some 40 bytes of memory a hash.

    Args:
        hashes: (n, 32) uint8, contiguous; may be mapped from a file.
    """
    words = hashes.view("<u8")
    order, new = _grouped_by_mix(words)
    if new.all():
        return None
    if not _same(words, order, new):
        order, new = _grouped(words)
    begins = np.flatnonzero(new)
    if len(begins) == len(hashes):
        return None
    # Both ways of grouping are stable: a group begins with its first row.
    by_first = np.argsort(order[begins])
    ends = np.append(begins[1:], len(hashes))
    sizes = (ends - begins)[by_first]
    starts = np.concatenate(([0], np.cumsum(sizes)))
    place = np.arange(len(hashes)) + np.repeat(begins[by_first] - starts[:-1], sizes)
    return Repeats(starts.astype("<u4"), order[place].astype("<u4"))


def _grouped_by_mix(
    words: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Sort rows by a number made of their hash, which others may share. Mark where it is new."""
    mixed = words[:, 0].copy()
    for word in range(1, words.shape[1]):
        mixed *= MIX
        mixed += words[:, word]
    order = np.argsort(mixed, kind="stable")
    mixed = mixed[order]
    return order, np.concatenate((np.ones(min(1, len(mixed)), bool), mixed[1:] != mixed[:-1]))


def _grouped(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Sort rows by their hash; slower. Mark where it is new."""
    order = np.lexsort(words.T)
    new = np.ones(len(order), bool)
    for start in range(1, len(order), _COMPARED):
        block = order[start - 1 : start + _COMPARED]
        new[start : start + _COMPARED] = np.any(words[block[1:]] != words[block[:-1]], axis=1)
    return order, new


def _same(words: NDArray[np.uint64], order: NDArray[np.int64], new: NDArray[np.bool_]) -> bool:
    """Whether all rows of each group are of one hash."""
    again = np.flatnonzero(~new)
    return all(
        np.array_equal(words[order[block]], words[order[block - 1]])
        for block in np.array_split(again, len(again) // _COMPARED + 1)
    )
