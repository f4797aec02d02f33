"""Immutable files of hashes and their index, and of whatever else belongs to their rows.

The sections of the index are ``index.plan`` (see ``_PLAN``), ``index.hashes``, for each
chunk ``index.chunk.NN``, and where hashes come more than once ``index.starts`` and
``index.rows``. The same hashes and sections make the same bytes on every machine.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.closing import Closing
from tidegate.matching.index import Hits, MultiIndex
from tidegate.matching.kernel import (
    BITS,
    HASH_BYTES,
    DamagedTableError,
    chunk_table,
    hashes_of,
    permute,
)
from tidegate.matching.plan import Plan, bit_order
from tidegate.matching.repeats import Repeats, repeats
from tidegate.matching.sections import Content, SectionFile, SectionWriter, SegmentError

__all__ = ["Progress", "Segment", "SegmentError", "build_segment"]

INDEX = "index."
"""How the names of the sections of the index begin; others may not."""

MOST_ROWS = 2**32 - 1

_PLAN = struct.Struct("<QQII256s")
"""Rows, hashes, chunks, bits of each, order of the bits."""

_ROWS = 1 << 16
"""Hashes that are written at a time, 2 MiB."""

Progress = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""


def build_segment(
    path: Path,
    hashes: NDArray[np.uint8],
    *,
    sections: Mapping[str, Content] | None = None,
    progress: Progress | None = None,
    plan: Plan | None = None,
) -> None:
    """Write a segment; it takes the place of a file of that name in one step.

    Some 50 bytes of memory a hash are needed at most.

    Args:
        path: Where to.
        hashes: (n, 32) uint8; may be mapped from a file.
        sections: Other sections, by name.
        progress: Is told the share that is done.
        plan: How hashes are divided, or ``None`` for what suits their number.

    Raises:
        ValueError: The hashes are of another shape or type, or too many; or a section has
            a name that is none, or that of a section of the index.
        OSError: The file cannot be written.
    """
    hashes, sections, order = hashes_of(hashes), sections or {}, bit_order()
    if len(hashes) > MOST_ROWS:
        raise ValueError(f"a segment holds at most {MOST_ROWS} hashes")
    for name in sections:
        if name.startswith(INDEX):
            raise ValueError(f"{name!r} is the name of a section of the index")
    tell = progress or (lambda share: None)
    tell(0.0)
    same = repeats(hashes)
    count = len(hashes) if same is None else len(same.first)
    plan = Plan.of(count) if plan is None else plan
    steps = plan.chunks + 2
    tell(1 / steps)
    with SectionWriter(path) as writer:
        record = _PLAN.pack(len(hashes), count, plan.chunks, plan.bits, order.tobytes())
        writer.add(f"{INDEX}plan", [record])
        writer.add(f"{INDEX}hashes", _permuted(hashes, same, order))
        if same is not None:
            writer.add(f"{INDEX}starts", [same.starts])
            writer.add(f"{INDEX}rows", [same.rows])
            del same
        unique = np.frombuffer(writer.written(f"{INDEX}hashes"), np.uint8)
        for chunk in range(plan.chunks):
            tell((chunk + 2) / steps)
            table = chunk_table(unique.reshape(-1, HASH_BYTES), plan, chunk)
            writer.add(f"{INDEX}chunk.{chunk:02}", [table])
        for name, content in sections.items():
            writer.add(name, [content])
    tell(1.0)


def _permuted(
    hashes: NDArray[np.uint8], same: Repeats | None, order: NDArray[np.uint8]
) -> Iterator[NDArray[np.uint8]]:
    """Yield each hash once, some at a time."""
    count = len(hashes) if same is None else len(same.first)
    for start in range(0, count, _ROWS):
        stop = min(start + _ROWS, count)
        block = hashes[start:stop] if same is None else hashes[same.first[start:stop]]
        yield permute(block, order)


Number = TypeVar("Number", np.uint8, np.uint32)


class _Parts(NamedTuple):
    file: SectionFile
    lookup: MultiIndex
    hashes: NDArray[np.uint8]
    order: NDArray[np.uint8]
    same: Repeats | None


class Segment(Closing):
    """A segment, open for reading. Threads and processes may share it.

    Attributes:
        path: The file.
        rows: How many hashes were added; they are numbered from 0.
        plan: How they are divided.
        index_bytes: Bytes of all that a search reads.
        bytes: Of the file.
    """

    def __init__(self, path: Path, *, populate: bool = False) -> None:
        """Open a segment; takes no longer for a large one, unless it is populated.

        Args:
            path: The file.
            populate: Read it all into memory at once, instead of piece by piece on first
                use.

        Raises:
            SegmentError: There is none, or it is none, or it is damaged.
        """
        self.path = path
        file = SectionFile(path, populate=populate)
        record = file.section(f"{INDEX}plan")
        if len(record) != _PLAN.size:
            raise file.error("its plan is damaged")
        self.rows, count, chunks, bits, shuffle = _PLAN.unpack(record)
        order = np.frombuffer(shuffle, np.uint8)
        try:
            self.plan = Plan(chunks, bits)
        except ValueError as error:
            raise file.error(f"its plan is damaged: {error}") from error
        if not count <= self.rows <= MOST_ROWS or np.any(np.sort(order) != np.arange(BITS)):
            raise file.error("its plan is damaged")
        hashes = _array(file, "hashes", np.uint8, count * HASH_BYTES).reshape(-1, HASH_BYTES)
        values = 1 << bits
        tables = tuple(
            _array(file, f"chunk.{chunk:02}", np.uint32, values + 1 + count)
            for chunk in range(chunks)
        )
        if any(table[0] != 0 or table[values] != count for table in tables):
            raise file.error("a table of its index is damaged")
        same = None
        if count < self.rows:
            same = Repeats(
                _array(file, "starts", np.uint32, count + 1),
                _array(file, "rows", np.uint32, self.rows),
            )
        lookup = MultiIndex(hashes, tables, self.plan, order, same)
        self.bytes = file.size
        self.index_bytes = sum(
            len(file.section(name)) for name in file.names if name.startswith(INDEX)
        )
        self._parts: _Parts | None = _Parts(file, lookup, hashes, order, same)
        self._numbers: NDArray[np.uint32] | None = None

    def section(self, name: str) -> memoryview:
        """Return the bytes of a section, read-only.

        Raises:
            SegmentError: The segment has none of that name.
        """
        return self._open().file.section(name)

    def hash_of(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return (k, 32) uint8: the hashes of some rows, as they were added.

        Where hashes come more than once, the first call makes a table of 4 bytes a row,
        which stays in memory until the segment is closed.

        Raises:
            IndexError: There is no such row.
            SegmentError: The file is damaged.
        """
        parts = self._open()
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.rows:
            raise IndexError(f"a row is 0 to {self.rows - 1}")
        if parts.same is not None:
            try:
                if self._numbers is None:
                    self._numbers = parts.same.numbers()
            except DamagedTableError as error:
                raise parts.file.error(str(error)) from error
            rows = self._numbers[rows]
        return permute(parts.hashes[rows], np.argsort(parts.order).astype(np.uint8))

    def search(self, queries: NDArray[np.uint8], radius: int, *, threads: int = 1) -> Hits:
        """Return every stored hash within a radius; see :class:`HammingIndex`.

        Raises:
            ValueError: The queries are of another shape or type, or a number is out
                of range.
            SegmentError: The file is damaged.
        """
        parts = self._open()
        try:
            return parts.lookup.search(queries, radius, threads=threads)
        except DamagedTableError as error:
            raise parts.file.error(str(error)) from error

    def verify(self) -> None:
        """Read all and check that it is what was written.

        Raises:
            SegmentError: It is not; names the section.
        """
        self._open().file.verify()

    def close(self) -> None:
        """Let go of the file; a search under way, or who holds a section, still has it."""
        self._parts = self._numbers = None

    def _open(self) -> _Parts:
        if self._parts is None:
            raise ValueError(f"{self.path} has been closed")
        return self._parts


def _array(file: SectionFile, name: str, kind: type[Number], count: int) -> NDArray[Number]:
    """Return a section of the index as little-endian numbers.

    Raises:
        SegmentError: There is none, or it is of another size.
    """
    content = file.section(f"{INDEX}{name}")
    number = np.dtype(kind).newbyteorder("<")
    if len(content) != count * number.itemsize:
        raise file.error(f"section {INDEX + name!r} is of another size than it says")
    return np.frombuffer(content, number)
