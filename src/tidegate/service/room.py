"""The room where media lie: whole files named by their digest, on disk for good or not at all.

::

    DATA/media/ab/<sha256>    what items name, in 256 folders
    DATA/incoming/<id>        what is still arriving
    DATA/locks/ab             held while files that begin so are put in place or removed

The file comes first and the row that names it second: a process that dies between the two
leaves a file that nothing names, and :meth:`Room.sweep` removes it. The same bytes are there
once, whoever sent them, so a file goes when the last item that names it has let go.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.closing import Closing
from tidegate.media import Budget, Source, open_source
from tidegate.media.sniff import HEAD
from tidegate.store import ids

ABANDONED = 3600.0
"""Seconds without a byte after which nobody is sending a file any more, and after which a file
that nothing names is not about to be named."""


class TooManyBytesError(Exception):
    """What arrives is larger than is taken."""


class Incoming(Closing):
    """A file that is arriving, hashed on its way. Closing it removes it, unless it was kept.

    Attributes:
        size: Bytes so far.
        head: The first of them, enough for :func:`tidegate.media.sniff`.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        self.size = 0
        self.head = b""

    @property
    def sha256(self) -> str:
        """Digest of the bytes so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Take bytes.

        Raises:
            TooManyBytesError: They are too many. Nothing more is written.
            OSError: The disk is full, or fails.
        """
        if self.size + len(data) > self._most:
            raise TooManyBytesError(f"larger than {self._most:,} bytes")
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._digest.update(data)
        self.size += len(data)
        if len(self.head) < HEAD:
            self.head = (self.head + data[:HEAD])[:HEAD]
        return len(data)

    def settle(self, place: Path) -> None:
        """Have the bytes on disk under a name, and the name too."""
        if not place.exists():
            os.fsync(self._file.fileno())
            # Somebody else may have brought the same bytes meanwhile: then theirs stay.
            with suppress(FileExistsError):
                os.link(self._path, place)
        _sync_folder(place.parent)

    def close(self) -> None:
        """Let go of what has arrived; what was kept has another name."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Room:
    """Keeps media in a data folder. Safe to share between threads and processes.

    Args:
        data: The data folder.

    Raises:
        OSError: The folders cannot be made.
    """

    def __init__(self, data: Path) -> None:
        self.media = data / "media"
        self._incoming = data / "incoming"
        self._locks = data / "locks"
        for folder in (self.media, self._incoming, self._locks):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the bytes with a digest lie, if they are here."""
        return self.media / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Return whether the bytes with a digest are here."""
        return self.path(sha256).is_file()

    def receive(self, most: int) -> Incoming:
        """Begin to take a file of so many bytes at most.

        Raises:
            OSError: It cannot be made.
        """
        return Incoming(self._incoming / ids.new(), most)

    @contextmanager
    def keep(self, incoming: Incoming) -> Iterator[str]:
        """Put a file in its place for good, and yield its digest.

        It is not removed before the ``with`` ends. What is to name it is committed by then,
        or it is an orphan.

        Raises:
            OSError: The disk is full, or fails.
        """
        sha256 = incoming.sha256
        folder = self.path(sha256).parent
        if not folder.is_dir():
            # Alone: whoever finds the folder may be sure that it is there for good.
            with self._held(sha256, fcntl.LOCK_EX):
                _make_folder(folder)
        with self._held(sha256, fcntl.LOCK_SH):
            incoming.settle(self.path(sha256))
            yield sha256

    def open(self, sha256: str, budget: Budget | None = None) -> Source:
        """Open the bytes with a digest.

        Raises:
            MediaError: They are not here, or over the budget.
        """
        return open_source(self.path(sha256), budget, beneath=self.media)

    def drop(self, sha256: str, named: Callable[[str], bool]) -> bool:
        """Remove the bytes with a digest, unless something names them.

        Args:
            sha256: The digest.
            named: Says whether something does, while nobody can put the file in its place.

        Returns:
            Whether they are gone.

        Raises:
            OSError: The file cannot be removed.
        """
        with self._held(sha256, fcntl.LOCK_EX):
            if named(sha256):
                return False
            path = self.path(sha256)
            path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                _sync_folder(path.parent)
            return True

    def sweep(self, named: Callable[[str], bool], *, older: float = ABANDONED) -> int:
        """Remove what a process left behind that died: half a file, or one that nothing names.

        Args:
            named: Says whether something names the bytes with a digest.
            older: Only files that nobody wrote to for so many seconds.

        Returns:
            How many files were removed.
        """
        before, removed = time.time() - older, 0
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        for path in self.media.glob("??/*"):
            with suppress(FileNotFoundError):
                # Asked twice: most files are named, and need no lock to say so.
                if path.stat().st_mtime < before and not named(path.name):
                    removed += self.drop(path.name, named)
        return removed

    @contextmanager
    def _held(self, sha256: str, how: int) -> Iterator[None]:
        """Lock the files that begin like this one; the kernel unlocks for a process that dies."""
        lock = os.open(self._locks / sha256[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


@contextmanager
def turn(source: Source, before_waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Wait until nobody else on this machine works on the same file, in whatever process.

    On a file system that cannot lock, nobody waits: at worst the same work is done twice.

    Args:
        source: The file.
        before_waiting: Called once where somebody does.
    """
    descriptor = source.file.fileno()
    with suppress(OSError):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            before_waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            # A decoder has the same open file: closing ours alone would not unlock it.
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _make_folder(folder: Path) -> None:
    """Make a folder, there for good when this returns."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
