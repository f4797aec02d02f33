"""Functions of the C library that Python does not offer, with Python's errors."""

import ctypes
import errno
import os

_LIBRARY = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call a function that returns -1 and sets ``errno`` where it fails.

    Args:
        name: Its name, for example ``prctl``.
        arguments: Integers, passed as ``unsigned long``, and buffers, by their address.

    Raises:
        OSError: It fails, or this system has no such function (``ENOSYS``).
    """
    try:
        function = _LIBRARY[name]
    except AttributeError:
        raise OSError(errno.ENOSYS, f"this system has no {name}") from None
    words = (ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments)
    result: int = function(*words)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
