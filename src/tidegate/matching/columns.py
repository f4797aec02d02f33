"""Entries in columns: millions of them, each decoded only when it is asked for.

What most entries of long lists have, one hash and a number for an id, costs no more than
columns of numbers. Whatever else there is to an entry is a record of a few bytes in
MessagePack, without what the columns hold:

===========  ========================================================================
``label``    u64 an entry: its id where that is a number below 10¹⁸, else a digest of
             it with the highest bit set, and the record holds the id
``first``    u32, one more than entries: where the entry's rows among the hashes begin;
             empty where each entry has one row
``offset``   u64, one more than entries: where the entry's record begins; empty where
             no entry has one. An entry without a record is a picture with a single
             PDQ of unknown quality
``blob``     the records
===========  ========================================================================

A row is a PDQ of 32 bytes that is searched: those of frames that are too flat, and of
entries that were withdrawn, lie in the records.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import BankError, Entry, Frame
from tidegate.matching.index import HASH_BYTES
from tidegate.matching.numbers import number_of

TEXT = 1 << 63
"""The bit of a label that says that the id is no number."""
_UNKNOWN = 255

PICTURE, SHA256, MD5 = 1, 2, 3
"""What an entry holds that has a single fingerprint."""

DIGEST_BYTES = {SHA256: 32, MD5: 16}

DIGESTS: dict[Literal["sha256", "md5"], int] = {"sha256": SHA256, "md5": MD5}
"""What digests are called."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
             omit_defaults=True, rename={
                 "id": "i", "video": "v", "sha256": "s", "md5": "m", "frames": "f",
                 "seconds": "t", "quality": "q", "unsearched": "h", "duration": "d",
                 "category": "c", "note": "n", "provenance": "p", "added": "a"}):  # fmt: skip
    """What the columns do not hold of an entry.

    Attributes:
        id: Where it is no number.
        video: Whether it is one.
        sha256: 32 bytes each.
        md5: 16 bytes each.
        frames: How many PDQs there are.
        seconds: Of the frames, float64, little-endian; empty where all are 0.
        quality: Of the frames, a byte each, 255 where unknown; empty where all are.
        unsearched: PDQs that are not among the rows: those of all frames, or of the flat ones.
        duration: In seconds.
        category: Or ``None`` for that of the bank.
        note: For people.
        provenance: Where the entry comes from.
        added: When.
    """

    id: str = ""
    video: bool = False
    sha256: tuple[bytes, ...] = ()
    md5: tuple[bytes, ...] = ()
    frames: int = 0
    seconds: bytes = b""
    quality: bytes = b""
    unsearched: bytes = b""
    duration: float = 0.0
    category: str | None = None
    note: str = ""
    provenance: str = ""
    added: str = ""


