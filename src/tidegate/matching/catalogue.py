"""All banks side by side, as they are when an item begins."""

from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import Bank
from tidegate.matching.index import index_of
from tidegate.matching.shelf import (
    Digest,
    Known,
    MemoryShelf,
    Pile,
    Resting,
    Shelf,
    standings,
)


class MemoryBank:
    """A bank in memory, made ready to be asked."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        pile = Pile()
        for entry in bank.entries:
            pile.add(entry)
        resting = Resting.of(standings(bank.entries))
        self._shelf = MemoryShelf(bank, pile, index_of(pile.hashes()), resting)

    def shelves(self) -> tuple[Shelf, ...]:
        """Return its only part."""
        return (self._shelf,)

    def categories(self) -> frozenset[str]:
        """Return the categories that its entries carry."""
        return frozenset(entry.category or self.bank.category for entry in self.bank.entries)


class Met(NamedTuple):
    """Pairs of a query and a row that is near enough, sorted by shelf, query and distance.

    Attributes:
        query: (n,) int64, row of the queries.
        row: (n,) int64, over all shelves.
        owner: (n,) int64, number of the entry, over all shelves.
        distance: (n,) int64, bits.
    """

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    owner: NDArray[np.int64]
    distance: NDArray[np.int64]


class Catalogue:
    """All that a session asks. Rows and entries are numbered through all shelves."""

    def __init__(self, shelves: Iterable[tuple[Shelf, int]], now: int) -> None:
        """Put shelves side by side.

        Args:
            shelves: Each with the bits up to which its rows count as met.
            now: The present in microseconds since 1970: who is active at it may match.
        """
        self._shelves = tuple(shelves)
        self._now = now
        self._rows = (0, *accumulate(shelf.rows for shelf, _ in self._shelves))
        self._entries = (0, *accumulate(shelf.entries for shelf, _ in self._shelves))

    def search(self, queries: NDArray[np.uint8]) -> Met:
        """Return all rows of active entries that are as near as their banks ask.

        Args:
            queries: (n, 32) uint8.
        """
        found = [Met(*np.zeros((4, 0), np.int64))]
        for place, (shelf, limit) in enumerate(self._shelves):
            if not shelf.rows:
                continue
            query, row, distance = shelf.search(queries, limit)
            owner = shelf.owner(row)
            active = shelf.resting.active(owner, self._now)
            found.append(
                Met(
                    query[active],
                    row[active] + self._rows[place],
                    owner[active] + self._entries[place],
                    distance[active],
                )
            )
        return Met(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def holders(self, kind: Digest, digest: str) -> list[int]:
        """Return the numbers of the active entries that hold a digest."""
        found: list[int] = []
        for (shelf, _), first in zip(self._shelves, self._entries, strict=False):
            numbers = np.array(shelf.holders(kind, digest), np.int64)
            found += (numbers[shelf.resting.active(numbers, self._now)] + first).tolist()
        return found

    def shelf_of(self, owner: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place of the shelf of each entry."""
        return np.searchsorted(self._entries, owner, side="right") - 1

    def known(self, number: int) -> Known:
        """Return an entry."""
        place = int(np.searchsorted(self._entries, number, side="right")) - 1
        known = self._shelves[place][0].known(number - self._entries[place])
        return known._replace(first_row=known.first_row + self._rows[place])
