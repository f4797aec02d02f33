"""What was added to a bank's folder, and what changed, since its segments were written.

A journal is a file of JSON lines. A line is one change, all of it or nothing: a checksum
and a list of what is done. A line that a crash left without its end was never confirmed to
anyone; readers pass it over and the next writer cuts it off.
"""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from tidegate.matching.bank import BankError, Entry, State

LONGEST_LINE = 1 << 26
"""Bytes of a line that are read at most."""


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


def line(steps: Sequence[Step]) -> bytes:
    """Return a change as a line."""
    inner = _encoder.encode(list(steps))
    return b'["%08x",%b]\n' % (zlib.crc32(inner), inner)


def append(path: Path, text: bytes) -> None:
    """Write a line, for good: it survives a power cut.

    Only one process at a time may do so; the folder's lock sees to that.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    with path.open("r+b") as file:
        end = _whole(file)
        file.truncate(end)
        file.seek(end)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def read(path: Path, start: int = 0) -> tuple[list[list[Step]], int]:
    """Read the changes from a place on.

    Args:
        path: The journal.
        start: Bytes to skip, the end of an earlier reading.

    Returns:
        The changes, and where the last whole line ends.

    Raises:
        BankError: A line is damaged.
        FileNotFoundError: There is no such file.
    """
    changes: list[list[Step]] = []
    end = start
    with path.open("rb") as file:
        file.seek(start)
        while (text := file.readline(LONGEST_LINE + 1)).endswith(b"\n"):
            changes.append(_parse(text, path, end))
            end += len(text)
        if len(text) > LONGEST_LINE:
            raise BankError(f"{path}: byte {end}: a line longer than {LONGEST_LINE} bytes")
    return changes, end


def _parse(text: bytes, path: Path, place: int) -> list[Step]:
    try:
        checksum, inner = _outer.decode(text)
        if checksum != f"{zlib.crc32(inner):08x}":
            raise BankError("its checksum is wrong")
        return _inner.decode(inner)
    except (msgspec.DecodeError, BankError) as error:
        raise BankError(f"{path}: byte {place}: a damaged line: {error}") from None


def _whole(file: BinaryIO) -> int:
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
