"""Looking for rows of the audit chain, newest first, in a bounded number of steps.

Only the number and the subject of a row are indexed: each index would make every transaction that
writes a row slower. So what else is asked is looked for in a window of rows at a time, and whoever
asks is told how far that went.
"""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store.audit import Row
from tidegate.store.clock import HOUR
from tidegate.store.tables import audit, audit_head

WINDOW = 50_000
"""Rows that are looked through at a time."""


class Wanted(Value, frozen=True, kw_only=True):
    """What to look for; ``None`` is any.

    Attributes:
        actor: Who did it.
        action: What was done: the name of an action, or what it begins with, up to a dot.
        subject: What it was done to.
        since: At this time or later, in microseconds.
        until: Before this time.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: int | None = None
    until: int | None = None


class Found(NamedTuple):
    """What was found.

    Attributes:
        rows: Newest first.
        cursor: Where to go on, a row's number: those before it were not looked at. ``None``:
            there is nothing more.
        looked: How many rows were looked through at most.
    """

    rows: list[Row]
    cursor: int | None
    looked: int


def search(
    connection: Connection, wanted: Wanted, *, before: int | None = None, limit: int
) -> Found:
    """Return rows, newest first.

    Args:
        connection: To read by.
        wanted: What to look for.
        before: Only rows with a smaller number: the cursor of the page before.
        limit: How many at most.
    """
    first, last = _between(connection, wanted)
    last = last if before is None else min(last, before - 1)
    # A subject has an index: there is no end of a window to stop at.
    start = first if wanted.subject is not None else max(first, last - WINDOW + 1)
    query = (
        sa.select(audit)
        .where(audit.c.seq.between(start, last), *_conditions(wanted))
        .order_by(audit.c.seq.desc())
        .limit(limit + 1)
    )
    rows = [Row(**row) for row in connection.execute(query).mappings()]
    if len(rows) > limit:
        cursor = rows[limit - 1].seq
        return Found(rows[:limit], cursor, last - cursor + 1)
    return Found(rows, start if start > first else None, max(0, last - start + 1))


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.actor is not None:
        found.append(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        beneath = audit.c.action.startswith(f"{wanted.action}.", autoescape=True)
        found.append(sa.or_(audit.c.action == wanted.action, beneath))
    if wanted.subject is not None:
        found.append(audit.c.subject == wanted.subject)
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    return found


def _between(connection: Connection, wanted: Wanted) -> tuple[int, int]:
    """Return the numbers of the first and the last row that may be of the time."""
    head = connection.execute(sa.select(audit_head.c.seq)).scalar() or 0
    # Rows are numbered when they are committed, and carry the time before: nearly in order.
    first = 1 if wanted.since is None else _first_at(connection, wanted.since - HOUR, head)
    last = head if wanted.until is None else _first_at(connection, wanted.until + HOUR, head) - 1
    return first, last


def _first_at(connection: Connection, at: int, head: int) -> int:
    """Return the number of the first row at a time or later, by halving; beyond the last if none.

    A row that is missing, which must not be, counts as one that is earlier.
    """
    low, high = 1, head + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(sa.select(audit.c.at).where(audit.c.seq == middle)).scalar()
        if found is not None and found >= at:
            high = middle
        else:
            low = middle + 1
    return low
