"""What somebody has seen unblurred, by day and category: for themselves alone.

No function here reads the rows of two people, nothing of it is in the audit chain, and nothing
else in the store reads this table.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store.casetables import exposure
from tidegate.store.clock import DAY, SECOND
from tidegate.store.upsert import insert_new

MOST_AT_ONCE = 30 * SECOND
"""A page tells what was seen every few seconds: nobody has seen more since it last did."""


class Seen(Value, frozen=True, kw_only=True):
    """What was seen of a category on a day.

    Attributes:
        day: Days since 1970, UTC.
        category: Of the taxonomy, or empty where a case is of no single one.
        micros: How long, in microseconds.
    """

    day: int
    category: str
    micros: int


def day(now: int) -> int:
    """Return the day of a time: days since 1970, UTC."""
    return now // DAY


def book(connection: Connection, user: str, category: str, micros: int, *, now: int) -> int:
    """Add to what somebody has seen today.

    What their page tells is believed as far as it can be: no more than has passed since it told
    the last time, in whatever window.

    Args:
        connection: Of the transaction.
        user: Who has seen it.
        category: Of what.
        micros: How long, as the page says.
        now: The present.

    Returns:
        How much was added.
    """
    rows = exposure.c
    today = day(now)
    key = {"user": user, "day": today, "category": category}
    # The row is there and locked before it is added to: two windows do not lose each other's.
    insert_new(
        connection, exposure, key | {"micros": 0, "booked_at": 0}, key=["user", "day", "category"]
    )
    mine = sa.select(rows.booked_at).where(rows.user == user, rows.day == today)
    last: int = max(connection.execute(mine.order_by(rows.category).with_for_update()).scalars())
    added = max(0, min(micros, MOST_AT_ONCE, now - last))
    if added:
        query = sa.update(exposure).filter_by(**key)
        connection.execute(query.values(micros=rows.micros + added, booked_at=now))
    return added


def today(connection: Connection, user: str, *, now: int) -> int:
    """Return how long somebody has seen anything today, in microseconds."""
    query = sa.select(sa.func.coalesce(sa.func.sum(exposure.c.micros), 0))
    query = query.filter_by(user=user, day=day(now))
    return int(connection.execute(query).scalar_one())


def ledger(connection: Connection, user: str, *, since: int) -> list[Seen]:
    """Return what somebody has seen from a day on, the newest day first."""
    rows = exposure.c
    query = sa.select(rows.day, rows.category, rows.micros)
    query = query.where(rows.user == user, rows.day >= since, rows.micros > 0)
    query = query.order_by(rows.day.desc(), rows.micros.desc(), rows.category)
    return [Seen(**row) for row in connection.execute(query).mappings()]


def forget(connection: Connection, user: str, *, now: int) -> None:
    """Delete what somebody has seen before today; a limit for today holds what it holds."""
    rows = exposure.c
    connection.execute(sa.delete(exposure).where(rows.user == user, rows.day < day(now)))
