"""What a bank holds and what it costs, and whether its files are whole."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching import journal
from tidegate.matching.bank import Bank, BankError
from tidegate.matching.bankfolder import JOURNAL, LONG_JOURNAL, TRIES, BankFolder, View
from tidegate.matching.catalogue import MemoryBank
from tidegate.matching.columns import DIGESTS
from tidegate.matching.index import HASH_BYTES, BruteForceIndex
from tidegate.matching.keys import Keys
from tidegate.matching.lookup import MANY, Lookup
from tidegate.matching.numbers import END
from tidegate.matching.segment import SegmentError
from tidegate.matching.shelf import FOR_GOOD, STATES, Resting, Shelf, microseconds
from tidegate.matching.spool import Progress
from tidegate.matching.table import Table

SAMPLES = 64
"""Hashes of a segment that are looked for when it is verified."""

FARTHEST = 31
"""Bits by which what is looked for differs from what is there, at most."""

MANY_SEGMENTS = 8
"""Segments beyond which a merge is due: each is searched by itself."""


class SegmentStats(msgspec.Struct, frozen=True, kw_only=True):
    """A segment file.

    Attributes:
        file: Its name.
        entries: How many it holds.
        hashes: How many PDQs are searched.
        distinct_hashes: How many of them are different.
        bytes: Of the file.
        index_bytes: Of all that a search reads.
        chunks: Into how many parts hashes are divided; 0 where all of them are compared.
        chunk_bits: Bits of a part.
    """

    file: str
    entries: int
    hashes: int
    distinct_hashes: int
    bytes: int
    index_bytes: int
    chunks: int
    chunk_bits: int


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank holds.

    Attributes:
        name: Of the bank.
        entries: How many there are, whatever their state.
        states: How many stand how now: ``active``, ``disabled``, ``disabled until``,
            ``withdrawn``.
        kinds: How many are pictures and videos.
        hashes: PDQs that are searched.
        flat_hashes: PDQs that are too flat to be searched.
        flat_share: The same, as a share of all PDQs, 0 to 1.
        bytes: On disk.
        bytes_per_entry: The same, divided by the entries.
        journal_entries: Entries that are in no segment yet.
        journal_changes: Entries of segments whose state the journals change.
        journal_bytes: Of the journals.
        merge_due: Whether there are so many segments, or changes in the journals, that a
            merge makes the bank faster.
        segments: The segment files; none where the bank is a single file.
    """

    name: str
    entries: int
    states: dict[str, int]
    kinds: dict[str, int]
    hashes: int
    flat_hashes: int
    flat_share: float
    bytes: int
    bytes_per_entry: float
    journal_entries: int = 0
    journal_changes: int = 0
    journal_bytes: int = 0
    merge_due: bool = False
    segments: tuple[SegmentStats, ...] = ()


def stats(bank: Bank | BankFolder, path: str | os.PathLike[str]) -> Stats:
    """Count what a bank holds.

    Args:
        bank: The bank.
        path: Its file or folder.
    """
    path = Path(path)
    now = microseconds(datetime.now(UTC))
    shelves: Sequence[Shelf]
    changes = 0
    if isinstance(bank, Bank):
        sizes, tables, here = {path: path.stat().st_size}, list[Table](), bank.entries
        shelves = MemoryBank(bank).shelves()
    else:
        view = bank.view()
        sizes, tables, here = _sizes(path), list(view.tables.values()), tuple(view.recent.all())
        shelves = view.shelves
        changes = len(view.delta.changes.keys() - view.delta.places.keys())
    states: Counter[str] = Counter()
    for shelf in shelves:
        states.update(_states(shelf.entries, shelf.resting, now))
    videos = sum(e.kind == "video" for e in here) + sum(t.meta.videos for t in tables)
    flat = sum(not f.usable for e in here for f in e.pdq) + sum(t.meta.flat for t in tables)
    total = sum(shelf.entries for shelf in shelves)
    hashes = sum(shelf.rows for shelf in shelves)
    size = sum(sizes.values())
    return Stats(
        name=bank.name,
        entries=total,
        states=dict(states),
        kinds={"image": total - videos, "video": videos},
        hashes=hashes,
        flat_hashes=flat,
        flat_share=round(flat / max(hashes + flat, 1), 4),
        bytes=size,
        bytes_per_entry=round(size / max(total, 1), 1),
        journal_entries=0 if isinstance(bank, Bank) else len(here),
        journal_changes=changes,
        journal_bytes=sum(size for file, size in sizes.items() if file.parent.name == JOURNAL),
        merge_due=len(tables) > MANY_SEGMENTS or changes >= LONG_JOURNAL,
        segments=tuple(map(_segment, tables)),
    )


