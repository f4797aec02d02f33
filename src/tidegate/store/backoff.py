"""How long to wait before trying again: twice as long each time, never all at once."""

import hashlib

from tidegate.store.clock import span


def delay(attempts: int, *, first: float, longest: float, jitter: float) -> int:
    """Return microseconds to wait after a number of attempts that failed.

    Args:
        attempts: How many failed, 1 or more.
        first: Seconds to wait after the first, at most.
        longest: Seconds to wait ever.
        jitter: In [0, 1): how much of the second half of the time is waited. Spread over
            jobs, it keeps what failed together from coming back together.
    """
    whole = min(first * 2.0 ** min(attempts - 1, 60), longest)
    return span(whole * (0.5 + jitter / 2))


def jitter_of(name: str, attempts: int) -> float:
    """Return a jitter in [0, 1) that differs by job and attempt, and is the same each time."""
    digest = hashlib.sha256(f"{name}:{attempts}".encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)