BLANK = Record(frames=1)
"""The record of an entry that has none."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def _head(kind: int) -> bytes:
    """Return how the record of an entry with a single digest begins; the digest ends it."""
    digest = bytes(DIGEST_BYTES[kind])
    record = Record(sha256=(digest,)) if kind == SHA256 else Record(md5=(digest,))
    return _encoder.encode(record)[: -len(digest)]


HEADS = {kind: np.frombuffer(_head(kind), np.uint8) for kind in DIGEST_BYTES}
LENGTHS = {kind: len(HEADS[kind]) + size for kind, size in DIGEST_BYTES.items()}


class Packed(NamedTuple):
    """An entry for the columns."""

    label: int
    record: bytes
    rows: bytes


def label_of(entry_id: str) -> int:
    """Return the label of an id."""
    number = number_of(entry_id)
    if number is not None:
        return number
    digest = blake2b(entry_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return TEXT | int.from_bytes(digest)


def pack(entry: Entry, *, searched: bool = True) -> Packed:
    """Take an entry apart. Its state is not kept here.

    Args:
        entry: The entry.
        searched: Whether its usable PDQs become rows.
    """
    label = label_of(entry.id)
    rows = "".join(f.pdq for f in entry.pdq if searched and f.usable)
    rest = "".join(f.pdq for f in entry.pdq if not (searched and f.usable))
    known = any(frame.quality is not None for frame in entry.pdq)
    moved = any(frame.second != 0.0 for frame in entry.pdq)
    record = Record(
        id=entry.id if label & TEXT else "",
        video=entry.kind == "video",
        sha256=tuple(map(bytes.fromhex, entry.sha256)),
        md5=tuple(map(bytes.fromhex, entry.md5)),
        frames=len(entry.pdq),
        seconds=np.array([f.second for f in entry.pdq], "<f8").tobytes() if moved else b"",
        quality=bytes(_UNKNOWN if f.quality is None else f.quality for f in entry.pdq)
        if known
        else b"",
        unsearched=bytes.fromhex(rest),
        # A default is left out only where it is the same object.
        duration=entry.duration or BLANK.duration,
        category=entry.category,
        note=entry.note,
        provenance=entry.provenance,
        added=entry.added,
    )
    blob = b"" if record == BLANK else _encoder.encode(record)
    return Packed(label, blob, bytes.fromhex(rows))


def unpack(label: int, blob: bytes, rows: NDArray[np.uint8]) -> Entry:
    """Put an active entry together again.

    Args:
        label: Its label.
        blob: Its record.
        rows: (n, 32) uint8, its rows.

    Raises:
        BankError: They do not belong together.
    """
    try:
        record = _decoder.decode(blob) if blob else BLANK
        frames = _frames(record, rows)
    except (msgspec.DecodeError, ValueError) as error:
        raise BankError(f"a damaged record: {error}") from None
    return Entry(
        id=record.id if label & TEXT else str(label),
        kind="video" if record.video else "image",
        sha256=tuple(digest.hex() for digest in record.sha256),
        md5=tuple(digest.hex() for digest in record.md5),
        pdq=frames,
        duration=record.duration,
        category=record.category,
        note=record.note,
        provenance=record.provenance,
        added=record.added,
    )


def _frames(record: Record, rows: NDArray[np.uint8]) -> tuple[Frame, ...]:
    count = record.frames
    if count < 0 or len(record.unsearched) + rows.size != count * HASH_BYTES:
        raise ValueError("as many hashes as frames are needed")
    seconds = np.frombuffer(record.seconds, "<f8") if record.seconds else np.zeros(count)
    quality = record.quality or bytes([_UNKNOWN]) * count
    if len(seconds) != count or len(quality) != count:
        raise ValueError("as many seconds and qualities as frames are needed")
    known = [None if value == _UNKNOWN else value for value in quality]
    whole = len(record.unsearched) == count * HASH_BYTES
    held = [Frame("", 0.0, value).usable and not whole for value in known]
    if sum(held) != len(rows):
        raise ValueError("as many rows as usable frames are needed")
    hashes = np.zeros((count, HASH_BYTES), np.uint8)
    hashes[held] = rows
    hashes[~np.array(held, np.bool_)] = np.frombuffer(record.unsearched, np.uint8).reshape(
        -1, HASH_BYTES
    )
    text = hashes.tobytes().hex()
    return tuple(
        Frame(text[64 * i : 64 * i + 64], second, value)
        for i, (second, value) in enumerate(zip(seconds.tolist(), known, strict=True))
    )


class Columns(NamedTuple):
    """The columns of many entries; see above.

    Attributes:
        label: (n,) uint64.
        first: (n + 1,) uint32, or (0,).
        offset: (n + 1,) uint64, or (0,).
        blob: (b,) uint8.
        total: How many rows there are.
        hash_of: Returns the hashes of some rows, (m, 32) uint8.
    """

    label: NDArray[np.uint64]
    first: NDArray[np.uint32]
    offset: NDArray[np.uint64]
    blob: NDArray[np.uint8]
    total: int
    hash_of: Callable[[NDArray[np.int64]], NDArray[np.uint8]]

    def edges(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the rows and the records of all entries begin, and the ends of both."""
        first = self.first if len(self.first) else np.arange(count + 1)
        offset = self.offset if len(self.offset) else np.zeros(count + 1)
        return first.astype(np.int64), offset.astype(np.int64)

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the rows of entries begin and end."""
        if not len(self.first):
            return numbers, numbers + 1
        return self.first[numbers].astype(np.int64), self.first[numbers + 1].astype(np.int64)

    def records(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the records of entries begin and end."""
        if not len(self.offset):
            return np.zeros((2, len(numbers)), np.int64)[0], np.zeros(len(numbers), np.int64)
        return self.offset[numbers].astype(np.int64), self.offset[numbers + 1].astype(np.int64)

    def entry(self, number: int) -> Entry:
        """Return an entry, as if it were active.

        Raises:
            BankError: There is no such entry, or it is damaged.
        """
        if not 0 <= number < len(self.label):
            raise BankError(f"there is no entry number {number}")
        place = np.array([number], np.int64)
        start, end = (int(edge[0]) for edge in self.records(place))
        begin, stop = (int(edge[0]) for edge in self.rows(place))
        if not (0 <= start <= end <= len(self.blob) and 0 <= begin <= stop <= self.total):
            raise BankError(f"entry number {number} lies outside of the table")
        rows = self.hash_of(np.arange(begin, stop))
        return unpack(int(self.label[number]), self.blob[start:end].tobytes(), rows)

    def single(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Tell which entries hold a single fingerprint and nothing else, and that.

        Returns:
            (n,) uint8, 0 where there is more to an entry, else what it holds; and
            (n, 32) uint8, the fingerprint, zeros behind an MD5.
        """
        kind = np.zeros(len(numbers), np.uint8)
        held = np.zeros((len(numbers), HASH_BYTES), np.uint8)
        begin, stop = self.rows(numbers)
        start, end = self.records(numbers)
        picture = (stop - begin == 1) & (start == end)
        kind[picture] = PICTURE
        held[picture] = self.hash_of(begin[picture])
        for digest, size in DIGEST_BYTES.items():
            fits = np.flatnonzero((begin == stop) & (end - start == LENGTHS[digest]))
            if not len(fits):
                continue
            records = self.blob[start[fits, np.newaxis] + np.arange(LENGTHS[digest])]
            same = (records[:, :-size] == HEADS[digest]).all(axis=1)
            kind[fits[same]] = digest
            held[fits[same], :size] = records[same, -size:]
        return kind, held


def matrix(digests: Sequence[bytes], size: int = HASH_BYTES) -> NDArray[np.uint8]:
    """Return digests of the same size as rows of bytes."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, size)
