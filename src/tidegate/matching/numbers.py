"""Numbers for ids: what entries get whose id is missing or taken."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

END = 10**18
"""Ids below it, without zeros in front, are numbers; all others are text."""


def number_of(entry_id: str) -> int | None:
    """Return the number that an id is, or ``None`` where it is text."""
    if not (entry_id.isascii() and entry_id.isdigit() and len(entry_id) < len(str(END))):
        return None
    number = int(entry_id)
    return number if str(number) == entry_id else None


def next_numbers(
    largest: int, count: int, taken: Callable[[], Iterable[NDArray[np.uint64]]]
) -> NDArray[np.uint64]:
    """Return numbers that are free: those after the largest, or where they end, gaps.

    Args:
        largest: Of the numbers that are taken, 0 where there are none.
        count: How many are wanted.
        taken: Returns all numbers that are taken; others among them, from :data:`END` on,
            do no harm. Only called where there is no room after the largest.

    Returns:
        (count,) uint64, ascending, 1 to 10¹⁸ - 1.
    """
    if largest + count < END:
        return np.arange(largest + 1, largest + 1 + count, dtype=np.uint64)
    held = list(taken())
    # As many numbers as there are taken ones and wanted ones cannot all be taken.
    free = np.ones(sum(map(len, held)) + count + 1, np.bool_)
    free[0] = False
    for numbers in held:
        free[numbers[numbers < len(free)]] = False
    return np.flatnonzero(free)[:count].astype(np.uint64)