def verify(folder: BankFolder, progress: Progress | None = None) -> Iterator[str]:
    """Read all of a folder, and yield what is wrong with it; each line names the file.

    Checksums find accidents. Beside them it is checked that every entry can be read and
    found by its id and content, that every line of the journals is whole, and that hashes
    near to some of those stored are found as comparing all of them finds them.

    Args:
        folder: The folder.
        progress: Is told how far it is.
    """
    tell = progress or (lambda what, share: None)
    view, problems = _journals(folder)
    yield from problems
    for entry_id in view.delta.pending:
        yield f"{folder.path}: entry {entry_id[:200]!r} of the journals is in no segment"
    for table in view.tables.values():
        tell(f"verifying {table.path.name}", 0.0)
        try:
            table.segment.verify()
            for problem in (*_columns(table), *_lookups(table)):
                yield f"{table.path}: {problem}"
            with table.named():
                for start in range(0, table.entries, MANY):
                    tell(f"verifying {table.path.name}", start / table.entries)
                    _read_entries(table, view.keys, start, min(start + MANY, table.entries))
                if not _found(table):
                    yield f"{table.path}: a search finds something else than a comparison with all"
        except (SegmentError, BankError) as error:
            yield str(error)


def _journals(folder: BankFolder) -> tuple[View, list[str]]:
    """Read all journals of a view, and return it and what is wrong with them."""
    for _ in range(TRIES):
        view = folder.view()
        problems = []
        gone = False
        for number in view.manifest.journals:
            try:
                journal.read(folder.path / JOURNAL / f"{number:06}.jsonl")
            except FileNotFoundError as error:
                gone = True
                problems.append(str(error))
            except (BankError, OSError) as error:
                problems.append(str(error))
        # A merge deletes journals: then there is a new view.
        if not gone or folder.view().manifest == view.manifest:
            break
    return view, problems


