"""Time in the store: whole microseconds since 1970, UTC.

One number sorts, compares and travels the same in SQLite, Postgres, Python and JSON. No
function of the store asks what time it is: it is told, so that a test decides. Machines
that share a database keep their clocks together to within a second (NTP); where they do
not, a lease is shorter or longer by the difference, and nothing else goes wrong.
"""

import time
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_START = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Return the present in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def span(seconds: float) -> int:
    """Return a length of time in microseconds, to the nearest one."""
    return round(seconds * SECOND)


def text(at: int) -> str:
    """Return a time as ISO 8601 in UTC with microseconds, for example in an API's answer."""
    return (_START + timedelta(microseconds=at)).isoformat(timespec="microseconds")


def parse(written: str) -> int:
    """Return the microseconds of an ISO 8601 time that says its time zone.

    Raises:
        ValueError: It is none, or says no time zone.
    """
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError(f"{written[:80]!r} says no time zone")
    return (found - _START) // timedelta(microseconds=1)
