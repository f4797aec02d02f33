"""Large banks: a folder of segments that are searched on disk, and a journal of what is new.

::

    big.bank/
      bank.json             what the bank says about itself; the segments and journals in force
      segments/000001.tgs   hashes, search tables and entries: written once, then only read
      journal/000002.jsonl  what was added since, and which entries changed their state

``bank.json`` is replaced in one step, so there is one moment at which anything new is in
force. Two locks keep writers apart: that of the folder is held for moments, by whoever
appends to the journal or replaces ``bank.json``; that of ``segments`` for as long as a
segment is written. Readers take none. Files that ``bank.json`` does not name are what a
crash left, or somebody's work: whoever holds the lock of ``segments`` clears them away.
"""

import fcntl
import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from tidegate.evidence import Role
from tidegate.matching import bulk, journal
from tidegate.matching.bank import Bank, BankError, Entry, State, content, is_number
from tidegate.matching.bankfile import Header, sync_folder
from tidegate.matching.columns import LONGEST_NUMBER, keys_of
from tidegate.matching.index import BruteForceIndex
from tidegate.matching.journal import Added, Changed
from tidegate.matching.shelf import Digest, MemoryShelf, Pile, Resting, Shelf, Standing
from tidegate.matching.spool import SPOOL, Held, Progress, Spool
from tidegate.matching.table import Table, TableShelf

T = TypeVar("T")

Standings = dict[int, Standing]
"""How entries stand, by their numbers."""

MANIFEST = "bank.json"

SEGMENTS, JOURNAL = "segments", "journal"

BATCH = 4096
"""Entries, or changes, that are written at a time."""

FOLDER_VERSION = 1
"""The version of the folder."""

LARGEST_CHANGE = 1 << 23
"""Bytes of a change up to which it goes to the journal; what is larger becomes a segment."""

TRIES = 20
"""Times that a reader begins anew because the bank was merged under its hands."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``bank.json`` holds.

    Attributes:
        tidegate_bank_folder: The version.
        bank: What the bank says about itself.
        segments: Numbers of the segments in force.
        journals: Numbers of the journals in force, oldest first; the last one is written to.
        next: The number of the next file.
    """

    tidegate_bank_folder: int
    bank: Header
    segments: tuple[int, ...]
    journals: tuple[int, ...]
    next: int


class Delta:
    """What the journals tell, as far as they are read. It only grows.

    Attributes:
        pile: The entries that were added.
        places: Their places, by id.
        changes: How entries stand that were changed, by id.
    """

    def __init__(self) -> None:
        self.pile = Pile()
        self.places: dict[str, int] = {}
        self.changes: dict[str, Standing] = {}
        self._read: dict[int, int] = {}
        self._spots: dict[str, tuple[int, int]] = {}
        self._keys: defaultdict[int, list[int]] = defaultdict(list)
        self._keyed = 0

    def take(self, number: int, path: Path) -> None:
        """Read on in a journal."""
        changes, self._read[number] = journal.read(path, self._read.get(number, 0))
        for step in chain.from_iterable(changes):
            if isinstance(step, Added):
                self.places[step.entry.id] = len(self.pile.entries)
                self.pile.add(step.entry)
                if step.entry.state != "active":
                    standing = Standing.of(step.entry.state, step.entry.disabled_until)
                    self.changes[step.entry.id] = standing
            else:
                self.changes[step.id] = Standing.of(step.state, step.disabled_until)

    def standings(self, tables: Mapping[int, Table]) -> tuple[Standings, dict[int, Standings]]:
        """Return the changes by number: of the entries here, and of those of each segment."""
        here: Standings = {}
        there: dict[int, Standings] = {number: {} for number in tables}
        for entry_id, standing in self.changes.items():
            if entry_id in self.places:
                here[self.places[entry_id]] = standing
                continue
            if entry_id not in self._spots:
                found = ((n, table.find(entry_id)) for n, table in tables.items())
                spot = next(((n, place) for n, place in found if place is not None), None)
                if spot is None:
                    raise BankError(f"entry {entry_id[:200]!r} of the journal is in no segment")
                self._spots[entry_id] = spot
            number, place = self._spots[entry_id]
            there[number][place] = standing
        return here, there

    def holds(self, entry: Entry, key: int) -> bool:
        """Whether an entry of the same content is here; ``key`` is that of the content."""
        new = self.pile.entries[self._keyed :]
        for place, found in enumerate(keys_of(new).tolist(), self._keyed):
            self._keys[found].append(place)
        self._keyed += len(new)
        wanted = content(entry)
        return any(content(self.pile.entries[p]) == wanted for p in self._keys.get(key, ()))


