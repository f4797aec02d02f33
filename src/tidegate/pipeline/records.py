"""Files of records, in pieces that can be read apart: JSON Lines, and Parquet.

What cannot be read is told with its place, never left out in silence.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from tidegate.pipeline import parquet
from tidegate.pipeline.record import LONGEST, Record, RecordError, read_record

PIECE = 32 * 1024**2
"""Bytes of JSON Lines that are read in one go."""

SUFFIXES = (".jsonl", ".parquet")
"""Names of the files that are looked for in a folder."""

Format = Literal["jsonl", "parquet"]

_SKIP = 1024**2


class File(NamedTuple):
    """A file of records.

    Attributes:
        path: The file.
        format: What it is, by content.
        size: Bytes that it has now; what is appended later is left alone. Of Parquet the
            number of row groups.
    """

    path: str
    format: Format
    size: int


class Piece(NamedTuple):
    """A part of a file.

    Attributes:
        number: Number of the file among those that are read.
        file: The file.
        start: First byte, or the first row group.
        end: Byte or row group behind the last. A line belongs to the piece that it begins in.
    """

    number: int
    file: File
    start: int
    end: int


class Read(NamedTuple):
    """What stands at a place.

    Attributes:
        place: Byte at which the line begins, or number of the row in the file, from 0.
        record: The record, or why there is none.
    """

    place: int
    record: Record | RecordError


def find_files(paths: Iterable[str | os.PathLike[str]]) -> tuple[File, ...]:
    """Return the files that paths lead to, each once: files, and those beneath folders.

    Raises:
        RecordError: A path leads nowhere, cannot be read, or a folder has no records.
    """
    found: dict[tuple[int, int], File] = {}
    for given in paths:
        path = Path(given)
        members: Sequence[Path] = [path]
        try:
            if path.is_dir():
                members = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
                if not members:
                    told = " or ".join(f"*{suffix}" for suffix in SUFFIXES)
                    raise RecordError(f"{path}: has no {told} in it")
            for member in members:
                told_by = member.stat()
                found.setdefault((told_by.st_dev, told_by.st_ino), _file(member))
        except OSError as error:
            name = error.filename or path
            raise RecordError(f"{name}: cannot be read: {error.strerror}") from None
    return tuple(found.values())


def _file(path: Path) -> File:
    if not path.is_file():
        raise RecordError(f"{path}: is no file")
    with path.open("rb") as file:
        if file.read(len(parquet.MAGIC)) == parquet.MAGIC:
            return File(str(path), "parquet", parquet.groups(path))
        # A record that is being written is waited for, so that no half of it is seen.
        fcntl.flock(file, fcntl.LOCK_SH)
        return File(str(path), "jsonl", os.fstat(file.fileno()).st_size)


def pieces(files: Sequence[File], size: int = PIECE) -> Iterator[Piece]:
    """Yield the pieces of files, in their order.

    Args:
        files: The files.
        size: Bytes of a piece of JSON Lines. A piece of Parquet is a row group.
    """
    for number, file in enumerate(files):
        step = size if file.format == "jsonl" else 1
        for start in range(0, file.size, step):
            yield Piece(number, file, start, min(start + step, file.size))


def read(piece: Piece) -> Iterator[Read]:
    """Yield what stands in a piece, line by line.

    Raises:
        OSError: The file cannot be read.
    """
    if piece.file.format == "parquet":
        for row, found in parquet.read(piece.file.path, piece.start):
            yield Read(row, found)
        return
    with Path(piece.file.path).open("rb") as file:
        yield from _lines(file, piece)


def read_places(piece: Piece, places: Iterable[int]) -> Iterator[Read]:
    """Yield what stands at some places of a piece, ascending; they were told by :func:`read`."""
    if piece.file.format == "parquet":
        wanted = frozenset(places)
        for row, found in parquet.read(piece.file.path, piece.start, wanted):
            yield Read(row, found)
        return
    with Path(piece.file.path).open("rb") as file:
        for place in places:
            file.seek(place)
            yield Read(place, _record(file.readline(LONGEST + 2)))


def line_numbers(file: File, places: Iterable[int]) -> dict[int, int]:
    """Return for places that :func:`read` told the numbers of their lines or rows, from 1.

    Raises:
        OSError: The file cannot be read.
    """
    if file.format == "parquet":
        return {place: place + 1 for place in places}
    numbers, at, line = {}, 0, 1
    with Path(file.path).open("rb") as opened:
        for place in sorted(places):
            while at < place:
                part = opened.read(min(_SKIP, place - at))
                if not part:
                    break
                at += len(part)
                line += part.count(b"\n")
            numbers[place] = line
    return numbers


def _lines(file: BinaryIO, piece: Piece) -> Iterator[Read]:
    place = piece.start
    if place:
        # The line that the last piece's end is in is that piece's.
        file.seek(place - 1)
        place += _skip_line(file, piece.end - place + 1) - 1
    while place < piece.end:
        # What is appended after the file was measured is not looked at.
        line = file.readline(min(LONGEST + 2, piece.file.size - place))
        if not line:
            return
        length = len(line)
        if length > LONGEST + 1 and line[-1:] != b"\n":
            length += _skip_line(file, piece.end - place - length)
        if line != b"\n":
            yield Read(place, _record(line))
        place += length


def _skip_line(file: BinaryIO, most: int) -> int:
    """Go behind the end of the line, or so many bytes; return how many bytes that is."""
    skipped = 0
    while skipped < most and (part := file.readline(min(_SKIP, most - skipped))):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _record(line: bytes) -> Record | RecordError:
    try:
        return read_record(line.removesuffix(b"\n"))
    except RecordError as error:
        return error
