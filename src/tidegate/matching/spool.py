"""Writing a segment: entries come in by the million, and memory holds only numbers of them.

Hashes and records go to temporary files as they come. What is known of each entry in
memory is about thirty bytes: its label, a key of its content, and lengths.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.closing import Closing
from tidegate.matching.bank import Entry, content
from tidegate.matching.columns import (
    DIGEST_BYTES,
    DIGESTS,
    HEADS,
    LENGTHS,
    PICTURE,
    Columns,
    label_of,
    matrix,
    pack,
)
from tidegate.matching.index import HASH_BYTES
from tidegate.matching.keys import Keys
from tidegate.matching.lookup import MANY, Lookup
from tidegate.matching.numbers import END, next_numbers
from tidegate.matching.segment import build_segment
from tidegate.matching.shelf import STATES, Resting, standings
from tidegate.matching.table import (
    RESTING,
    VERSION,
    Meta,
    Table,
    TableShelf,
    same_content,
)

Progress = Callable[[str, float], None]
"""Is told what is being done and which share of it, 0 to 1, is done."""


class Flat(NamedTuple):
    """Entries with a single fingerprint and nothing else.

    Attributes:
        kind: (n,) uint8, what each holds.
        held: (n, 32) uint8, the fingerprints, zeros behind an MD5.
        number: (n,) int64, their ids.
    """

    kind: NDArray[np.uint8]
    held: NDArray[np.uint8]
    number: NDArray[np.int64]


class Held(NamedTuple):
    """What a bank holds already.

    Attributes:
        tables: Its segments.
        entries: Its entries that are in no segment.
    """

    tables: Sequence[Table] = ()
    entries: Sequence[Entry] = ()


class Column:
    """Numbers that come piece by piece."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._pieces: list[NDArray[Any]] = []

    def add(self, piece: Any) -> None:
        """Put more behind it."""
        self._pieces.append(np.array(piece, self._kind))

    def all(self) -> NDArray[Any]:
        """Return all that came."""
        if len(self._pieces) != 1:
            self._pieces = [np.concatenate([np.zeros(0, self._kind), *self._pieces])]
        return self._pieces[0]