def _sizes(folder: Path) -> dict[Path, int]:
    """Return the files of a folder and their bytes; those that a merge deletes are left out."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[path] = path.stat().st_size
    return found


def _states(entries: int, resting: Resting, now: int) -> Counter[str]:
    timed = (resting.state == STATES.index("disabled")) & (resting.until != FOR_GOOD)
    asleep = resting.until > now
    withdrawn = int((resting.state == STATES.index("withdrawn")).sum())
    return Counter(
        {
            "active": entries - int(asleep.sum()),
            "disabled": int(asleep.sum()) - int((timed & asleep).sum()) - withdrawn,
            "disabled until": int((timed & asleep).sum()),
            "withdrawn": withdrawn,
        }
    )


def _segment(table: Table) -> SegmentStats:
    segment = table.segment
    return SegmentStats(
        file=table.path.name,
        entries=table.entries,
        hashes=table.rows,
        distinct_hashes=len(segment.section("index.hashes")) // HASH_BYTES,
        bytes=segment.bytes,
        index_bytes=segment.index_bytes,
        chunks=segment.plan.chunks,
        chunk_bits=segment.plan.bits,
    )


def _columns(table: Table) -> Iterator[str]:
    """Yield what is wrong with the columns as a whole."""
    columns = table.columns
    for name, edges, total in (
        ("first", columns.first, columns.total),
        ("offset", columns.offset, len(columns.blob)),
    ):
        if len(edges) and (edges[0] != 0 or edges[-1] != total or (edges[1:] < edges[:-1]).any()):
            yield f"column {name} of the entries is not in order"


def _lookups(table: Table) -> Iterator[str]:
    """Yield what is wrong with what entries are found by.

    Raises:
        BankError: A table points to what is not there.
    """
    labels = table.labels()
    if (labels.key[1:] <= labels.key[:-1]).any() or _missing(labels, table.entries):
        yield "the table of ids is not in order"
    for name, lookup in (("content", table.contents), *table.digests.items()):
        if (lookup.key[1:] < lookup.key[:-1]).any() or lookup.number.max(initial=0) >= max(
            table.entries, 1
        ):
            yield f"the table of {name} is not in order"
    if _missing(table.contents, table.entries):
        yield "the table of content lacks entries"


def _missing(lookup: Lookup, entries: int) -> bool:
    return not np.array_equal(np.sort(lookup.number), np.arange(entries))


def _read_entries(table: Table, keys_: Keys, start: int, end: int) -> None:
    """Read some entries.

    Raises:
        BankError: One cannot be read, or is not found by its id, content or digests.
    """
    numbers = np.arange(start, end)
    kind, held = table.columns.single(numbers)
    keys = keys_.single(kind, held)
    several = np.flatnonzero(kind == 0)
    entries = [table.entry(start + place) for place in several.tolist()]
    keys[several] = keys_.of(entries)
    found = np.zeros(len(numbers), np.bool_)
    for place, number in table.contents.meet(keys):
        found[place[number == place + start]] = True
    if not found.all():
        raise BankError("an entry is not found by its content")
    for name, which in DIGESTS.items():
        chosen = np.flatnonzero(kind == which)
        found = np.zeros(len(chosen), np.bool_)
        for place, number in table.digests[name].meet(keys[chosen]):
            found[place[number == chosen[place] + start]] = True
        if not found.all():
            raise BankError(f"an entry is not found by its {name}")
    # An entry of a single fingerprint is found by its label, if that is a number: the
    # table of labels is looked through as a whole.
    if (table.columns.label[numbers[kind != 0]] >= END).any():
        raise BankError("an entry is not found by its id: its number is too large")
    for at, entry in zip((several + start).tolist(), entries, strict=True):
        if table.find(entry.id) != at:
            raise BankError(f"entry {entry.id} is not found by its id")
        for digest in (*entry.sha256, *entry.md5):
            if at not in table.holders("sha256" if digest in entry.sha256 else "md5", digest):
                raise BankError(f"entry {entry.id} is not found by its digests")


def _found(table: Table) -> bool:
    """Whether a search finds what a comparison with all finds, for a sample."""
    if not table.rows:
        return True
    rng = np.random.default_rng(table.rows)
    queries = table.columns.hash_of(rng.integers(0, table.rows, SAMPLES))
    changed = np.zeros((SAMPLES, HASH_BYTES * 8), np.uint8)
    for place, bits in enumerate(rng.integers(0, FARTHEST + 1, SAMPLES)):
        changed[place, rng.permutation(HASH_BYTES * 8)[:bits]] = 1
    queries = queries ^ np.packbits(changed, axis=1)
    met = [_met(table.search(queries, FARTHEST), 0)]
    compared = []
    for start in range(0, table.rows, MANY):
        rows = np.arange(start, min(start + MANY, table.rows))
        index = BruteForceIndex(table.columns.hash_of(rows))
        compared.append(_met(index.search(queries, FARTHEST), start))
    return np.array_equal(_sorted(met), _sorted(compared))


def _met(hits: tuple[NDArray[np.int64], ...], first: int) -> NDArray[np.int64]:
    query, row, distance = hits
    return np.stack((query, row + first, distance))


def _sorted(met: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    joined = np.concatenate(met, axis=1)
    return joined[:, np.lexsort(joined)]
