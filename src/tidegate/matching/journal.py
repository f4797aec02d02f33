"""What was added to a bank's folder, and what changed, since its segments were written.

A journal is a file of JSON lines. A line is one change, all of it or nothing: a checksum
and a list of what is done. A line that a crash left without its end was never confirmed to
anyone; readers pass it over and the next writer cuts it off.
"""

import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidegate.matching.bank import BankError, Entry, State

LONGEST_LINE = 1 << 26
"""Bytes of a line at most."""

_HEAD = len('["00000000"')
"""Bytes of a line up to the end of its checksum."""


class Added(msgspec.Struct, frozen=True, kw_only=True, tag="add", tag_field="do"):
    """An entry that was added."""

    entry: Entry


class Changed(
    msgspec.Struct, frozen=True, kw_only=True, tag="state", tag_field="do", omit_defaults=True
):
    """The new state of an entry.

    Attributes:
        id: Of the entry.
        state: As in :class:`~tidegate.matching.bank.Entry`.
        disabled_until: Likewise.
        at: When it was changed, ISO 8601.
    """

    id: str
    state: State
    disabled_until: str | None = None
    at: str = ""


Step = Added | Changed

_encoder = msgspec.json.Encoder()
_outer = msgspec.json.Decoder(tuple[str, msgspec.Raw])
_inner = msgspec.json.Decoder(list[Step])


class Mark(NamedTuple):
    """How far a journal was read.

    Attributes:
        end: Where the last whole line ends.
        start: Where it begins.
        head: How it begins, with its checksum.
    """

    end: int = 0
    start: int = 0
    head: bytes = b""


class TakenBackError(Exception):
    """The last line that was read is not there any more: it could not be written for good."""


def line(steps: Sequence[Step]) -> bytes:
    """Return a change as a line."""
    inner = _encoder.encode(list(steps))
    return b'["%08x",%b]\n' % (zlib.crc32(inner), inner)


def append(path: Path, text: bytes) -> None:
    """Write a line, for good: it survives a power cut.

    Only one process at a time may do so; the folder's lock sees to that.

    Raises:
        BankError: It is longer than a line may be.
        OSError: It cannot be written; what was there is still there. A reader may have seen
            the line already: the next reading tells it so.
    """
    if len(text) > LONGEST_LINE:
        raise BankError(
            f"{path}: a change of {len(text)} bytes; one is {LONGEST_LINE} bytes at most"
        )
    # Without a buffer, nothing is left that closing the file could write after an error.
    with path.open("r+b", buffering=0) as file:
        end = _whole(file)
        try:
            file.truncate(end)
            file.seek(end)
            rest = memoryview(text)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(end)
            raise


def read(path: Path, mark: Mark = Mark()) -> tuple[list[list[Step]], Mark]:  # noqa: B008
    """Read the changes from a place on.

    Args:
        path: The journal.
        mark: How far it was read before.

    Returns:
        The changes, and how far it is read now.

    Raises:
        BankError: A line is damaged.
        TakenBackError: What was read before is no longer so: begin anew.
        FileNotFoundError: There is no such file.
    """
    changes: list[list[Step]] = []
    with path.open("rb") as file:
        file.seek(mark.start)
        if file.read(len(mark.head)) != mark.head:
            raise TakenBackError
        if mark.end:
            file.seek(mark.end - 1)
            if file.read(1) != b"\n":
                raise TakenBackError
        while (text := file.readline(LONGEST_LINE + 1)).endswith(b"\n"):
            changes.append(_parse(text, path, mark.end))
            mark = Mark(mark.end + len(text), mark.end, text[:_HEAD])
        if len(text) > LONGEST_LINE:
            raise BankError(f"{path}: byte {mark.end}: a line longer than {LONGEST_LINE} bytes")
    return changes, mark


def _parse(text: bytes, path: Path, place: int) -> list[Step]:
    try:
        checksum, inner = _outer.decode(text)
        if checksum != f"{zlib.crc32(inner):08x}":
            raise BankError("its checksum is wrong")
        return _inner.decode(inner)
    except (msgspec.DecodeError, UnicodeDecodeError, BankError, RecursionError) as error:
        raise BankError(f"{path}: byte {place}: a damaged line: {error}") from None


def _whole(file: FileIO) -> int:
    """Return where the last whole line of a file ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - (1 << 16))
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
