"""Large banks: a folder of segments that are searched on disk, and a journal of what is new.

::

    big.bank/
      bank.json             what the bank says about itself; the segments and journals in force
      segments/000001.tgs   hashes, search tables and entries: written once, then only read
      journal/000002.jsonl  what was added since, and which entries changed their state

``bank.json`` is replaced in one step, so there is one moment at which anything new is in
force. Two locks keep writers apart: that of the folder is held for moments, by whoever
appends to the journal or replaces ``bank.json``; that of ``segments`` for as long as a
segment is written. Both keep threads apart as they do processes. Readers take none. Files
that ``bank.json`` does not name are what a crash left, or somebody's work: whoever holds
the lock of ``segments`` clears them away.
"""

import fcntl
import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import Role
from tidegate.matching import bulk, journal
from tidegate.matching.bank import Bank, BankError, Entry, State, content, is_hex
from tidegate.matching.bankfile import Header, sync_folder
from tidegate.matching.columns import label_of
from tidegate.matching.index import BruteForceIndex
from tidegate.matching.journal import Added, Changed
from tidegate.matching.keys import SALT_BYTES, Keys
from tidegate.matching.numbers import END, next_numbers, number_of
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

LONG_JOURNAL = 1 << 13
"""Entries in the journals beyond which the next addition writes them to a segment first."""

MANY_ROWS = 1 << 18
"""Hashes in the journals beyond which it does so too."""

