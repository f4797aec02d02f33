"""A part of a bank, ready to be searched: what a session asks, wherever the entries lie."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import Bank, Entry, State, moment
from tidegate.matching.index import HASH_BYTES, HammingIndex, Hits
from tidegate.matching.timeline import Timeline

Digest = Literal["sha256", "md5"]

FOR_GOOD = int(np.iinfo(np.int64).max)
"""The moment at which what rests without a term is active again: never."""

STATES: tuple[State, ...] = ("active", "disabled", "withdrawn")
"""States by their numbers in files."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(when: datetime) -> int:
    """Return a moment with a time zone as microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


EARLIEST = microseconds(datetime.min.replace(tzinfo=UTC))
LATEST = microseconds(datetime.max.replace(tzinfo=UTC))
"""The ends of the time that can be told."""


class Standing(NamedTuple):
    """The state of an entry.

    Attributes:
        state: As in :class:`~tidegate.matching.bank.Entry`.
        until: Microseconds since 1970 at which a disabled entry is active again, or
            :data:`FOR_GOOD`.
    """

    state: State
    until: int = FOR_GOOD

    @classmethod
    def of(cls, state: State, disabled_until: str | None) -> "Standing":
        """Return the standing that an entry's two fields tell."""
        if state == "disabled" and disabled_until is not None:
            return cls(state, microseconds(moment(disabled_until)))
        return cls(state)

    @property
    def disabled_until(self) -> str | None:
        """When it ends, ISO 8601, or ``None``."""
        if self.until == FOR_GOOD:
            return None
        return (_EPOCH + self.until * _MICROSECOND).isoformat()


class Resting(NamedTuple):
    """The entries that are not simply active.

    Attributes:
        number: (n,) int64, ascending: numbers of entries.
        state: (n,) uint8, place in :data:`STATES`.
        until: (n,) int64, microseconds since 1970, or :data:`FOR_GOOD`.
    """

    number: NDArray[np.int64]
    state: NDArray[np.uint8]
    until: NDArray[np.int64]

    @classmethod
    def of(cls, standings: dict[int, Standing]) -> "Resting":
        """Gather standings by the number of the entry; those that are active are left out."""
        kept = sorted((n, s) for n, s in standings.items() if s.state != "active")
        return cls(
            np.array([n for n, _ in kept], np.int64),
            np.array([STATES.index(s.state) for _, s in kept], np.uint8),
            np.array([s.until for _, s in kept], np.int64),
        )

    def changed(self, standings: dict[int, Standing]) -> "Resting":
        """Return all this, but for the entries that stand differently now."""
        if not standings:
            return self
        new = Resting.of(standings)
        kept = ~np.isin(self.number, np.fromiter(standings, np.int64))
        number = np.concatenate((self.number[kept], new.number))
        order = np.argsort(number)
        return Resting(
            number[order],
            np.concatenate((self.state[kept], new.state))[order],
            np.concatenate((self.until[kept], new.until))[order],
        )

    def standing(self, number: int) -> Standing:
        """Return how an entry stands."""
        place = int(np.searchsorted(self.number, number))
        if place == len(self.number) or self.number[place] != number:
            return Standing("active")
        return Standing(STATES[self.state[place]], int(self.until[place]))

    def active(self, numbers: NDArray[np.int64], now: int) -> NDArray[np.bool_]:
        """Tell which entries may match at a moment, in microseconds since 1970."""
        if not len(self.number):
            return np.ones(len(numbers), np.bool_)
        place = np.minimum(np.searchsorted(self.number, numbers), len(self.number) - 1)
        active: NDArray[np.bool_] = (self.number[place] != numbers) | (self.until[place] <= now)
        return active


class Known(NamedTuple):
    """An entry that met.

    Attributes:
        bank: What its bank says about itself.
        entry: The entry.
        category: Its category, or else that of its bank.
        timeline: Its usable frames, in the order of their rows.
        first_row: Where they begin.
    """

    bank: Bank
    entry: Entry
    category: str
    timeline: Timeline
    first_row: int

    @classmethod
    def of(cls, bank: Bank, entry: Entry, first_row: int) -> "Known":
        """Describe an entry of a bank."""
        shown = [frame.second for frame in entry.pdq if frame.usable]
        category = entry.category or bank.category
        return cls(bank, entry, category, Timeline.of(shown, entry.duration), first_row)


