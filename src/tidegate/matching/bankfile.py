"""Banks on disk.

A bank is a file of JSON Lines: a header object that begins with ``tidegate_bank``, then
an entry a line. Foreign hash lists (:mod:`tidegate.matching.formats`) are banks too;
which of them a file is, its content says and never its name.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from tidegate.evidence import Role
from tidegate.matching import formats
from tidegate.matching.bank import Bank, BankError, Entry, merge
from tidegate.matching.formats import Line, LineError
from tidegate.matching.rule import VideoRule

FILE_VERSION = 1
"""The version of the native file."""

LONGEST_HEADER = 1 << 16
"""Bytes of the first line that are looked at to tell a bank from a list."""

LONGEST_LINE = 1 << 26
"""Bytes of a line of a native file; an entry with as many frames as it may have is shorter."""


class Header(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The first line of a native file: a bank without its entries."""

    tidegate_bank: int
    name: str
    category: str
    role: Role
    max_distance: int
    video_rule: VideoRule | None = None
    source: str = ""
    legal_basis: str = ""

    @classmethod
    def of(cls, bank: Bank) -> "Header":
        """Return what a bank says about itself."""
        return cls(
            tidegate_bank=FILE_VERSION,
            name=bank.name,
            category=bank.category,
            role=bank.role,
            max_distance=bank.max_distance,
            video_rule=None if bank.video_rule == VideoRule() else bank.video_rule,
            source=bank.source,
            legal_basis=bank.legal_basis,
        )

    def bank(self) -> Bank:
        """Return the bank, without its entries.

        Raises:
            BankError: The version is another, or a field is not what it should be.
        """
        if self.tidegate_bank != FILE_VERSION:
            raise BankError(
                f"version {self.tidegate_bank} of the file; this Tidegate reads {FILE_VERSION}"
            )
        return Bank(
            name=self.name,
            category=self.category,
            role=self.role,
            max_distance=self.max_distance,
            video_rule=self.video_rule or VideoRule(),
            source=self.source,
            legal_basis=self.legal_basis,
        )


class Entries(NamedTuple):
    """A file of entries, open for reading.

    Attributes:
        bank: What a native file says about its bank; ``None`` for a foreign list.
        entries: Yields them, line by line.
        place: Tells how many bytes are read.
    """

    bank: Bank | None
    entries: Iterator[Entry]
    place: Callable[[], int]


@contextlib.contextmanager
def entries_of(path: Path) -> Iterator[Entries]:
    """Open a bank or a hash list.

    Raises:
        BankError: The file is not what it should be; names line and reason.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        rest = lines(file)
        first = next((line for line in rest if formats.speaks(line[1])), None)
        if first is None:
            raise BankError("holds no hashes")
        if _is_native(first):
            yield Entries(_native_header(first), _native_entries(rest), file.tell)
        else:
            (first,) = formats.bounded([first])
            read = formats.READERS[formats.kind_of(first[1])]
            yield Entries(None, read(chain([first], formats.bounded(rest))), file.tell)


def load_bank(
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    category: str = "known.other",
    role: Role = "block",
    max_distance: int = 31,
    source: str = "",
    legal_basis: str = "",
) -> Bank:
    """Read a bank or a hash list.

    A native file says all about its bank itself. The arguments after ``path`` describe
    the bank that a foreign list becomes; its name is by default that of the file.

    Raises:
        BankError: The file is not what it should be; names file, line and reason.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        with entries_of(path) as (bank, found, _):
            entries = tuple(found)
        if bank is not None:
            return msgspec.structs.replace(bank, entries=entries)
        return Bank(
            name=name_of(path) if name is None else name,
            category=category,
            role=role,
            max_distance=max_distance,
            source=source,
            legal_basis=legal_basis,
            entries=entries,
        )
    except BankError as error:
        raise BankError(f"{path}: {error}") from None


def import_file(bank: Bank, path: str | os.PathLike[str]) -> Bank:
    """Return the bank with the entries of another bank or of a hash list merged in.

    Entries keep a category that they or their own bank's file state; those of a foreign
    list without one take that of this bank.

    Raises:
        BankError: The file is not what it should be.
        OSError: The file cannot be read.
    """
    other = load_bank(path, category=bank.category)
    entries = other.entries
    if other.category != bank.category:
        entries = tuple(
            msgspec.structs.replace(entry, category=entry.category or other.category)
            for entry in entries
        )
    return merge(bank, entries)


def is_native(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a bank of ours, and no list as others write them.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return b'"tidegate_bank"' in file.readline(LONGEST_HEADER)


def save_bank(bank: Bank, path: str | os.PathLike[str]) -> None:
    """Write a bank as a whole: whoever reads meanwhile sees the old file or the new one.

    Raises:
        BankError: An entry is too large for a line of the file; what was there is still there.
        OSError: The file cannot be written; what was there is still there.
    """
    path = Path(path).resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            for line in _lines(bank, path):
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _lines(bank: Bank, path: Path) -> Iterator[bytes]:
    """Yield the lines of a native file.

    Raises:
        BankError: One would be too long to be read again.
    """
    encoder = msgspec.json.Encoder()
    for value in chain([Header.of(bank)], bank.entries):
        line = encoder.encode(value) + b"\n"
        if len(line) > LONGEST_LINE:
            what = f"entry {value.id}" if isinstance(value, Entry) else "the header"
            raise BankError(f"{path}: {what} takes {len(line)} bytes, more than {LONGEST_LINE}")
        yield line


def lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a file of bounded lines in UTF-8.

    Raises:
        LineError: A line is too long, or not UTF-8.
    """
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise LineError(number, f"longer than {LONGEST_LINE} bytes")
        yield decoded(raw, number)


def decoded(raw: bytes, number: int) -> Line:
    """Return a line as text, without its line break.

    Raises:
        LineError: It is not UTF-8.
    """
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise LineError(number, f"not UTF-8 at byte {error.start + 1}") from None
    return number, text.rstrip("\r\n")


def _is_native(first: Line) -> bool:
    return first[1].lstrip().startswith("{") and '"tidegate_bank"' in first[1]


def _native_header(first: Line) -> Bank:
    number, text = first
    try:
        return msgspec.json.decode(text, type=Header).bank()
    except (msgspec.DecodeError, BankError, RecursionError) as error:
        raise LineError(number, str(error)) from None


def _native_entries(rest: Iterator[Line]) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    for number, text in rest:
        if not text.strip():
            continue
        try:
            yield decoder.decode(text)
        except (msgspec.DecodeError, BankError, RecursionError) as error:
            raise LineError(number, str(error)) from None


def name_of(path: Path) -> str:
    """Make the name of a bank of that of a file: what a name may not hold becomes ``-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("._-")[:64] or "bank"


def sync_folder(folder: Path) -> None:
    """Make sure that the new name survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