LARGEST_GATHERED = 1 << 20
"""Entries of a segment at most that an addition writes anew; others wait for a merge."""

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
        salt: Of the keys of its segments, hexadecimal.
    """

    tidegate_bank_folder: int
    bank: Header
    salt: str
    segments: tuple[int, ...]
    journals: tuple[int, ...]
    next: int


class Delta:
    """What the journals tell, as far as they are read. It only grows.

    Attributes:
        pile: The entries that were added.
        places: Their places, by id.
        labels: The labels of their ids.
        changes: The last change of each entry that was changed, by id.
        pending: How entries stand whose change is in no view yet, by id.
    """

    def __init__(self, keys: Keys) -> None:
        self.pile = Pile()
        self.places: dict[str, int] = {}
        self.labels: set[int] = set()
        self.changes: dict[str, Changed] = {}
        self.pending: dict[str, Standing] = {}
        self.largest_number = 0
        self._keys = keys
        self._read: dict[int, journal.Mark] = {}
        self._by_key: defaultdict[int, list[int]] = defaultdict(list)
        self._keyed = 0
        self._index = BruteForceIndex(self.pile.hashes())

    def take(self, number: int, path: Path) -> None:
        """Read on in a journal."""
        changes, self._read[number] = journal.read(path, self._read.get(number, journal.Mark()))
        for step in chain.from_iterable(changes):
            if isinstance(step, Added):
                self._add(step.entry)
                if step.entry.state != "active":
                    standing = Standing.of(step.entry.state, step.entry.disabled_until)
                    self.pending[step.entry.id] = standing
            else:
                self.changes[step.id] = step
                self.pending[step.id] = Standing.of(step.state, step.disabled_until)

    def _add(self, entry: Entry) -> None:
        self.places[entry.id] = len(self.pile.entries)
        self.labels.add(label_of(entry.id))
        self.largest_number = max(self.largest_number, number_of(entry.id) or 0)
        self.pile.add(entry)

    def standings(self, tables: Mapping[int, Table]) -> tuple[Standings, dict[int, Standings]]:
        """Return the pending changes by number: of the entries here, and of each segment's.

        An entry that is nowhere may come with a segment that is not in force yet where
        this was read: its change stays pending.
        """
        here: Standings = {}
        there: dict[int, Standings] = {number: {} for number in tables}
        lost: dict[str, Standing] = {}
        for entry_id, standing in self.pending.items():
            if entry_id in self.places:
                here[self.places[entry_id]] = standing
                continue
            found = ((n, table.find(entry_id)) for n, table in tables.items())
            spot = next(((n, place) for n, place in found if place is not None), None)
            if spot is None:
                lost[entry_id] = standing
            else:
                there[spot[0]][spot[1]] = standing
        self.pending = lost
        return here, there

    def shelf(self, bank: Bank, resting: Resting) -> MemoryShelf:
        """Return the entries that were added, as they stand."""
        if len(self._index) != self.pile.rows:
            self._index = BruteForceIndex(self.pile.hashes())
        return MemoryShelf(bank, self.pile, self._index, resting)

    def holds(self, what: object, key: int) -> bool:
        """Whether an entry of a content is here; ``key`` is that of the content."""
        new = self.pile.entries[self._keyed :]
        for place, found in enumerate(self._keys.of(new).tolist(), self._keyed):
            self._by_key[found].append(place)
        self._keyed += len(new)
        return any(content(self.pile.entries[p]) == what for p in self._by_key.get(key, ()))


class View(NamedTuple):
    """A folder as it was when it was read.

    Attributes:
        key: Tells whether anything has changed since.
        manifest: Which files are in force.
        segments: The segments, as they stand.
        recent: What the journals tell.
        delta: Where it comes from; it may have grown since.
        keys: Those of the bank.
    """

    key: tuple[object, ...]
    manifest: Manifest
    segments: tuple[TableShelf, ...]
    recent: MemoryShelf
    delta: Delta
    keys: Keys

    @property
    def shelves(self) -> tuple[TableShelf | MemoryShelf, ...]:
        """All entries."""
        return (*self.segments, self.recent)

    @property
    def tables(self) -> dict[int, Table]:
        """The segments, by their numbers."""
        return {number: shelf.table for number, shelf in self.numbered.items()}

    @property
    def numbered(self) -> dict[int, TableShelf]:
        """The segments as they stand, by their numbers."""
        return dict(zip(self.manifest.segments, self.segments, strict=True))

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

    def new_ones(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return those whose content is not here, with ids that are not taken."""
        entries = list(entries)
        new: list[Entry] = []
        contents: set[object] = set()
        labels: set[int] = set()
        clashing: list[int] = []
        for entry, key in zip(entries, self.keys.of(entries).tolist(), strict=True):
            what = content(entry)
            if what in contents or self._holds(what, key):
                continue
            # Two ids with the same label count as the same: a segment has room for one.
            label = label_of(entry.id)
            if label in labels or self._has(label):
                clashing.append(len(new))
            contents.add(what)
            labels.add(label)
            new.append(entry)
        for place, number in zip(clashing, self._free(len(clashing), labels), strict=True):
            new[place] = msgspec.structs.replace(new[place], id=str(number))
        return new

    def _holds(self, what: object, key: int) -> bool:
        if self.delta.holds(what, key):
            return True
        return any(
            content(table.entry(number)) == what
            for table in self.tables.values()
            for number in table.contents.find(key)
        )

    def _has(self, label: int) -> bool:
        if label in self.delta.labels:
            return True
        return any(table.labelled(label) is not None for table in self.tables.values())

    def _free(self, count: int, labels: set[int]) -> list[int]:
        """Return numbers that are no ids here, nor among other labels."""
        if not count:
            return []

        def taken() -> list[NDArray[np.uint64]]:
            here = [np.array(sorted(some), np.uint64) for some in (labels, self.delta.labels)]
            return [*here, *(table.labels().key for table in self.tables.values())]

        largest = max(
            self.delta.largest_number,
            *(label for label in labels if label < END),
            *(table.largest_number for table in self.tables.values()),
            0,
        )
        found: list[int] = next_numbers(largest, count, taken).tolist()
        return found

    def next_number(self) -> int:
        """Return the next number that is free for an id."""
        return self._free(1, set())[0]

    @property
    def is_long(self) -> bool:
        """Whether the journals hold so much that each reader's refresh takes longer for it."""
        return self.recent.entries >= LONG_JOURNAL or self.recent.rows >= MANY_ROWS

    def small(self) -> tuple[int, ...]:
        """Return the segments that are worth being written anew with what is in the journals.

        Those no larger than all that is written anew already: so an entry is written
        again only a few times, however many come one by one, and segments stay few.
        """
        total = self.recent.entries
        chosen: list[int] = []
        for number, shelf in sorted(self.numbered.items(), key=lambda item: item[1].entries):
            if shelf.entries > min(total, LARGEST_GATHERED):
                break
            chosen.append(number)
            total += shelf.entries
        return tuple(chosen)


