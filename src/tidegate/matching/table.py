"""The entries of a segment file: a shelf on disk.

Beside its hashes a segment holds the columns of its entries (:mod:`tidegate.matching.columns`)
and what they are found by, all in sections named ``entries.…``. Opening it reads next to
nothing; a search touches hashes and search tables, and a hit the record of its entry.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import Bank, BankError, Entry, content
from tidegate.matching.columns import DIGESTS, TEXT, Columns, label_of, matrix
from tidegate.matching.index import Hits
from tidegate.matching.keys import Keys
from tidegate.matching.lookup import MANY, Lookup
from tidegate.matching.numbers import END
from tidegate.matching.segment import Segment, SegmentError
from tidegate.matching.shelf import (
    EARLIEST,
    FOR_GOOD,
    LATEST,
    STATES,
    Digest,
    Known,
    Resting,
    stated,
)

VERSION = 1

RESTING = np.dtype([("number", "<u4"), ("state", "u1"), ("until", "<i8")])


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a table tells of itself.

    Attributes:
        version: Of the table.
        keys: Tells which keys it was made with, see :class:`~tidegate.matching.keys.Keys`.
        entries: How many there are.
        videos: How many of them are videos.
        flat: Frames whose PDQ is too flat to be searched.
        categories: Categories that entries have of their own.
    """

    version: int
    keys: str
    entries: int
    videos: int = 0
    flat: int = 0
    categories: tuple[str, ...] = ()