class Shelf(Protocol):
    """Entries, numbered from 0, and their usable PDQs, a row each, in the order of the entries.

    It never changes: a session that holds one sees the same from its first frame to its
    last, whatever is added meanwhile.
    """

    @property
    def entries(self) -> int:
        """How many entries there are, whatever their state."""
        ...

    @property
    def rows(self) -> int:
        """How many PDQs there are."""
        ...

    @property
    def resting(self) -> Resting:
        """The entries that are not simply active."""
        ...

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every row within a radius of each query, (n, 32) uint8."""
        ...

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the entry that each row belongs to."""
        ...

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        """Return the numbers of the entries that hold a digest, ascending."""
        ...

    def known(self, number: int) -> Known:
        """Return an entry; its first row counts from the shelf's first."""
        ...

    def all(self) -> Iterator[Entry]:
        """Yield all entries in order, each with its state."""
        ...


class Pile:
    """Gathers entries in memory. More may come; a shelf made before does not see them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._hashes = bytearray()
        self._first = array("q")
        self._digests: dict[Digest, defaultdict[str, list[int]]] = {
            "sha256": defaultdict(list),
            "md5": defaultdict(list),
        }

    def add(self, entry: Entry) -> None:
        """Put an entry on top."""
        number = len(self.entries)
        for digest in entry.sha256:
            self._digests["sha256"][digest].append(number)
        for digest in entry.md5:
            self._digests["md5"][digest].append(number)
        self._first.append(self.rows)
        self._hashes += bytes.fromhex("".join(f.pdq for f in entry.pdq if f.usable))
        self.entries.append(entry)

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        """Return the numbers of the entries that hold a digest, ascending."""
        return self._digests[kind].get(digest, ())

    @property
    def rows(self) -> int:
        """How many PDQs there are."""
        return len(self._hashes) // HASH_BYTES

    def hashes(self) -> NDArray[np.uint8]:
        """Return a copy of the rows, (n, 32) uint8."""
        return np.frombuffer(bytes(self._hashes), np.uint8).reshape(-1, HASH_BYTES)

    def first(self) -> NDArray[np.int64]:
        """Return where the rows of each entry begin."""
        return np.array(self._first, np.int64)


class MemoryShelf:
    """The entries of a pile as they are now; see :class:`Shelf`."""

    def __init__(self, bank: Bank, pile: Pile, index: HammingIndex, resting: Resting) -> None:
        self.resting = resting
        self.entries = len(pile.entries)
        self._bank = bank
        self._pile = pile
        self._index = index
        self._first = pile.first()
        self.rows = pile.rows

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        """Return every row within a radius."""
        return self._index.search(queries, radius)

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the entry of each row."""
        return np.searchsorted(self._first, rows, side="right") - 1

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        """Return the entries that hold a digest."""
        return [n for n in self._pile.holders(kind, digest) if n < self.entries]

    def known(self, number: int) -> Known:
        """Return an entry."""
        return Known.of(self._bank, self._pile.entries[number], int(self._first[number]))

    def all(self) -> Iterator[Entry]:
        """Yield all entries in order, each with its state."""
        return map(self.stated, range(self.entries))

    def stated(self, number: int) -> Entry:
        """Return an entry with its state."""
        return stated(self._pile.entries[number], self.resting.standing(number))


class OpenBank(Protocol):
    """A bank that can be asked, in memory or in a folder."""

    @property
    def bank(self) -> Bank:
        """What it says about itself."""
        ...

    def shelves(self) -> Sequence[Shelf]:
        """Return its parts as they are now."""
        ...

    def categories(self) -> frozenset[str]:
        """Return the categories that its entries may carry."""
        ...


def stated(entry: Entry, standing: Standing) -> Entry:
    """Return an entry with its state."""
    if (entry.state, entry.disabled_until) == (standing.state, standing.disabled_until):
        return entry
    return msgspec.structs.replace(
        entry, state=standing.state, disabled_until=standing.disabled_until
    )


def standings(entries: Iterable[Entry]) -> dict[int, Standing]:
    """Return how those entries stand that are not simply active, by their places."""
    return {
        number: Standing.of(entry.state, entry.disabled_until)
        for number, entry in enumerate(entries)
        if entry.state != "active"
    }