class BankFolder:
    """A bank in a folder. Safe to share between threads; any number of processes may use it.

    Attributes:
        path: The folder.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, populate: bool = False, threads: int = 1
    ) -> None:
        """Open a folder.

        Args:
            path: The folder.
            populate: Read segments into memory when they are opened, instead of piece by
                piece on first use.
            threads: How many share the queries of a search.

        Raises:
            BankError: It is no bank, or damaged; names the file.
        """
        self.path = Path(path)
        self._populate = populate
        self._threads = threads
        # Held while the folder is read, never while a lock of its files is waited for.
        self._mutex = threading.RLock()
        self._view: View | None = None
        self._delta: Delta | None = None
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
        sync_folder(path.parent)
        with _alone(path):
            if (path / MANIFEST).exists():
                raise BankError(f"{path} is a bank already")
            _begin(_journal(path, 1))
            manifest = Manifest(
                tidegate_bank_folder=FOLDER_VERSION,
                bank=Header.of(bank),
                salt=os.urandom(SALT_BYTES).hex(),
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
        """Return the next number that is free for an id."""
        return str(self.view().next_number())

    def add(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Add the entries whose content the bank does not hold yet; all of them, or none.

        Content that was withdrawn is still held: it does not come back by being added
        again. An entry whose id is taken gets the next number for an id. What is too much
        for the journal becomes a segment; so does what is in the journal where it is much.

        Returns:
            The entries that were added, with their ids.

        Raises:
            BankError: The folder is damaged.
            OSError: It cannot be written; it is as it was.
        """
        entries = tuple(entries)
        self._tidy()
        with self._writing() as view:
            added = tuple(view.new_ones(entries))
            if not added:
                return ()
            line = journal.line([Added(entry=entry) for entry in added])
            if len(line) <= LARGEST_CHANGE:
                self._append(view, line)
                return added
        with self._building(), self._spool() as spool:
            for batch in _batches(added):
                spool.add(batch)
            shelf = self._put(spool, _silent)
        return () if shelf is None else tuple(shelf.all())

    def change(
        self, ids: Iterable[str], state: State, *, disabled_until: str | None = None
    ) -> None:
        """Set the state of entries; all of them, or none. Seen at once, by all processes.

        A change is a line of the journal: 64 MiB, some 500,000 entries with short ids.

        Args:
            ids: Of the entries.
            state: The new state. An entry that is withdrawn stays so.
            disabled_until: When a disabled entry is active again, ISO 8601 with a time zone.

        Raises:
            BankError: There is no such entry, or it was withdrawn, or they are too many.
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
            if steps:
                self._append(view, journal.line(steps))

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
        with self._building(), self._spool() as spool:
            category = self.bank.category
            for path in paths:
                bulk.fill(spool, path, category, partial(tell, f"reading {path.name}"))
            shelf = self._put(spool, tell)
            return 0 if shelf is None else shelf.entries

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
            view = self.view()
            if len(view.segments) < 2 and not view.recent.entries and not view.delta.changes:
                return False
            self._gather(lambda now: now.manifest.segments, progress)
        return True

    def _tidy(self) -> None:
        """Write long journals to a segment, unless somebody else writes one just now."""
        if not self.view().is_long:
            return
        with suppress(BlockingIOError), self._building(wait=False):
            if self.view().is_long:
                self._gather(View.small, None)

    def _gather(self, choose: Callable[[View], tuple[int, ...]], progress: Progress | None) -> None:
        """Write the segments that are chosen and what the journals tell into one new segment."""
        with self._writing() as view:
            old, chosen = view.manifest, choose(view)
            others = [table for number, table in view.tables.items() if number not in chosen]
            carried = [
                step
                for step in view.delta.changes.values()
                if any(table.find(step.id) is not None for table in others)
            ]
            # From here on, what is new goes to a journal that this leaves alone.
            self._begin(old.next, carried)
            self._force(old, journals=(*old.journals, old.next), next=old.next + 2)
        number = old.next + 1
        with self._spool() as spool:
            for each, shelf in view.numbered.items():
                if each in chosen:
                    spool.add_shelf(shelf)
            for batch in _batches(view.recent.all()):
                spool.add(batch)
            made = self._written(spool, number, progress=progress)
        with self._writing() as after:
            now = after.manifest
            kept = tuple(each for each in now.segments if each not in chosen)
            self._force(
                now,
                segments=kept if made is None else (*kept, number),
                journals=tuple(each for each in now.journals if each not in old.journals),
            )
        self._clear()

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
        before, keys = self._view, Keys(bytes.fromhex(manifest.salt))
        known = before.tables if before else {}
        tables = {n: known.get(n) or self._open(n, keys) for n in manifest.segments}
        held = before.manifest.journals if before else ()
        # Whatever goes wrong on the way, the next reading begins anew.
        delta, self._delta = self._delta, None
        resting: dict[int, Resting] = {}
        recent = Resting.of({})
        if delta is None or before is None or held != manifest.journals[: len(held)]:
            delta = Delta(keys)
        else:
            recent = before.recent.resting
            resting = {n: shelf.resting for n, shelf in before.numbered.items()}
        for number in manifest.journals:
            path = _journal(self.path, number)
            try:
                delta.take(number, path)
            except FileNotFoundError:
                raise _GoneError(f"{path} is missing") from None
            except journal.TakenBackError:
                raise _GoneError(f"{path} changes again and again") from None
            except BankError as error:
                reason = str(error)
                raise BankError(reason if str(path) in reason else f"{path}: {reason}") from None
        bank = manifest.bank.bank()
        here, there = delta.standings(tables)
        segments = tuple(
            TableShelf(bank, table, resting.get(n, table.resting).changed(there[n]))
            for n, table in tables.items()
        )
        shelf = delta.shelf(bank, recent.changed(here))
        self._delta = delta
        return View(key, manifest, segments, shelf, delta, keys)

    def _open(self, number: int, keys: Keys) -> Table:
        path = _segment(self.path, number)
        try:
            return Table(path, keys, populate=self._populate, threads=self._threads)
        except BankError:
            if not path.exists():
                raise _GoneError(f"{path} is missing") from None
            raise

    @contextmanager
    def _writing(self) -> Iterator[View]:
        """Keep other writers out for a moment; what is written is seen when it ends."""
        with _alone(self.path):
            yield self.view()
            self.refresh()

    @contextmanager
    def _building(self, *, wait: bool = True) -> Iterator[None]:
        """Keep others that write segments out, and clear away what a crash has left.

        Raises:
            BlockingIOError: Somebody else does so, and is not to be waited for.
        """
        with _alone(self.path / SEGMENTS, wait=wait):
            self._clear()
            yield

    def _spool(self) -> Spool:
        return Spool(self.path / SEGMENTS, self._now.keys)

    def _append(self, view: View, line: bytes) -> None:
        journal.append(_journal(self.path, view.manifest.journals[-1]), line)

    def _put(self, spool: Spool, tell: Progress) -> TableShelf | None:
        """Write a segment of what is new and put it in force; return it, or ``None``."""
        view = self.view()
        number = view.manifest.next
        table = self._written(spool, number, view.held(), tell)
        if table is None:
            return None
        with self._writing() as after:
            if _meet(table, after, view.recent.entries):
                # Somebody added some of this meanwhile, or took some of its ids. Who wants
                # to add more waits now; who reads does not.
                table.path.unlink()
                table = self._written(spool, number, after.held(), tell)
                if table is None:
                    return None
            manifest = after.manifest
            self._force(manifest, segments=(*manifest.segments, number), next=number + 1)
        return TableShelf(manifest.bank.bank(), table, table.resting)

    def _written(
        self,
        spool: Spool,
        number: int,
        held: Held | None = None,
        progress: Progress | None = None,
    ) -> Table | None:
        """Write a segment and open it, so that none is put in force that cannot be opened."""
        path = _segment(self.path, number)
        if not spool.write(path, held, progress):
            return None
        shutil.copymode(self.path / MANIFEST, path)
        return self._open(number, self._now.keys)

    def _begin(self, number: int, steps: Sequence[Changed]) -> None:
        """Make a journal that nobody reads yet, for good."""
        path = _journal(self.path, number)
        _begin(path, b"".join(map(journal.line, _batches(steps))))
        shutil.copymode(self.path / MANIFEST, path)

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
    except (msgspec.DecodeError, UnicodeDecodeError, BankError, RecursionError) as error:
        raise BankError(f"{file}: {error}") from None
    if not is_hex(found.salt, 2 * SALT_BYTES):
        raise BankError(f"{file}: its salt is damaged")
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
        if (path / MANIFEST).exists():
            shutil.copymode(path / MANIFEST, temporary)
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path / MANIFEST)
    sync_folder(path)


def _begin(path: Path, text: bytes = b"") -> None:
    """Make a journal, for good."""
    with path.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _meet(table: Table, view: View, first: int) -> bool:
    """Whether some of the recent entries, from a place on, have an id or a content of a table."""
    new = list(islice(view.recent.all(), first, None))
    keys = view.keys.of(new)
    return any(table.labelled(label_of(entry.id)) is not None for entry in new) or any(
        table.contents.find(key) for key in keys.tolist()
    )


def _silent(what: str, share: float) -> None:
    pass


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


@contextmanager
def _alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Wait until nobody else holds a folder, be it another thread, and keep others out.

    Raises:
        BlockingIOError: Somebody does, and is not to be waited for.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
