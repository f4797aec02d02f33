"""Ids that sort by when they were made: UUID version 7 (RFC 9562, section 5.7).

48 bits of milliseconds, then 74 random bits. Within a process each id is larger than the
one before, as the RFC's method 2 has it: within a millisecond, or when the clock steps
back, the random bits are counted up by a random step.
"""

import secrets
import threading
import time
import uuid

_RANDOM = 74
_STEP = 32
"""Bits of the random step, so that the next id cannot be guessed from one."""

_lock = threading.Lock()
_last = 0


def new() -> str:
    """Return a new id: 36 lower-case characters. Safe to call from any thread."""
    global _last
    fresh = (time.time_ns() // 1_000_000) << _RANDOM | secrets.randbits(_RANDOM - 1)
    with _lock:
        if fresh >> _RANDOM <= _last >> _RANDOM:
            fresh = _last + 1 + secrets.randbits(_STEP)
        _last = fresh
    return str(uuid.UUID(int=_laid_out(fresh)))


def _laid_out(number: int) -> int:
    """Put the version and the variant between the 122 bits, where RFC 9562 wants them."""
    millis, high, low = number >> _RANDOM, number >> 62 & 0xFFF, number & (1 << 62) - 1
    return millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