class Spool(Closing):
    """Takes entries in and writes them as a segment. Use it as a context manager.

    Attributes:
        entries: How many came in.
    """

    def __init__(self, folder: Path, keys: Keys) -> None:
        """Begin.

        Args:
            folder: Where the temporary files go: about as large as what comes in.
            keys: Those of the bank.
        """
        self.entries = 0
        self._keys = keys
        self._folder = TemporaryDirectory(dir=folder, prefix=SPOOL)
        self._path = Path(self._folder.name)
        self._hashes = (self._path / "hashes").open("w+b")
        self._blobs = (self._path / "blobs").open("w+b")
        self._label, self._content = Column(np.uint64), Column(np.uint64)
        self._row_count, self._blob_length = Column(np.uint32), Column(np.uint32)
        self._video, self._flat = Column(np.bool_), Column(np.uint32)
        self._digests = {kind: (Column(np.uint64), Column(np.uint32)) for kind in DIGEST_BYTES}
        self._resting = Column(RESTING)
        self._categories: set[str] = set()

    def close(self) -> None:
        """Delete the temporary files."""
        self._hashes.close()
        self._blobs.close()
        self._folder.cleanup()

    def add(self, entries: Sequence[Entry]) -> None:
        """Take entries in. Those that were withdrawn are kept, but not searched."""
        packed = [pack(entry, searched=entry.state != "withdrawn") for entry in entries]
        for name, kind in DIGESTS.items():
            held = [
                (bytes.fromhex(digest), place)
                for place, entry in enumerate(entries)
                for digest in getattr(entry, name)
            ]
            digests = matrix([digest for digest, _ in held], DIGEST_BYTES[kind])
            keys = self._keys.digests(kind, digests)
            self._add_digests(kind, keys, [place for _, place in held])
        self._add_resting(Resting.of(standings(entries)))
        self._categories.update(e.category for e in entries if e.category is not None)
        self._video.add([entry.kind == "video" for entry in entries])
        self._flat.add([sum(not frame.usable for frame in entry.pdq) for entry in entries])
        self._hashes.write(b"".join(p.rows for p in packed))
        self._blobs.write(b"".join(p.record for p in packed))
        self._put(
            [p.label for p in packed],
            self._keys.of(entries),
            [len(p.rows) // HASH_BYTES for p in packed],
            [len(p.record) for p in packed],
        )

    def add_flat(self, flat: Flat) -> None:
        """Take entries with a single fingerprint in."""
        length = np.zeros(len(flat.kind), np.int64)
        for kind in DIGEST_BYTES:
            length[flat.kind == kind] = LENGTHS[kind]
        end = np.cumsum(length)
        keys = self._keys.single(flat.kind, flat.held)
        blob = np.zeros(int(length.sum()), np.uint8)
        for kind, size in DIGEST_BYTES.items():
            chosen = np.flatnonzero(flat.kind == kind)
            place = end[chosen, np.newaxis] - LENGTHS[kind]
            head = LENGTHS[kind] - size
            blob[place + np.arange(head)] = HEADS[kind]
            blob[place + np.arange(head, LENGTHS[kind])] = flat.held[chosen, :size]
            self._add_digests(kind, keys[chosen], chosen)
        pictures = flat.kind == PICTURE
        self._video.add(np.zeros(len(flat.kind)))
        self._flat.add(np.zeros(len(flat.kind)))
        self._hashes.write(flat.held[pictures].tobytes())
        self._blobs.write(blob.tobytes())
        self._put(flat.number, keys, pictures, length)

    def add_shelf(self, shelf: TableShelf) -> None:
        """Take all entries of a segment in, as they stand now.

        Raises:
            BankError: The segment is damaged.
        """
        with shelf.table.named():
            self._add_shelf(shelf)

    def _add_shelf(self, shelf: TableShelf) -> None:
        table, columns = shelf.table, shelf.table.columns
        row, start = columns.edges(table.entries)
        row_count, blob_length = np.diff(row), np.diff(start)
        withdrawn = shelf.resting.number[shelf.resting.state == STATES.index("withdrawn")]
        at = 0
        # The hashes of what was withdrawn leave the search; its record is written anew.
        for number in [*withdrawn[row_count[withdrawn] > 0].tolist(), table.entries]:
            self._copy_rows(columns, int(row[at]), int(row[number]))
            for place in range(int(start[at]), int(start[number]), 1 << 24):
                end = min(place + (1 << 24), int(start[number]))
                self._blobs.write(columns.blob[place:end].tobytes())
            if number < table.entries:
                record = pack(table.entry(number), searched=False).record
                self._blobs.write(record)
                row_count[number], blob_length[number] = 0, len(record)
            at = number + 1
        for name, kind in DIGESTS.items():
            lookup = table.digests[name]
            self._add_digests(kind, lookup.key, lookup.number)
        self._add_resting(shelf.resting)
        self._categories.update(table.meta.categories)
        # A segment knows only how many of these it has, and nothing of it is left out.
        places = np.arange(table.entries)
        self._video.add(places < table.meta.videos)
        self._flat.add((places == 0) * table.meta.flat)
        keys = np.zeros(table.entries, np.uint64)
        keys[table.contents.number] = table.contents.key
        self._put(columns.label, keys, row_count, blob_length)

    def write(self, path: Path, held: Held | None = None, progress: Progress | None = None) -> int:
        """Write the segment, for good: it survives a power cut.

        Args:
            path: The new file.
            held: What the bank holds already. With it, entries of a content that is held
                already or came before are left out, and ids that are taken replaced by
                the next numbers. Without it, all is taken as it comes.
            progress: Is told how far it is.

        Returns:
            How many entries are in it. Where there are none, nothing is written.
        """
        tell = progress or (lambda what, share: None)
        self._hashes.flush()
        self._blobs.flush()
        columns = self._columns()
        keep = np.ones(self.entries, np.bool_)
        if held is not None:
            tell("comparing", 0.0)
            keep = self._new(columns, held, tell)
        if not keep.any():
            return 0
        label = columns.label[keep]
        if held is not None:
            label = _relabelled(label, held)
        row_count, blob_length = self._row_count.all(), self._blob_length.all()
        hashes, blob = _mapped(self._hashes).reshape(-1, HASH_BYTES), columns.blob
        if not keep.all():
            hashes = self._kept("hashes", hashes, row_count, keep)
            blob = self._kept("blobs", blob, blob_length, keep)
            row_count, blob_length = row_count[keep], blob_length[keep]
        place = np.cumsum(keep) - 1
        sections = self._sections(keep, place)
        sections["label"] = label
        sections["first"] = _edges(row_count, "<u4") if (row_count != 1).any() else _NONE
        sections["offset"] = _edges(blob_length, "<u8") if blob_length.any() else _NONE
        sections["blob"] = blob
        if (label[1:] <= label[:-1]).any():
            sections["order"] = np.argsort(label, kind="stable").astype("<u4")
        tell("indexing", 0.0)
        build_segment(
            path,
            hashes,
            sections={f"entries.{name}": _buffer(column) for name, column in sections.items()},
            progress=lambda share: tell("indexing", share),
        )
        return int(keep.sum())

    def _put(self, label: Any, content: Any, row_count: Any, blob_length: Any) -> None:
        self._label.add(label)
        self._content.add(content)
        self._row_count.add(row_count)
        self._blob_length.add(blob_length)
        self.entries += len(label)

    def _add_digests(self, kind: int, keys: Any, places: Any) -> None:
        key, owner = self._digests[kind]
        key.add(keys)
        owner.add(np.asarray(places, np.int64) + self.entries)

    def _add_resting(self, resting: Resting) -> None:
        piece = np.zeros(len(resting.number), RESTING)
        piece["number"] = resting.number + self.entries
        piece["state"], piece["until"] = resting.state, resting.until
        self._resting.add(piece)

    def _copy_rows(self, columns: Columns, start: int, end: int) -> None:
        for place in range(start, end, MANY):
            rows = columns.hash_of(np.arange(place, min(place + MANY, end)))
            self._hashes.write(np.ascontiguousarray(rows).tobytes())

    def _columns(self) -> Columns:
        hashes = _mapped(self._hashes).reshape(-1, HASH_BYTES)
        return Columns(
            label=self._label.all(),
            first=_edges(self._row_count.all(), np.uint32),
            offset=_edges(self._blob_length.all(), np.uint64),
            blob=_mapped(self._blobs),
            total=len(hashes),
            hash_of=lambda rows: hashes[rows],
        )

    def _new(self, columns: Columns, held: Held, tell: Progress) -> NDArray[np.bool_]:
        """Tell which entries have a content that is new."""
        key = self._content.all()
        keep = np.ones(len(key), np.bool_)
        for table in held.tables:
            for held_there in table.holding(columns, key):
                keep[held_there] = False
        if held.entries:
            contents = {content(entry) for entry in held.entries}
            for at in np.flatnonzero(keep & np.isin(key, self._keys.of(held.entries))).tolist():
                keep[at] = content(columns.entry(at)) not in contents
        tell("comparing", 0.5)
        order, again = _repeated(key)
        if len(again):
            begins = np.ones(len(order), np.bool_)
            begins[again] = False
            first = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
            a, b = first[again], order[again]
            same = same_content(columns, a, columns, b)
            keep[b[same]] = False
            # The same key and another content: hardly ever, unless somebody means it.
            seen = {content(columns.entry(at)) for at in set(a[~same].tolist())}
            for at in np.sort(b[~same]).tolist():
                found = content(columns.entry(at))
                keep[at] &= found not in seen
                seen.add(found)
        return keep

    def _kept(
        self, name: str, data: NDArray[np.uint8], length: NDArray[np.uint32], keep: Any
    ) -> NDArray[np.uint8]:
        """Copy what belongs to the entries that are kept to another file."""
        end = np.cumsum(length, dtype=np.int64)
        with (self._path / f"{name}-kept").open("w+b") as file:
            for start in range(0, len(keep), MANY):
                part = slice(start, start + MANY)
                chosen = np.repeat(keep[part], length[part])
                first = int(end[start]) - int(length[start])
                file.write(data[first : first + len(chosen)][chosen].tobytes())
            file.flush()
            return _mapped(file).reshape(-1, *data.shape[1:])

    def _sections(self, keep: NDArray[np.bool_], place: NDArray[np.int64]) -> dict[str, Any]:
        """Return what entries are found by, and what is told of all of them."""
        content_ = Lookup.of(self._content.all()[keep])
        found: dict[str, Any] = {"content.key": content_.key, "content.number": content_.number}
        for name, kind in DIGESTS.items():
            key, owner = (column.all() for column in self._digests[kind])
            kept = keep[owner]
            lookup = Lookup.of(key[kept], place[owner[kept]])
            found[f"{name}.key"], found[f"{name}.number"] = lookup.key, lookup.number
        resting = self._resting.all()
        resting = resting[keep[resting["number"]]]
        resting["number"] = place[resting["number"]]
        found["resting"] = resting
        meta = Meta(
            version=VERSION,
            keys=self._keys.check,
            entries=int(keep.sum()),
            videos=int(self._video.all()[keep].sum()),
            flat=int(self._flat.all()[keep].sum()),
            categories=tuple(sorted(self._categories)),
        )
        found["meta"] = np.frombuffer(msgspec.json.encode(meta), np.uint8)
        found["order"] = _NONE
        return found


SPOOL = ".spool-"
"""How the names of temporary folders begin."""

_NONE = np.zeros(0, np.uint8)


def _relabelled(label: NDArray[np.uint64], held: Held) -> NDArray[np.uint64]:
    """Replace labels that are taken, or came before, by the next numbers."""
    taken = [np.array([label_of(entry.id) for entry in held.entries], np.uint64)]
    clash = np.isin(label, taken[0])
    for table in held.tables:
        labels = table.labels().key
        taken.append(labels)
        place = np.minimum(np.searchsorted(labels, label), max(len(labels) - 1, 0))
        clash |= labels[place] == label if len(labels) else False
    if not (label[1:] > label[:-1]).all():
        order, again = _repeated(label)
        clash[order[again]] = True
    if not clash.any():
        return label
    taken.append(label)
    largest = max(int(labels[labels < np.uint64(END)].max(initial=0)) for labels in taken)
    label = label.copy()
    label[clash] = next_numbers(largest, int(clash.sum()), lambda: taken)
    return label


def _repeated(key: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return an order in which equal keys follow one another, and where one comes again."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    return order, np.flatnonzero(ordered[1:] == ordered[:-1]) + 1


def _edges(lengths: NDArray[np.uint32], kind: Any) -> NDArray[Any]:
    """Return where pieces of these lengths begin, and where the last one ends."""
    edges = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges.astype(kind)


def _mapped(file: IO[bytes]) -> NDArray[np.uint8]:
    size = file.seek(0, 2)
    if not size:
        return np.zeros(0, np.uint8)
    return np.memmap(file, np.uint8, "r", shape=(size,))


def _buffer(column: NDArray[Any]) -> bytes | NDArray[np.uint8]:
    return np.ascontiguousarray(column).view(np.uint8) if len(column) else b""