class View(NamedTuple):
    """A folder as it was when it was read.

    Attributes:
        key: Tells whether anything has changed since.
        manifest: Which files are in force.
        segments: The segments, as they stand.
        recent: What the journals tell.
        delta: Where it comes from; it may have grown since.
    """

    key: tuple[object, ...]
    manifest: Manifest
    segments: tuple[TableShelf, ...]
    recent: MemoryShelf
    delta: Delta

    @property
    def shelves(self) -> tuple[TableShelf | MemoryShelf, ...]:
        """All entries."""
        return (*self.segments, self.recent)

    @property
    def tables(self) -> dict[int, Table]:
        """The segments, by their numbers."""
        found = (shelf.table for shelf in self.segments)
        return dict(zip(self.manifest.segments, found, strict=True))

    def held(self) -> Held:
        """Return what is here, to compare with."""
        return Held(tuple(self.tables.values()), tuple(self.recent.all()))

    def find(self, entry_id: str) -> Entry | None:
        """Return the entry with an id and its state, or ``None``."""
        place = self.delta.places.get(entry_id)
        if place is not None and place < self.recent.entries:
            return self.recent.stated(place)
        for shelf in self.segments:
            place = shelf.table.find(entry_id)
            if place is not None:
                return shelf.stated(place)
        return None

    def new_ones(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield those whose content is not here, with ids that are not taken."""
        entries = list(entries)
        ids: set[str] = set()
        contents: set[object] = set()
        number = 0
        for entry, key in zip(entries, keys_of(entries).tolist(), strict=True):
            if content(entry) in contents or self._holds(entry, key):
                continue
            contents.add(content(entry))
            if entry.id in ids or self.find(entry.id) is not None:
                number = max(number, self.largest_number())
                number = 1 + max((number, *(int(i) for i in ids if is_number(i))))
                entry = msgspec.structs.replace(entry, id=str(number))
            ids.add(entry.id)
            yield entry

    def _holds(self, entry: Entry, key: int) -> bool:
        if self.delta.holds(entry, key):
            return True
        return any(
            content(table.entry(number)) == content(entry)
            for table in self.tables.values()
            for number in table.contents.find(key)
        )

    def largest_number(self) -> int:
        """Return the largest of the ids that are numbers, or 0."""
        here = (int(i) for i in self.delta.places if is_number(i) and len(i) <= LONGEST_NUMBER)
        return max((0, *here, *(table.largest_number for table in self.tables.values())))


class BankFolder:
    """A bank in a folder. Safe to share between threads; any number of processes may use it.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a folder.

        Raises:
            BankError: It is no bank, or damaged; names the file.
        """
        self.path = Path(path)
        self._mutex = threading.RLock()
        self._view: View | None = None
        self.refresh()

    @classmethod
    def create(cls, path: str | os.PathLike[str], bank: Bank) -> "BankFolder":
        """Create a folder for a bank, with the entries that the bank has.

        Raises:
            BankError: There is a bank already.
            OSError: The folder cannot be written.
        """
        path = Path(path)
        for part in (path, path / SEGMENTS, path / JOURNAL):
            part.mkdir(exist_ok=True)
        with _alone(path):
            if (path / MANIFEST).exists():
                raise BankError(f"{path} is a bank already")
            _begin(_journal(path, 1))
            manifest = Manifest(
                tidegate_bank_folder=FOLDER_VERSION,
                bank=Header.of(bank),
                segments=(),
                journals=(1,),
                next=2,
            )
            _replace(path, manifest)
        folder = cls(path)
        folder.add(bank.entries)
        return folder

    @property
    def bank(self) -> Bank:
        """What the bank says about itself; without entries."""
        return self._now.manifest.bank.bank()

    @property
    def name(self) -> str:
        """The name of the bank."""
        return self.bank.name

    @property
    def role(self) -> Role:
        """The role of the bank."""
        return self.bank.role

    def refresh(self) -> bool:
        """See what was added, changed or merged since. Costs two file stats where nothing was.

        Returns:
            Whether anything was.

        Raises:
            BankError: The folder is damaged; names the file.
        """
        with self._mutex:
            for attempt in range(TRIES):
                try:
                    if self._view is not None and self._view.key == self._key(self._view.manifest):
                        return False
                    self._view = self._read()
                except _GoneError as error:
                    if attempt + 1 == TRIES:
                        raise BankError(str(error)) from None
                else:
                    return True
            raise AssertionError

    def view(self) -> View:
        """Return the folder as it is now."""
        with self._mutex:
            self.refresh()
            return self._now

    def shelves(self) -> Sequence[Shelf]:
        """Return all entries as they are now, ready to be searched."""
        return self.view().shelves

    def categories(self) -> frozenset[str]:
        """Return the categories that its entries may carry."""
        view = self.view()
        own = view.manifest.bank.category
        here = (entry.category or own for entry in view.recent.all())
        return frozenset(here).union({own}, *(t.meta.categories for t in view.tables.values()))

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, one at a time: those of the segments, then those of the journals."""
        for shelf in self.view().shelves:
            yield from shelf.all()

    def __len__(self) -> int:
        return sum(shelf.entries for shelf in self.view().shelves)

    def entry(self, entry_id: str) -> Entry | None:
        """Return the entry with an id, or ``None``."""
        return self.view().find(entry_id)

    def holder(self, kind: Digest, digest: str) -> Entry | None:
        """Return an entry that holds a digest, whatever its state, or ``None``."""
        for shelf in self.view().shelves:
            for number in shelf.holders(kind, digest):
                return shelf.stated(number)
        return None

    def next_id(self) -> str:
        """Return one more than the largest of the ids that are numbers."""
        return str(self.view().largest_number() + 1)

    def add(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Add the entries whose content the bank does not hold yet; all of them, or none.

        Content that was withdrawn is still held: it does not come back by being added
        again. An entry whose id is taken gets the next number for an id. What is too much
        for the journal becomes a segment.

        Returns:
            The entries that were added, with their ids; in a segment, whatever their ids
            are there.

        Raises:
            BankError: The folder is damaged.
            OSError: It cannot be written; it is as it was.
        """
        entries = tuple(entries)
        with self._writing() as view:
            added = tuple(view.new_ones(entries))
            if not added:
                return ()
            line = journal.line([Added(entry=entry) for entry in added])
            if len(line) <= LARGEST_CHANGE:
                self._append(view, line)
                return added
        with self._building(), Spool(self.path / SEGMENTS) as spool:
            for batch in _batches(added):
                spool.add(batch)
            self._put(spool, _silent)
        return added

    def change(
        self, ids: Iterable[str], state: State, *, disabled_until: str | None = None
    ) -> None:
        """Set the state of entries; all of them, or none. Seen at once, by all processes.

        Args:
            ids: Of the entries.
            state: The new state. An entry that is withdrawn stays so.
            disabled_until: When a disabled entry is active again, ISO 8601 with a time zone.

        Raises:
            BankError: There is no such entry, or it was withdrawn.
            OSError: The folder cannot be written; it is as it was.
        """
        until = Standing.of(state, disabled_until).disabled_until
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as view:
            steps = []
            for entry_id in dict.fromkeys(ids):
                entry = view.find(entry_id)
                if entry is None:
                    raise BankError(f"{self.path}: there is no entry {entry_id[:200]!r}")
                if entry.state == "withdrawn" and state != "withdrawn":
                    raise BankError(f"{self.path}: entry {entry_id!r} was withdrawn, for good")
                steps.append(Changed(id=entry_id, state=state, disabled_until=until, at=now))
            # Several lines where it is much: each is true by itself.
            for batch in _batches(steps):
                self._append(view, journal.line(batch))

    def add_lists(self, paths: Sequence[Path], progress: Progress | None = None) -> int:
        """Add banks and hash lists of any size; all of them, or none.

        What the bank holds already and what comes twice is left out, as in :meth:`add`.

        Args:
            paths: The lists.
            progress: Is told how far it is.

        Returns:
            How many entries were added.

        Raises:
            BankError: A list is not what it should be; names file, line and reason.
            OSError: A list cannot be read, or the folder not be written.
        """
        tell = progress or _silent
        with self._building(), Spool(self.path / SEGMENTS) as spool:
            category = self.bank.category
            for path in paths:
                bulk.fill(spool, path, category, partial(tell, f"reading {path.name}"))
            return self._put(spool, tell)

    def merge(self, progress: Progress | None = None) -> bool:
        """Write all segments and what the journals tell into one new segment.

        Searches, additions and changes go on meanwhile. Entries that were withdrawn are
        kept for the record, so that they do not come back with the next list; their
        hashes leave the search. A crash leaves the bank as it was.

        Args:
            progress: Is told how far it is.

        Returns:
            Whether there was anything to merge.

        Raises:
            BankError: The folder is damaged.
            OSError: The folder cannot be written; nothing is lost.
        """
        with self._building():
            with self._writing() as view:
                old = view.manifest
                if len(old.segments) < 2 and not view.recent.entries and not view.delta.changes:
                    return False
                # From here on, what is new goes to a journal that this merge leaves alone.
                _begin(_journal(self.path, old.next))
                journals = (*old.journals, old.next)
                self._force(old, journals=journals, next=old.next + 2)
            number = old.next + 1
            with Spool(self.path / SEGMENTS) as spool:
                for shelf in view.segments:
                    spool.add_shelf(shelf)
                for batch in _batches(view.recent.all()):
                    spool.add(batch)
                spool.write(_segment(self.path, number), progress=progress)
            with self._writing() as after:
                journals = tuple(j for j in after.manifest.journals if j not in old.journals)
                self._force(after.manifest, segments=(number,), journals=journals)
            self._clear()
        return True

    @property
    def _now(self) -> View:
        assert self._view is not None
        return self._view

    def _key(self, manifest: Manifest) -> tuple[object, ...]:
        """Return what is another as soon as anything has changed."""
        return _stat(self.path / MANIFEST), _stat(_journal(self.path, manifest.journals[-1]))

    def _read(self) -> View:
        """Read what is new.

        Raises:
            _GoneError: A file is missing, as it is when the bank is merged meanwhile.
        """
        stat = _stat(self.path / MANIFEST)
        manifest = _manifest(self.path)
        key = (stat, self._key(manifest)[1])
        before = self._view
        known = before.tables if before else {}
        tables = {n: known.get(n) or self._open(n) for n in manifest.segments}
        held = before.manifest.journals if before else ()
        grown = before is not None and held == manifest.journals[: len(held)]
        delta = before.delta if before is not None and grown else Delta()
        try:
            for number in manifest.journals:
                delta.take(number, _journal(self.path, number))
        except FileNotFoundError as error:
            raise _GoneError(f"{error.filename} is missing") from None
        bank = manifest.bank.bank()
        try:
            here, there = delta.standings(tables)
        except BankError as error:
            raise BankError(f"{self.path}: {error}") from None
        index = BruteForceIndex(delta.pile.hashes())
        return View(
            key,
            manifest,
            tuple(
                TableShelf(bank, table, table.resting.changed(there[number]))
                for number, table in tables.items()
            ),
            MemoryShelf(bank, delta.pile, index, Resting.of(here)),
            delta,
        )

    def _open(self, number: int) -> Table:
        path = _segment(self.path, number)
        try:
            return Table(path)
        except BankError:
            if not path.exists():
                raise _GoneError(f"{path} is missing") from None
            raise

    @contextmanager
    def _writing(self) -> Iterator[View]:
        """Keep other writers out for a moment; what is written is seen when it ends."""
        with self._mutex, _alone(self.path):
            yield self.view()
            self.refresh()

    @contextmanager
    def _building(self) -> Iterator[None]:
        """Keep others that write segments out, and clear away what a crash has left."""
        with _alone(self.path / SEGMENTS):
            self._clear()
            yield

    def _append(self, view: View, line: bytes) -> None:
        journal.append(_journal(self.path, view.manifest.journals[-1]), line)

    def _put(self, spool: Spool, tell: Progress) -> int:
        """Write a segment of what is new and put it in force; return how many entries it has."""
        view = self.view()
        number = view.manifest.next
        path = _segment(self.path, number)
        if not spool.write(path, view.held(), tell):
            return 0
        with self._writing() as after:
            if _meet(Table(path), after.recent, view.recent.entries):
                # Somebody added some of this meanwhile, or took some of its ids.
                path.unlink()
                if not spool.write(path, after.held(), tell):
                    return 0
            manifest = after.manifest
            self._force(manifest, segments=(*manifest.segments, number), next=number + 1)
        return self._now.tables[number].entries

    def _force(self, manifest: Manifest, **changes: Any) -> None:
        """Put a changed manifest in force."""
        _replace(self.path, msgspec.structs.replace(manifest, **changes))

    def _clear(self) -> None:
        """Delete what is not in force. Who has it open keeps it."""
        with self._writing() as view:
            names = {_segment(self.path, n) for n in view.manifest.segments}
            names |= {_journal(self.path, n) for n in view.manifest.journals}
            for part in (SEGMENTS, JOURNAL):
                for path in (self.path / part).iterdir():
                    if path.is_dir() and path.name.startswith(SPOOL):
                        shutil.rmtree(path)
                    elif path not in names and _OURS.fullmatch(path.name):
                        path.unlink()


class _GoneError(Exception):
    """A file that should be there is not, or no longer."""


_OURS = re.compile(r"(\d{6,}\.(tgs|jsonl)|\..*\.tmp)")
"""What files of the two folders are called."""


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a bank in a folder."""
    return (Path(path) / MANIFEST).is_file()


def _segment(path: Path, number: int) -> Path:
    return path / SEGMENTS / f"{number:06}.tgs"


def _journal(path: Path, number: int) -> Path:
    return path / JOURNAL / f"{number:06}.jsonl"


def _manifest(path: Path) -> Manifest:
    file = path / MANIFEST
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Manifest)
        found.bank.bank()
    except FileNotFoundError:
        raise BankError(f"{path} is no bank: it holds no {MANIFEST}") from None
    except OSError as error:
        raise BankError(f"{file}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, BankError) as error:
        raise BankError(f"{file}: {error}") from None
    if found.tidegate_bank_folder != FOLDER_VERSION:
        raise BankError(
            f"{file}: version {found.tidegate_bank_folder} of the folder; this Tidegate reads "
            f"{FOLDER_VERSION}"
        )
    numbers = (*found.segments, *found.journals)
    if not found.journals or len(set(numbers)) < len(numbers) or max(numbers) >= found.next:
        raise BankError(f"{file}: the numbers of its files make no sense")
    return found


def _replace(path: Path, manifest: Manifest) -> None:
    """Put a manifest in force, for good: it survives a power cut."""
    temporary = path / f".{MANIFEST}.tmp"
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path / MANIFEST)
    sync_folder(path)


def _begin(path: Path) -> None:
    """Make an empty journal, for good."""
    path.write_bytes(b"")
    sync_folder(path.parent)


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _meet(table: Table, recent: MemoryShelf, first: int) -> bool:
    """Whether some of the recent entries, from a place on, have an id or a content of a table."""
    new = list(islice(recent.all(), first, None))
    keys = keys_of(new)
    return any(table.find(entry.id) is not None for entry in new) or any(
        table.contents.find(key) for key in keys.tolist()
    )


def _silent(what: str, share: float) -> None:
    pass


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else holds a folder, and keep others out."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
