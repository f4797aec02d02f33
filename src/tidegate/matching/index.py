"""Which stored hashes lie within a Hamming distance of a query: the exact answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.kernel import (
    HASH_BYTES,
    QUERIES,
    Met,
    Tables,
    chunk_table,
    copy_of,
    hashes_of,
    permute,
    probe,
    scan,
)
from tidegate.matching.plan import SCANNED, Plan, bit_order
from tidegate.matching.repeats import Repeats, repeats

__all__ = [
    "HASH_BYTES",
    "LARGEST_RADIUS",
    "BruteForceIndex",
    "HammingIndex",
    "Hits",
    "MultiIndex",
    "index_of",
]

LARGEST_RADIUS = 256


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

    def search(self, queries: NDArray[np.uint8], radius: int, *, threads: int = 1) -> Hits:
        """Return every stored hash within ``radius`` bits of each query.

        Threads may share an index; the interpreter is free while one searches.

        Args:
            queries: (q, 32) uint8.
            radius: Bits, 0 to 256.
            threads: How many the queries are shared among.

        Raises:
            ValueError: The queries are of another shape or type, or a number is out
                of range.
        """
        ...


class BruteForceIndex:
    """Compares each query with every stored hash."""

    def __init__(self, hashes: NDArray[np.uint8]) -> None:
        """Take a copy of the hashes.

        Args:
            hashes: (n, 32) uint8; n may be 0.

        Raises:
            ValueError: The hashes are of another shape or type.
        """
        self._hashes = copy_of(hashes_of(hashes))

    def __len__(self) -> int:
        return len(self._hashes)

    def search(self, queries: NDArray[np.uint8], radius: int, *, threads: int = 1) -> Hits:
        """Return every stored hash within a radius; see :class:`HammingIndex`."""
        return _search(partial(scan, self._hashes, radius=radius), queries, radius, threads)


class MultiIndex:
    """Compares each query with the few stored hashes that have a chunk in common with it.

    Its parts may lie in memory or in a file that is mapped into memory.
    """

    def __init__(
        self,
        hashes: NDArray[np.uint8],
        tables: tuple[NDArray[np.uint32], ...],
        plan: Plan,
        order: NDArray[np.uint8],
        same: Repeats | None,
    ) -> None:
        """Take the parts as they are.

        Args:
            hashes: (u, 32) uint8, permuted, each once.
            tables: Of each chunk, see :func:`tidegate.matching.kernel.chunk_table`.
            plan: How hashes are divided.
            order: (256,) uint8, order of their bits.
            same: The rows of each hash, or ``None`` where row and hash are one.
        """
        self._tables = Tables(hashes, plan, tables)
        self._order = np.ascontiguousarray(order)
        self._same = same

    @classmethod
    def of(cls, hashes: NDArray[np.uint8], plan: Plan | None = None) -> "MultiIndex":
        """Index hashes in memory.

        Args:
            hashes: (n, 32) uint8; n may be 0.
            plan: How they are divided, or ``None`` for what suits their number.

        Raises:
            ValueError: The hashes are of another shape or type.
        """
        hashes = hashes_of(hashes)
        same = repeats(hashes)
        order = bit_order()
        unique = permute(hashes if same is None else hashes[same.first], order)
        plan = Plan.of(len(unique)) if plan is None else plan
        tables = tuple(chunk_table(unique, plan, chunk) for chunk in range(plan.chunks))
        return cls(unique, tables, plan, order, same)

    def __len__(self) -> int:
        return len(self._tables.hashes) if self._same is None else len(self._same.rows)

    def search(self, queries: NDArray[np.uint8], radius: int, *, threads: int = 1) -> Hits:
        """Return every stored hash within a radius; see :class:`HammingIndex`."""
        return _search(partial(self._met, radius=radius), queries, radius, threads)

    def _met(self, queries: NDArray[np.uint8], radius: int) -> Met:
        hashes = self._tables.hashes
        reach = self._tables.plan.reach(radius, len(hashes))
        if reach is None:
            met = scan(hashes, permute(queries, self._order), radius)
        else:
            met = probe(self._tables, queries, self._order, radius, reach)
        return met if self._same is None else self._same.spread(met)


def index_of(hashes: NDArray[np.uint8]) -> HammingIndex:
    """Index hashes in memory, in the way that suits their number.

    Args:
        hashes: (n, 32) uint8; n may be 0.

    Raises:
        ValueError: The hashes are of another shape or type.
    """
    return BruteForceIndex(hashes) if len(hashes) < SCANNED else MultiIndex.of(hashes)


def _search(
    met: Callable[[NDArray[np.uint8]], Met], queries: NDArray[np.uint8], radius: int, threads: int
) -> Hits:
    """Search for some queries at a time, and sort what they meet."""
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ValueError(f"a radius is 0 to {LARGEST_RADIUS} bits, not {radius}")
    if threads < 1:
        raise ValueError(f"{threads} threads cannot search")
    queries = hashes_of(queries)
    size = max(1, min(QUERIES, -(-len(queries) // threads)))
    starts = range(0, len(queries), size)
    parts = [queries[start : start + size] for start in starts]
    if threads > 1 and len(parts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(met, parts))
    else:
        found = [met(part) for part in parts]
    sorted_parts = [_sorted(part, start) for part, start in zip(found, starts, strict=True)]
    if len(sorted_parts) == 1:
        return sorted_parts[0]
    nothing = Hits(*np.zeros((3, 0), np.int64))
    return Hits(*(np.concatenate(column) for column in zip(nothing, *sorted_parts, strict=True)))


def _sorted(met: Met, first: int) -> Hits:
    query, row, distance = met.T.astype(np.int64)
    if len(row) > 1:
        order = np.lexsort((row, distance, query))
        query, row, distance = query[order], row[order], distance[order]
    return Hits(query + first, row, distance)