class Table:
    """A segment file, opened. See :class:`~tidegate.matching.shelf.Shelf` for what it answers.

    Attributes:
        path: The file.
        segment: Its hashes.
        meta: What it tells of itself.
        columns: Its entries.
        resting: Which entries were not active when it was written.
        contents: Which entries have a content.
        digests: Which entries hold a digest.
    """

    def __init__(self, path: Path, keys: Keys, *, populate: bool = False, threads: int = 1) -> None:
        """Open a segment file.

        Args:
            path: The file.
            keys: Those of the bank.
            populate: Read it all into memory at once.
            threads: How many share the queries of a search.

        Raises:
            BankError: It is missing, damaged, or no segment of the bank.
        """
        self.path = path
        self._keys = keys
        self._threads = threads
        with self.named():
            self.segment = Segment(path, populate=populate)
            self._open()

    @contextmanager
    def named(self) -> Iterator[None]:
        """Make an error of whatever damage in the file leads to, with the name of the file.

        Raises:
            BankError: That is it.
        """
        try:
            yield
        except IndexError:
            raise BankError(f"{self.path}: its tables point to what is not there") from None
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            reason = str(error)
            raise BankError(
                reason if str(self.path) in reason else f"{self.path}: {reason}"
            ) from None

    def _open(self) -> None:
        self.meta = msgspec.json.decode(bytes(self.segment.section("entries.meta")), type=Meta)
        if self.meta.version != VERSION:
            raise BankError(
                f"version {self.meta.version} of the entries; this Tidegate reads {VERSION}"
            )
        if self.meta.keys != self._keys.check:
            raise BankError("a segment of another bank")
        self.columns = Columns(
            label=self._section("label", "<u8"),
            first=self._section("first", "<u4"),
            offset=self._section("offset", "<u8"),
            blob=self._section("blob", "u1"),
            total=self.segment.rows,
            hash_of=self.segment.hash_of,
        )
        resting = self._section("resting", RESTING)
        number = resting["number"].astype(np.int64)
        until = resting["until"].astype(np.int64)
        if (
            resting["state"].max(initial=0) >= len(STATES)
            or (np.diff(number) <= 0).any()
            or number.max(initial=0) >= max(self.meta.entries, 1)
            or ((until < EARLIEST) | ((until > LATEST) & (until != FOR_GOOD))).any()
        ):
            raise BankError("a damaged list of states")
        self.resting = Resting(number, resting["state"], until)
        self.digests: dict[Digest, Lookup] = {
            "sha256": self._lookup("sha256"),
            "md5": self._lookup("md5"),
        }
        self.contents = self._lookup("content")
        self._order = self._section("order", "<u4")
        count = self.meta.entries
        rows = int(self.columns.first[-1]) if len(self.columns.first) else count
        if (
            len(self.columns.label) != count
            or len(self.columns.first) not in (0, count + 1)
            or len(self.columns.offset) not in (0, count + 1)
            or len(self._order) not in (0, count)
            or rows != self.segment.rows
        ):
            raise BankError("the columns of the entries are of different lengths")

    def _section(self, name: str, kind: Any) -> NDArray[Any]:
        view = self.segment.section(f"entries.{name}")
        return np.frombuffer(view, kind) if len(view) else np.zeros(0, kind)

    def _lookup(self, name: str) -> Lookup:
        found = Lookup(self._section(f"{name}.key", "<u8"), self._section(f"{name}.number", "<u4"))
        if len(found.key) != len(found.number):
            raise BankError(f"the parts of the table of {name} are of different lengths")
        return found

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.meta.entries

    @property
    def rows(self) -> int:
        """How many PDQs are searched."""
        return int(self.segment.rows)

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every row within a radius of each query.

        Raises:
            BankError: The file is damaged.
        """
        try:
            return self.segment.search(queries, radius, threads=self._threads)
        except SegmentError as error:
            raise BankError(str(error)) from None

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the entry of each row."""
        first = self.columns.first
        if not len(first):
            return rows
        owner = np.searchsorted(first, rows.astype(np.uint32), side="right") - 1
        within = np.clip(owner, 0, self.entries - 1)
        if not ((first[within] <= rows) & (rows < first[within + 1])).all():
            raise BankError(f"{self.path}: the rows of the entries are not in order")
        return within

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        """Return the entries that hold a digest."""
        lookup = self.digests[kind]
        if not digest or not len(lookup.key):
            return ()
        held = bytes.fromhex(digest)
        (key,) = self._keys.digests(DIGESTS[kind], matrix([held], len(held)))
        return [n for n in lookup.find(key) if digest in getattr(self.entry(n), kind)]

    def labels(self) -> Lookup:
        """Return the entries by their labels.

        Raises:
            BankError: The file is damaged.
        """
        label = self.columns.label
        if not len(self._order):
            return Lookup(label, np.arange(len(label), dtype=np.uint32))
        with self.named():
            return Lookup(label[self._order], self._order)

    @cached_property
    def largest_number(self) -> int:
        """The largest of the ids that are numbers, or 0."""
        labels = self.labels().key
        end = int(np.searchsorted(labels, np.uint64(END)))
        return int(labels[end - 1]) if end else 0

    def find(self, entry_id: str) -> int | None:
        """Return the number of the entry with an id.

        Raises:
            BankError: The file is damaged.
        """
        label = label_of(entry_id)
        number = self.labelled(label)
        if number is None or (label & TEXT and self.entry(number).id != entry_id):
            return None
        return number

    def labelled(self, wanted: int) -> int | None:
        """Return the number of the entry with a label.

        Raises:
            BankError: The file is damaged.
        """
        label, order = self.columns.label, self._order
        low, high = 0, len(label)
        with self.named():
            while low < high:
                middle = (low + high) // 2
                if int(label[order[middle] if len(order) else middle]) < wanted:
                    low = middle + 1
                else:
                    high = middle
            if low == len(label):
                return None
            number = int(order[low]) if len(order) else low
            return number if int(label[number]) == wanted else None

    def holding(self, columns: Columns, keys: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
        """Yield the places of entries elsewhere whose content is here too, some at a time.

        Args:
            columns: The entries.
            keys: (n,) those of their contents.

        Raises:
            BankError: The file is damaged.
        """
        with self.named():
            for place, number in self.contents.meet(keys):
                yield place[same_content(columns, place, self.columns, number)]

    def entry(self, number: int) -> Entry:
        """Return an entry, as if it were active.

        Raises:
            BankError: It is damaged.
        """
        with self.named():
            return self.columns.entry(number)


class TableShelf(NamedTuple):
    """A table as it stands at a moment; see :class:`~tidegate.matching.shelf.Shelf`."""

    bank: Bank
    table: Table
    resting: Resting

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.table.entries

    @property
    def rows(self) -> int:
        """How many PDQs are searched."""
        return self.table.rows

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every row within a radius of each query."""
        return self.table.search(queries, radius)

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the entry of each row."""
        return self.table.owner(rows)

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        """Return the entries that hold a digest."""
        return self.table.holders(kind, digest)

    def known(self, number: int) -> Known:
        """Return an entry."""
        entry = self.table.entry(number)
        begin, _ = self.table.columns.rows(np.array([number], np.int64))
        return Known.of(self.bank, entry, int(begin[0]))

    def all(self) -> Iterator[Entry]:
        """Yield all entries in order, each with its state."""
        return map(self.stated, range(self.entries))

    def stated(self, number: int) -> Entry:
        """Return an entry with its state."""
        return stated(self.table.entry(number), self.resting.standing(number))


def same_content(
    a: Columns, of_a: NDArray[np.int64], b: Columns, of_b: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell of pairs of entries with the same key whether their content is the same.

    Args:
        a: Some entries.
        of_a: (n,) numbers of them.
        b: Some entries.
        of_b: (n,) numbers of them.
    """
    same = np.zeros(len(of_a), np.bool_)
    for start in range(0, len(of_a), MANY):
        part = slice(start, start + MANY)
        kind_a, held_a = a.single(of_a[part])
        kind_b, held_b = b.single(of_b[part])
        found = (kind_a == kind_b) & (held_a == held_b).all(axis=1)
        more = np.flatnonzero((kind_a == 0) | (kind_b == 0))
        alike = _alike(a, of_a[part][more], b, of_b[part][more])
        found[more[alike]] = True
        for place in more[~alike]:
            one, other = a.entry(int(of_a[start + place])), b.entry(int(of_b[start + place]))
            found[place] = content(one) == content(other)
        same[part] = found
    return same


def _alike(
    a: Columns, of_a: NDArray[np.int64], b: Columns, of_b: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which pairs of entries with a row at most are the same in every byte."""
    (begin_a, stop_a), (begin_b, stop_b) = a.rows(of_a), b.rows(of_b)
    one = (stop_a - begin_a == 1) & (stop_b - begin_b == 1)
    alike: NDArray[np.bool_] = (stop_a == begin_a) & (stop_b == begin_b)
    alike[one] = (a.hash_of(begin_a[one]) == b.hash_of(begin_b[one])).all(axis=1)
    (start_a, end_a), (start_b, end_b) = a.records(of_a), b.records(of_b)
    for place in np.flatnonzero(alike).tolist():
        alike[place] = np.array_equal(
            a.blob[start_a[place] : end_a[place]], b.blob[start_b[place] : end_b[place]]
        )
    return alike
