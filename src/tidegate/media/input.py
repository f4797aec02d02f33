"""The input as the child has it: a descriptor, read by position."""

import io
import os
from typing import Any


class Input(io.RawIOBase):
    """A file read by ``pread``, because the parent reads through the same descriptor.

    Closing it leaves the descriptor open.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on."""
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a seek before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


def buffered(descriptor: int) -> io.BufferedReader:
    """Return a file object at the start of the input."""
    return io.BufferedReader(Input(descriptor), 1 << 16)
