"""A file, opened without being caught by what only looks like one."""

import os
import stat
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from tidegate.closing import Closing
from tidegate.evidence import Unknown
from tidegate.media.beneath import Place, place
from tidegate.media.error import MediaError, over
from tidegate.media.settings import Budget
from tidegate.media.sniff import HEAD, sniff

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class LinkError(MediaError):
    """The file is a symbolic link that must not be followed."""


class Source(Closing):
    """An open regular file. A context manager.

    It stays the same file where another is put in its place by renaming or it is removed
    meanwhile. Where its own bytes are written to, :meth:`changed` tells.

    Attributes:
        path: Path as it was given.
        file: The bytes, from their start. Reading them does not disturb the decoder.
        size: Number of bytes when the file was opened.
        format: What :func:`tidegate.media.sniff` makes of it.
    """

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self._status = os.fstat(file.fileno())
        self.size = self._status.st_size
        self.format = sniff(os.pread(file.fileno(), HEAD, 0))

    def changed(self) -> Unknown | None:
        """Say what is unknown because the file was written to after it was opened.

        Digests and frames are then not of the same bytes. Told by size and times. Missed are a
        write within the same tick of the file system's clock as the one before the file was
        opened, a few milliseconds, where the size is the same; one through a mapping that had
        written before; and one that was made while the file lost a name. A new mode, owner or
        name counts as a change too, because a write whose time of modification was set back
        looks the same.
        """
        try:
            now = os.fstat(self.file.fileno())
        except OSError as error:  # Of a file on a network, whose other end has let go of it.
            detail = f"cannot be read to the end: {error.strerror}"
            return MediaError("unreadable", detail).unknown
        then = self._status
        written = (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)
        # To lose a name sets this time as well: so it is when another file takes its place.
        touched = now.st_ctime_ns != then.st_ctime_ns and now.st_nlink >= then.st_nlink
        if not written and not touched:
            return None
        detail = "changed while it was read; what was found may be of the old or of the new bytes"
        return MediaError("changed", detail).unknown

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def open_source(
    path: str | os.PathLike[str],
    budget: Budget | None = None,
    *,
    beneath: str | os.PathLike[str] | None = None,
) -> Source:
    """Open a regular file for reading. Never waits on a FIFO, never opens a device.

    Args:
        path: The file.
        budget: Its ``bytes`` bound the size.
        beneath: A folder that the path begins with. Symbolic links below it are not
            followed, so that the file lies in it whoever else may write there.

    Raises:
        LinkError: The file is a symbolic link, and ``beneath`` is given.
        MediaError: The file cannot be read, is no regular file, is empty or too large.
    """
    name = os.fspath(path)
    file: BinaryIO | None = None
    try:
        # Opening alone can act on a device, so it is asked before; and once more after,
        # because the path may have changed hands. O_NONBLOCK: never wait for a writer.
        follow = beneath is None
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        flags |= 0 if follow else os.O_NOFOLLOW
        way = nullcontext(Place(name)) if beneath is None else place(Path(name), Path(beneath))
        with way as (last, folder):
            status = os.stat(last, dir_fd=folder, follow_symlinks=follow)
            _check(status, budget or Budget())
            file = os.fdopen(os.open(last, flags, dir_fd=folder), "rb")
        _check(os.fstat(file.fileno()), budget or Budget())
        return Source(name, file)
    except (OSError, ValueError) as error:
        if file:
            file.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError("unreadable", f"cannot be read: {reason}") from error
    except MediaError:
        if file:
            file.close()
        raise


def _check(status: os.stat_result, budget: Budget) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise LinkError("unreadable", "is a symbolic link, and none is followed in a folder")
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise MediaError("unreadable", f"is {kind}, not a file")
    if status.st_size == 0:
        raise MediaError("empty", "has no bytes")
    if status.st_size > budget.bytes:
        raise MediaError("too_large", over(status.st_size, "bytes", budget.bytes, "bytes"))
