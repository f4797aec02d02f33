"""Banks on disk.

A bank is a file of JSON Lines: a header object that begins with ``tidegate_bank``, then
an entry a line. Foreign hash lists (:mod:`tidegate.matching.formats`) are banks too;
which of them a file is, its content says and never its name.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from tidegate.evidence import Role
from tidegate.matching import formats
from tidegate.matching.bank import Bank, BankError, Entry, merge
from tidegate.matching.formats import Line, LineError

FILE_VERSION = 1
"""The version of the native file."""

LONGEST_LINE = 1 << 26
"""Bytes; a video of a day at eight frames a second is shorter."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a native file: a bank without its entries."""

    tidegate_bank: int
    name: str
    category: str
    role: Role
    max_distance: int
    source: str = ""
    legal_basis: str = ""


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
        with path.open("rb") as file:
            lines = _lines(file)
            first = next((line for line in lines if formats.speaks(line[1])), None)
            if first is None:
                raise BankError("holds no hashes")
            if _is_native(first):
                return _read_native(first, lines)
            entries = tuple(_read_foreign(first, lines))
        return Bank(
            name=_name_of(path) if name is None else name,
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


def save_bank(bank: Bank, path: str | os.PathLike[str]) -> None:
    """Write a bank as a whole: whoever reads meanwhile sees the old file or the new one.

    Raises:
        OSError: The file cannot be written; what was there is still there.
    """
    path = Path(path).resolve()
    header = Header(
        tidegate_bank=FILE_VERSION,
        name=bank.name,
        category=bank.category,
        role=bank.role,
        max_distance=bank.max_distance,
        source=bank.source,
        legal_basis=bank.legal_basis,
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            encoder = msgspec.json.Encoder()
            for value in chain([header], bank.entries):
                file.write(encoder.encode(value) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a file of bounded lines in UTF-8."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise LineError(number, f"longer than {LONGEST_LINE} bytes")
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise LineError(number, f"not UTF-8 at byte {error.start + 1}") from None
        yield number, text.rstrip("\r\n")


def _is_native(first: Line) -> bool:
    return first[1].lstrip().startswith("{") and '"tidegate_bank"' in first[1]


def _read_native(first: Line, lines: Iterator[Line]) -> Bank:
    number, text = first
    try:
        header = msgspec.json.decode(text, type=Header)
        if header.tidegate_bank != FILE_VERSION:
            raise BankError(
                f"version {header.tidegate_bank} of the file; this Tidegate reads {FILE_VERSION}"
            )
        decoder = msgspec.json.Decoder(Entry)
        entries = []
        for number, text in lines:  # noqa: B007
            if text.strip():
                entries.append(decoder.decode(text))
        return Bank(
            name=header.name,
            category=header.category,
            role=header.role,
            max_distance=header.max_distance,
            source=header.source,
            legal_basis=header.legal_basis,
            entries=tuple(entries),
        )
    except (msgspec.DecodeError, BankError) as error:
        raise LineError(number, str(error)) from None


def _read_foreign(first: Line, lines: Iterator[Line]) -> Iterator[Entry]:
    rest = chain([first], lines)
    if first[1].lstrip().startswith("{"):
        return formats.read_jsonl(rest)
    if formats.is_csv_header(first[1]):
        return formats.read_csv(rest)
    return formats.read_plain(rest)


def _name_of(path: Path) -> str:
    """Make the name of a bank of that of a file: what a name may not hold becomes ``-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("._-")[:64] or "bank"


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
