"""The banks of the database, as folders that are searched: a replica that follows by revision.

::

    DATA/banks/
      replica.json         which folders are in force, up to which revision
      lock                 held by whoever follows
      <name>/<id>/         a bank in a folder, see tidegate.matching.bankfolder

The processes of a machine share one replica. Whoever sees first that the database has gone on
takes the lock and follows; the others find the new entries in the folders that they have open.
Nobody who judges waits for that. What is applied twice, after a crash, is there once.

A folder that is no longer in force is kept for a while, for those who are still at it.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.closing import Closing
from tidegate.evidence import Value
from tidegate.matching import Bank, BankError, BankFolder, Entry, Matcher, VideoRule
from tidegate.matching.bankfile import Header, sync_folder
from tidegate.matching.catalogue import Catalogue
from tidegate.matching.index import Hits
from tidegate.matching.shelf import Digest, Known, Resting, Shelf, Standing
from tidegate.service import entries
from tidegate.store import banks, clock, ids
from tidegate.store.clock import SECOND
from tidegate.store.engine import Store

logger = logging.getLogger(__name__)

MANIFEST, LOCK = "replica.json", "lock"

PAGE = 1000
"""Entries that are read from the database, and applied, at a time."""

BULK = 20_000
"""Entries of a bank beyond which they are written to a list first, and that is taken in whole."""

MOST_SEGMENTS = 8
"""Segments of a bank beyond which they are merged."""

LOOK = 0.5
"""Seconds between two looks at the revision of the database."""

STALE = 60.0
"""Seconds without a look at the database after which a replica is stale."""

BEHIND = 600.0
"""Seconds behind the database after which it is stale: some million entries take a minute."""

KEEP = 600 * SECOND
"""Microseconds for which a folder that is no longer in force is kept."""


_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\..*\.tmp")
"""What it calls folders and lists: nothing else of its folder is ever removed."""


class Held(Value, frozen=True, kw_only=True):
    """A bank of the replica.

    Attributes:
        bank: What it says about itself.
        folder: Where it is, from the folder of the replica.
        revision: Up to which its entries are there.
    """

    bank: banks.Bank
    folder: str
    revision: int


class State(Value, frozen=True, kw_only=True):
    """What ``replica.json`` holds.

    Attributes:
        database: Which database is followed.
        revision: Up to which.
        banks: Those in force, by name.
        gone: Folders no longer in force, and since when, in microseconds.
        terms: When terms of disabled entries end, microseconds, ascending, each once.
        ended: How many terms had ended when they were last looked through.
    """

    database: str
    revision: int = 0
    banks: dict[str, Held] = msgspec.field(default_factory=dict)
    gone: dict[str, int] = msgspec.field(default_factory=dict)
    terms: tuple[int, ...] = ()
    ended: int = 0


class Near(NamedTuple):
    """An entry that a lookup met.

    Attributes:
        bank: The name of its bank.
        entry: The entry.
        distance: Bits between the hashes; 0 for a digest.
    """

    bank: str
    entry: Entry
    distance: int


class Banks(NamedTuple):
    """The banks as they are in force. Entries may still be added to them.

    Attributes:
        state: What the replica says.
        matcher: Asks all of them that are to be asked.
        asked: All banks with their folders, by name.
    """

    state: State
    matcher: Matcher
    asked: "dict[str, _Described]"

    def near(
        self, pdq: str, *, only: Collection[str] | None = None, distance: int | None = None
    ) -> Iterator[Near]:
        """Yield the active entries that one PDQ meets as it is, bank by bank, nearest first.

        Args:
            pdq: 64 hexadecimal digits.
            only: Names of the banks to ask, or ``None`` for all of them.
            distance: Bits, 0 to 64, in place of what the banks say.
        """
        query = np.frombuffer(bytes.fromhex(pdq), np.uint8).reshape(1, -1)
        for name, catalogue in self._catalogues(only, distance):
            met = catalogue.search(query)
            nearest: dict[int, int] = {}
            for owner, bits in zip(met.owner.tolist(), met.distance.tolist(), strict=True):
                nearest[owner] = min(bits, nearest.get(owner, bits))
            for owner, bits in sorted(nearest.items(), key=lambda pair: pair[1]):
                yield Near(name, catalogue.known(owner).entry, bits)

    def holders(
        self, kind: Digest, digest: str, *, only: Collection[str] | None = None
    ) -> Iterator[Near]:
        """Yield the active entries that hold a digest, in lower-case hexadecimal digits."""
        for name, catalogue in self._catalogues(only, None):
            for number in catalogue.holders(kind, digest):
                yield Near(name, catalogue.known(number).entry, 0)

    def _catalogues(
        self, only: Collection[str] | None, distance: int | None
    ) -> Iterator[tuple[str, Catalogue]]:
        now = clock.now()
        for name, bank in self.asked.items():
            if only is None or name in only:
                bits = bank.bank.max_distance if distance is None else distance
                yield name, Catalogue([(shelf, bits) for shelf in bank.shelves()], now)


class Replica(Closing):
    """Follows the database, in a thread of its own once started. Safe to share between threads.

    Args:
        store: The database.
        folder: Of the replica; it is made where it is not there.
        tick: Seconds that only grow.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(
        self, store: Store, folder: Path, *, tick: Callable[[], float] = time.monotonic
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = store
        self._folder = folder
        self._database = hashlib.sha256(str(store).encode()).hexdigest()
        self._tick = tick
        self._mutex = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._open: dict[str, BankFolder] = {}
        self._banks: Banks | None = None
        self._looked: float | None = None
        self._behind: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow from now on, until closed."""
        self._thread = threading.Thread(target=self.run, name="tidegate-banks", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Follow until closed."""
        while not self._stop.is_set():
            self.poke()
            self._stop.wait(LOOK)

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def poke(self) -> None:
        """Follow now. What goes wrong is in the log, and in :meth:`problem` if it lasts."""
        try:
            self.follow()
        except Exception:
            # The disk is full, the database away: what is in force stays so meanwhile.
            logger.exception("the banks cannot follow the database")

    def follow(self) -> bool:
        """Bring the folders to the revision of the database, or wait for who does.

        Returns:
            Whether anything was new.

        Raises:
            BankError: A folder is damaged even after it was made anew.
            OSError: The folders cannot be written.
            StoreError: The database cannot be reached.
        """
        newest = self._newest()
        if self._is_at(self._state(), newest) and self._sound():
            self._looked, self._behind = self._tick(), None
            return False
        self._behind = self._tick() if self._behind is None else self._behind
        self._looked = self._tick()
        with self._alone():
            newest, state = self._newest(), self._state()
            if self._is_at(state, newest) and self._sound():
                self._behind = None
                return True
            if state.database != self._database or state.revision > newest:
                # Another database, or one that was restored: nothing here is to be trusted.
                state = self._anew(state)
            _Following(self._store, self._folder, state, self._write).to(newest)
        self._behind = None
        return True

    def _sound(self) -> bool:
        """Return whether all folders can be opened; who finds one damaged builds it anew."""
        try:
            self.banks()
        except BankError:
            return False
        return True

    def banks(self) -> Banks:
        """Return the banks as they are in force. Never waits for who follows.

        Raises:
            BankError: A folder is damaged.
        """
        with self._mutex:
            stamp = _stamp(self._folder / MANIFEST)
            if self._banks is None or stamp != self._stamp:
                state = self._state()
                opened = {
                    held.folder: self._open.get(held.folder)
                    or BankFolder(self._folder / held.folder)
                    for held in state.banks.values()
                }
                asked = {
                    name: _Described(described(held.bank), opened[held.folder])
                    for name, held in state.banks.items()
                }
                wanted = [
                    b for name, b in asked.items() if state.banks[name].bank.rule.enabled_ratio
                ]
                self._banks = Banks(state, Matcher(wanted), asked)
                self._open, self._stamp = opened, stamp
            return self._banks

    def matcher(self) -> Matcher:
        """Return what asks the banks that are to be asked."""
        return self.banks().matcher

    @property
    def revision(self) -> int:
        """The revision of the database up to which the banks are in force."""
        return self.banks().state.revision

    def state(self) -> str:
        """Return a text that is another one whenever the banks may answer something else."""
        state = self.banks().state
        ended = state.ended + bisect_right(state.terms, clock.now())
        return f"{state.database[:16]}-{state.revision}-{ended}"

    def problem(self) -> str | None:
        """Return why the banks are not ready, in words for anybody, or ``None``."""
        if self._state().database != self._database or self._looked is None:
            return "the banks are not loaded yet"
        now = self._tick()
        if now - self._looked > STALE and self._behind is None:
            return "the banks have not been compared with the database for a while"
        if self._behind is not None and now - self._behind > BEHIND:
            return "the banks are behind the database"
        return None

    def _newest(self) -> int:
        with self._store.read() as connection:
            return banks.revision(connection)

    def _is_at(self, state: State, newest: int) -> bool:
        return state.database == self._database and state.revision == newest

    def _anew(self, state: State) -> State:
        gone = dict.fromkeys((held.folder for held in state.banks.values()), clock.now())
        return State(database=self._database, gone=state.gone | gone)

    def _state(self) -> State:
        try:
            return msgspec.json.decode((self._folder / MANIFEST).read_bytes(), type=State)
        except FileNotFoundError:
            return State(database="")
        except msgspec.DecodeError as error:
            # It is written whole, so this is no crash: what it said is in the database.
            logger.error("%s: %s: the banks are built anew", self._folder / MANIFEST, error)
            return State(database="")

    def _write(self, state: State) -> None:
        fresh = self._folder / f".{MANIFEST}.tmp"
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / MANIFEST)
        sync_folder(self._folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class _Following:
    """One who has the lock brings the folders to a revision."""

    def __init__(
        self, store: Store, folder: Path, state: State, write: Callable[[State], None]
    ) -> None:
        self._store = store
        self._folder = folder
        self._write = write
        self._gone = dict(state.gone)
        self._held = dict(state.banks)
        self._database = state.database
        now = clock.now()
        self._ended = state.ended + bisect_right(state.terms, now)
        self._terms = {term for term in state.terms if term > now}
        self._revision = state.revision

    def to(self, newest: int) -> None:
        self._sweep()
        with self._store.read() as connection:
            wanted = {bank.name: bank for bank in banks.listed(connection)}
        for name, held in list(self._held.items()):
            bank = wanted.get(name)
            # One that was deleted and made anew has nothing of the old one.
            if bank is None or bank.created_at != held.bank.created_at:
                self._drop(name)
        # What is little first: a withdrawal does not wait for a million entries of another bank.
        for bank in sorted(wanted.values(), key=self._left):
            self._bring(bank, newest)
            self._save()
        self._revision = newest
        self._save()

    def _left(self, bank: banks.Bank) -> int:
        held = self._held.get(bank.name)
        with self._store.read() as connection:
            return banks.count_since(connection, bank.name, held.revision if held else 0)

    def _bring(self, bank: banks.Bank, newest: int) -> None:
        """Bring one bank to a revision; from the beginning where its folder is damaged."""
        held = self._held.get(bank.name)
        if held is not None:
            try:
                folder = BankFolder(self._folder / held.folder)
                self._fill(bank, folder, held.folder, held.revision, newest)
            except BankError as error:
                logger.error("bank %s is built anew: %s", bank.name, error)
                self._drop(bank.name)
            else:
                return
        place = f"{bank.name}/{ids.new()}"
        (self._folder / bank.name).mkdir(mode=0o700, exist_ok=True)
        folder = BankFolder.create(self._folder / place, described(bank))
        self._fill(bank, folder, place, 0, newest)

    def _fill(
        self, bank: banks.Bank, folder: BankFolder, place: str, after: int, newest: int
    ) -> None:
        with self._store.read() as connection:
            count = banks.count_since(connection, bank.name, after)
        if count > BULK:
            # What was disabled or withdrawn is so in the list: nothing matches in between.
            known = frozenset(e.id for e in self._changed(bank.name, after, newest, folder))
            self._take_in(bank, folder, after, newest, known)
        else:
            for page in self._pages(bank.name, after, newest):
                _apply(folder, page)
                self._held[bank.name] = Held(bank=bank, folder=place, revision=page[-1].revision)
        if len(folder.view().segments) > MOST_SEGMENTS:
            folder.merge()
        self._held[bank.name] = Held(bank=bank, folder=place, revision=newest)

    def _changed(
        self, name: str, after: int, newest: int, folder: BankFolder
    ) -> Iterator[banks.Entry]:
        """Yield, and bring about, the changes of entries that the folder has."""
        if not len(folder):
            return
        for page in self._pages(name, after, newest):
            there = [row for row in page if folder.entry(row.id) is not None]
            _apply(folder, there)
            yield from there

    def _take_in(
        self,
        bank: banks.Bank,
        folder: BankFolder,
        after: int,
        newest: int,
        known: frozenset[str],
    ) -> None:
        """Write what is new to a list, and have the folder take that in as a whole."""
        listed = self._folder / bank.name / f".{ids.new()}.tmp"
        try:
            with listed.open("xb") as file:
                file.write(msgspec.json.encode(Header.of(described(bank))) + b"\n")
                for page in self._pages(bank.name, after, newest):
                    for row in page:
                        if row.id not in known:
                            file.write(entries.line(row))
            folder.add_lists([listed])
        finally:
            listed.unlink(missing_ok=True)

    def _pages(self, name: str, after: int, newest: int) -> Iterator[list[banks.Entry]]:
        while True:
            with self._store.read() as connection:
                page = banks.since(connection, name, after, limit=PAGE)
            # What was changed since then has a later revision: that is for the next time.
            page = [row for row in page if row.revision <= newest]
            if not page:
                return
            for row in page:
                if row.state == "disabled" and row.disabled_until is not None:
                    self._terms.add(clock.parse(row.disabled_until))
            yield page
            after = page[-1].revision

    def _drop(self, name: str) -> None:
        """Put a bank out of force at once; its folder stays for those who are at it."""
        self._gone[self._held.pop(name).folder] = clock.now()
        self._save()

    def _save(self) -> None:
        self._write(
            State(
                database=self._database,
                revision=self._revision,
                banks=self._held,
                gone=self._gone,
                terms=tuple(sorted(self._terms)),
                ended=self._ended,
            )
        )

    def _sweep(self) -> None:
        """Remove the folders that nobody is at any more, and those that a crash left."""
        now = clock.now()
        self._gone = {folder: at for folder, at in self._gone.items() if at > now - KEEP}
        kept = {held.folder for held in self._held.values()} | set(self._gone)
        for path in self._folder.glob("*/*"):
            ours = _OURS.fullmatch(path.name)
            if ours and path.relative_to(self._folder).as_posix() not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self._folder.iterdir():
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()


class _Described:
    """A bank in a folder that says about itself what the database says of it."""

    def __init__(self, bank: Bank, folder: BankFolder) -> None:
        self.bank = bank
        self._folder = folder

    def shelves(self) -> Sequence[Shelf]:
        return [_Shelf(self.bank, shelf) for shelf in self._folder.shelves()]

    def categories(self) -> frozenset[str]:
        own = self._folder.bank.category
        # The folder counts its first own one in, which may have become another since.
        carried = self._folder.categories() - {own}
        return carried | {self.bank.category}


class _Shelf:
    """A part of such a bank; see :class:`tidegate.matching.shelf.Shelf`."""

    def __init__(self, bank: Bank, inner: Shelf) -> None:
        self._bank = bank
        self._inner = inner
        self.entries: int = inner.entries
        self.rows: int = inner.rows
        self.resting: Resting = inner.resting

    def search(self, queries: NDArray[np.uint8], radius: int) -> Hits:
        return self._inner.search(queries, radius)

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._inner.owner(rows)

    def holders(self, kind: Digest, digest: str) -> Sequence[int]:
        return self._inner.holders(kind, digest)

    def known(self, number: int) -> Known:
        known = self._inner.known(number)
        return known._replace(bank=self._bank, category=known.entry.category or self._bank.category)

    def all(self) -> Iterator[Entry]:
        return self._inner.all()


def described(bank: banks.Bank) -> Bank:
    """Return what a bank of the database says about itself."""
    rule = bank.rule
    return Bank(
        name=bank.name,
        category=bank.category,
        role=bank.role,
        max_distance=bank.max_distance,
        video_rule=VideoRule(
            need=rule.need,
            min_query_share=rule.min_query_share,
            min_entry_share=rule.min_entry_share,
        ),
        source=bank.source,
        legal_basis=bank.legal_basis,
    )


def _apply(folder: BankFolder, page: Sequence[banks.Entry]) -> None:
    """Bring a folder to what some rows say, in two steps at most."""
    known = [entries.read(row) for row in page]
    new = [entry for entry in known if folder.entry(entry.id) is None]
    folder.add(new)
    added = {entry.id for entry in new}
    changed = [entry for entry in known if entry.id not in added and not _stands(folder, entry)]
    changed.sort(key=_standing)
    for (state, until), some in groupby(changed, _standing):
        folder.change([e.id for e in some], state, disabled_until=until or None)


def _standing(entry: Entry) -> tuple[banks.State, str]:
    return entry.state, entry.disabled_until or ""


def _stands(folder: BankFolder, entry: Entry) -> bool:
    there = folder.entry(entry.id)
    return there is not None and _of(there) == _of(entry)


def _of(entry: Entry) -> Standing:
    return Standing.of(entry.state, entry.disabled_until)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
