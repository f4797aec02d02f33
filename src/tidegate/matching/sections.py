"""A file of named sections: written once and whole, then only read, mapped into memory.

All numbers are little-endian.

- Bytes 0-63: magic, byte-order mark, version, size of the file, where the table of sections
  begins, how many there are, CRC-32 of that table, CRC-32 of bytes 0-59.
- The sections, each at a multiple of 64 bytes.
- The table, 64 bytes a section: name, where it begins, its length, its CRC-32.

CRC-32 finds accidents, not forgers: whoever can write the file is trusted to say what is
in it. Readers check what they use all the same, so that no file makes them read elsewhere.
"""

import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x89TGSEG\r\n"
"""Not text, and damaged by whatever takes it for text."""

VERSION = 1

ALIGNMENT = 64

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
"""What a section may be called."""

MOST_SECTIONS = 256

_HEADER = struct.Struct("<8sIIQQII20x")
_CHECKSUM = struct.Struct("<I")
_HEADER_SIZE = _HEADER.size + _CHECKSUM.size
_ENTRY = struct.Struct("<40sQQI4x")
_BYTE_ORDER = 0x01020304

Content = bytes | bytearray | memoryview | NDArray[Any]
"""Bytes, or an array that lies in memory as it should in the file."""


class SegmentError(ValueError):
    """A file of sections is missing, damaged, cut short, or something else altogether.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class _Section(NamedTuple):
    start: int
    length: int
    checksum: int


class SectionWriter:
    """Writes a file of sections, which takes its place when the writer is left without error.

    Until then a file of that name stays what it was, whatever happens.
    """

    def __init__(self, path: Path) -> None:
        """Begin to write.

        Raises:
            OSError: The folder cannot be written to.
        """
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
        self._file: IO[bytes] = self._temporary.open("x+b")
        self._file.write(bytes(_HEADER_SIZE))
        self._sections: dict[str, _Section] = {}

    def add(self, name: str, parts: Iterable[Content]) -> None:
        """Write a section.

        Args:
            name: Up to 40 small letters, digits, ``.``, ``_`` and ``-``; comes once.
            parts: Its bytes, a part at a time.

        Raises:
            ValueError: The name is none, or comes again, or there are too many sections.
            OSError: It cannot be written.
        """
        if not NAME.fullmatch(name) or name in self._sections:
            raise ValueError(f"{name!r} is no name for another section")
        if len(self._sections) == MOST_SECTIONS:
            raise ValueError(f"a file holds at most {MOST_SECTIONS} sections")
        start, checksum = self._aligned(), 0
        for part in parts:
            view = part.data if isinstance(part, np.ndarray) else part
            self._file.write(view)
            checksum = zlib.crc32(view, checksum)
        self._sections[name] = _Section(start, self._file.tell() - start, checksum)

    def written(self, name: str) -> memoryview:
        """Return a section that has been written, mapped into memory."""
        section = self._sections[name]
        if not section.length:
            return memoryview(b"")
        self._file.flush()
        end = section.start + section.length
        view = memoryview(mmap.mmap(self._file.fileno(), end, access=mmap.ACCESS_READ))
        return view[section.start :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._file:
                if error is None:
                    self._finish()
            if error is None:
                self._temporary.replace(self._path)
                _sync(self._path.parent)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        table_start = self._aligned()
        table = b"".join(
            _ENTRY.pack(name.encode(), *section) for name, section in self._sections.items()
        )
        self._file.write(table)
        header = _HEADER.pack(
            MAGIC,
            _BYTE_ORDER,
            VERSION,
            table_start + len(table),
            table_start,
            len(self._sections),
            zlib.crc32(table),
        )
        self._file.seek(0)
        self._file.write(header + _CHECKSUM.pack(zlib.crc32(header)))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _aligned(self) -> int:
        self._file.write(bytes(-self._file.tell() % ALIGNMENT))
        return self._file.tell()


class SectionFile:
    """A file of sections, open for reading and shared with all processes that have it open.

    To open it checks its header and its table, which takes no longer for a large file;
    :meth:`verify` reads all. Nobody may write to it or shorten it while it is open; it
    may be replaced or deleted.
    """

    def __init__(self, path: Path, *, populate: bool = False) -> None:
        """Open a file.

        Args:
            path: The file.
            populate: Read it all into memory at once, instead of piece by piece on first
                use.

        Raises:
            SegmentError: There is none, or it is none, or it is damaged.
        """
        self.path = path
        self._map = _mapped(path, populate)
        self._sections = self._table()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sections, in the order of the file."""
        return tuple(self._sections)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._map)

    def section(self, name: str) -> memoryview:
        """Return the bytes of a section, read-only; they outlive the file's closing.

        Raises:
            SegmentError: The file has none of that name.
        """
        if name not in self._sections:
            raise self.error(f"it has no section {name!r}")
        section = self._sections[name]
        return self._map[section.start : section.start + section.length]

    def verify(self) -> None:
        """Read all sections and check that they are what was written.

        Raises:
            SegmentError: One is not; names it.
        """
        for name, section in self._sections.items():
            if zlib.crc32(self.section(name)) != section.checksum:
                raise self.error(f"section {name!r} is damaged: its checksum is another")

    def error(self, reason: str) -> SegmentError:
        """Return what to raise when something is wrong with this file."""
        return SegmentError(self.path, reason)

    def _table(self) -> dict[str, _Section]:
        header = self._map[: _HEADER.size]
        magic, order, version, size, start, count, checksum = _HEADER.unpack(header)
        if magic != MAGIC:
            raise self.error("it is no segment file")
        if order != _BYTE_ORDER:
            raise self.error("it is damaged, or of a machine of another byte order")
        if version != VERSION:
            raise self.error(f"it is of version {version}; this Tidegate reads {VERSION}")
        if zlib.crc32(header) != _CHECKSUM.unpack_from(self._map, _HEADER.size)[0]:
            raise self.error("its header is damaged")
        if size != self.size:
            raise self.error(f"it has {self.size} bytes instead of {size}")
        if count > MOST_SECTIONS or start != size - count * _ENTRY.size or start < _HEADER_SIZE:
            raise self.error("its header is damaged")
        table = self._map[start:]
        if zlib.crc32(table) != checksum:
            raise self.error("its table of sections is damaged")
        sections: dict[str, _Section] = {}
        end = _HEADER_SIZE
        for raw, *fields in _ENTRY.iter_unpack(table):
            name = raw.rstrip(b"\0").decode("ascii", "replace")
            section = _Section(*fields)
            if not NAME.fullmatch(name) or name in sections:
                raise self.error("its table of sections is damaged")
            if section.start % ALIGNMENT or not end <= section.start <= start - section.length:
                raise self.error(f"section {name!r} is not where it should be")
            sections[name] = section
            end = section.start + section.length
        return sections


def _mapped(path: Path, populate: bool) -> memoryview:
    """Map a file into memory; it is unmapped when the last view of it is gone."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < _HEADER_SIZE:
                raise SegmentError(path, "it is no segment file: it is too short")
            # Linux only; elsewhere the system is told that all will be needed.
            now = getattr(mmap, "MAP_POPULATE", 0) if populate else 0
            mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED | now, prot=mmap.PROT_READ)
    except OSError as error:
        raise SegmentError(path, f"it cannot be read: {error}") from error
    if populate and not now:
        mapped.madvise(mmap.MADV_WILLNEED)
    return memoryview(mapped)


def _sync(folder: Path) -> None:
    """Make the new name of a file last."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
