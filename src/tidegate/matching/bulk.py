"""Lists of millions of hashes: plain text at the speed of the disk, the rest entry by entry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching import bankfile, formats
from tidegate.matching.bank import BankError, Entry
from tidegate.matching.columns import MD5, PICTURE, SHA256
from tidegate.matching.formats import LONGEST_LINE, LineError
from tidegate.matching.index import HASH_BYTES
from tidegate.matching.spool import Flat, Spool

BLOCK = 1 << 22
"""Bytes of a plain list that are read at a time."""

BATCH = 4096
"""Entries that are taken in at a time."""

FEW = 64
"""Hashes between other lines up to which they are read as those are: a piece has its price."""

_LINES = {
    b"": ((64, PICTURE), (32, MD5)),
    b"pdq ": ((64, PICTURE),),
    b"sha256 ": ((64, SHA256),),
    b"md5 ": ((32, MD5),),
}
"""How most lines begin, and how many digits of what follow."""

_WRONG = 255
_DIGITS = np.full(256, _WRONG, np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGITS[_digit] = _DIGITS[ord(chr(_digit).upper())] = _value


def fill(spool: Spool, path: Path, category: str, tell: Callable[[float], None]) -> None:
    """Read a bank or a hash list into a spool.

    Args:
        spool: Takes the entries in.
        path: The file.
        category: Of the bank that is written: entries of a bank of another one say theirs.
        tell: Is told which share of the file, 0 to 1, is read.

    Raises:
        BankError: The file is not what it should be; names file, line and reason.
        OSError: The file cannot be read.
    """
    size = max(path.stat().st_size, 1)
    try:
        if _is_plain(path):
            for piece, done in _plain(path):
                if isinstance(piece, Flat):
                    spool.add_flat(piece)
                else:
                    spool.add(piece)
                tell(done / size)
            return
        with bankfile.entries_of(path) as (bank, entries, place):
            own = None if bank is None or bank.category == category else bank.category
            batch: list[Entry] = []
            for entry in entries:
                if own is not None and entry.category is None:
                    entry = msgspec.structs.replace(entry, category=own)
                batch.append(entry)
                if len(batch) == BATCH:
                    spool.add(batch)
                    batch = []
                    tell(place() / size)
            spool.add(batch)
    except BankError as error:
        raise BankError(f"{path}: {error}") from None


def _is_plain(path: Path) -> bool:
    """Whether the first line that speaks is that of a plain list."""
    with path.open("rb") as file:
        first = next((text for _, text in bankfile.lines(file) if formats.speaks(text)), None)
    return first is not None and len(first) <= LONGEST_LINE and formats.kind_of(first) == "plain"


def _plain(path: Path) -> Iterator[tuple[Flat | list[Entry], int]]:
    """Yield the entries of a plain list, in order, and how many bytes are read."""
    number, done = 1, 0
    rest = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            done += len(block)
            head, newline, tail = block.rpartition(b"\n")
            if not newline:
                rest += block
                if len(rest) > LONGEST_LINE:
                    raise LineError(number, f"longer than {LONGEST_LINE} bytes")
                continue
            text = rest + head + newline
            for piece in _pieces(text, number):
                yield piece, done
            number += text.count(b"\n")
            rest = tail
    if rest:
        for piece in _pieces(rest + b"\n", number):
            yield piece, done


class _Fast(NamedTuple):
    """Lines that are nothing but a hash: their places, and what is on them."""

    place: NDArray[np.int64]
    kind: NDArray[np.uint8]
    held: NDArray[np.uint8]


def _pieces(text: bytes, number: int) -> Iterator[Flat | list[Entry]]:
    """Yield the entries of some whole lines, in order; the first line has this number."""
    if (flat := _even(text, number)) is not None:
        yield flat
        return
    data = np.frombuffer(text, np.uint8)
    end = np.flatnonzero(data == ord("\n"))
    start = np.concatenate(([0], end[:-1] + 1))
    length = end - start
    length -= (length > 0) & (data[end - 1] == ord("\r"))
    if (long := np.flatnonzero(length > LONGEST_LINE)).size:
        raise LineError(number + int(long[0]), f"longer than {LONGEST_LINE} bytes")
    fast = _fast(data, start, length)

    def slow(first: int, last: int) -> Iterator[Entry]:
        """Read lines as they are read elsewhere."""
        return formats.read_plain(
            bankfile.decoded(text[start[place] : start[place] + length[place]], number + place)
            for place in range(first, last)
        )

    other = np.ones(len(end), np.bool_)
    other[fast.place] = False
    # What says nothing needs no look; only the slow way finds out whether it is UTF-8.
    if text.isascii():
        other &= (length > 0) & (data[start] != ord("#"))
    batch: list[Entry] = []
    first = line = 0
    for place in [*np.flatnonzero(other).tolist(), len(end)]:
        last = int(np.searchsorted(fast.place, place))
        if last - first < FEW:
            batch += slow(line, place)
        else:
            if batch:
                yield batch
                batch = []
            yield Flat(
                fast.kind[first:last], fast.held[first:last], fast.place[first:last] + number
            )
        batch += slow(place, min(place + 1, len(end)))
        if len(batch) >= BATCH:
            yield batch
            batch = []
        first, line = last, place + 1
    if batch:
        yield batch


def _even(text: bytes, number: int) -> Flat | None:
    """Return the entries of lines that are all hashes of the same length, or ``None``."""
    for digits, kind in _LINES[b""]:
        count, rest = divmod(len(text), digits + 1)
        if rest or text[digits :: digits + 1] != b"\n" * count:
            continue
        try:
            hashes = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            return None
        # Space within a line is passed over, and missing afterwards.
        if len(hashes) == count * digits // 2:
            held = np.zeros((count, HASH_BYTES), np.uint8)
            held[:, : digits // 2] = np.frombuffer(hashes, np.uint8).reshape(count, -1)
            return Flat(np.full(count, kind, np.uint8), held, np.arange(count) + number)
    return None


def _fast(data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]) -> _Fast:
    nothing = np.zeros((0, HASH_BYTES), np.uint8)
    found = [_Fast(np.zeros(0, np.int64), np.zeros(0, np.uint8), nothing)]
    for prefix, choices in _LINES.items():
        for digits, kind in choices:
            place = np.flatnonzero(length == len(prefix) + digits)
            if not len(place):
                continue
            lines = data[start[place, np.newaxis] + np.arange(len(prefix) + digits)]
            value = _DIGITS[lines[:, len(prefix) :]]
            good = (value != _WRONG).all(axis=1)
            good &= (lines[:, : len(prefix)] == np.frombuffer(prefix, np.uint8)).all(axis=1)
            held = np.zeros((int(good.sum()), HASH_BYTES), np.uint8)
            held[:, : digits // 2] = value[good, ::2] << 4 | value[good, 1::2]
            found.append(_Fast(place[good], np.full(len(held), kind, np.uint8), held))
    place, kinds, held = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(place)
    return _Fast(place[order], kinds[order], held[order])
