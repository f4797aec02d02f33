"""A file, opened without being caught by what only looks like one."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from tidegate.closing import Closing
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


class Source(Closing):
    """An open regular file. A context manager.

    Attributes:
        path: Path as it was given.
        file: The bytes, from their start. Reading them does not disturb the decoder.
        size: Number of bytes when the file was opened.
        format: What :func:`tidegate.media.sniff` makes of it.
    """

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.format = sniff(os.pread(file.fileno(), HEAD, 0))

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def open_source(path: str | os.PathLike[str], budget: Budget | None = None) -> Source:
    """Open a regular file for reading. Never waits on a FIFO, never opens a device.

    Args:
        path: The file.
        budget: Its ``bytes`` bound the size.

    Raises:
        MediaError: The file cannot be read, is no regular file, is empty or too large.
    """
    name = os.fspath(path)
    file: BinaryIO | None = None
    try:
        # Opening alone can act on a device, so it is asked before; and once more after,
        # because the path may have changed hands. O_NONBLOCK: never wait for a writer.
        _check(Path(name).stat(), budget or Budget())
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        file = os.fdopen(os.open(name, flags), "rb")
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
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise MediaError("unreadable", f"is {kind}, not a file")
    if status.st_size == 0:
        raise MediaError("empty", "has no bytes")
    if status.st_size > budget.bytes:
        raise MediaError("too_large", over(status.st_size, "bytes", budget.bytes, "bytes"))
