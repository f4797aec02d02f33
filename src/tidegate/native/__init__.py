"""The native library: PDQ and the Hamming index in C, where a compiler was at hand.

Without it NumPy does the same work more slowly, with the same results, bit for bit. It is
a plain shared library, so one build serves every Python, and calls release the GIL.
"""

import ctypes
import os
from functools import cache

from tidegate.native.build import LIBRARY, fingerprint

LEVELS = ("baseline", "AVX2", "AVX-512")
"""What the library can make use of, by the numbers of ``cpu.h``."""

SWITCH = "TIDEGATE_NATIVE"
"""Environment variable; ``0`` says to do without the library."""


def library() -> ctypes.CDLL | None:
    """Return the library, or ``None`` where NumPy has to do; :func:`describe` says why."""
    return _load()[0]


def describe() -> str:
    """Say in words which path is in use, and why."""
    return _load()[1]


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    if os.environ.get(SWITCH) == "0":
        return None, f"NumPy: switched off by {SWITCH}=0"
    if not LIBRARY.exists():
        return None, "NumPy: no native library was built when Tidegate was installed"
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.tg_sources.restype = ctypes.c_uint32
        if found.tg_sources() != fingerprint():
            return None, "NumPy: the native library is not that of this version; install again"
    except (OSError, AttributeError) as error:
        return None, f"NumPy: the native library cannot be used: {error}"
    return found, f"native, {LEVELS[found.tg_level()]}"
