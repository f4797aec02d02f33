"""To whom messages wait, and since when: a few steps down an index, however many they are."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection


class Waiting(NamedTuple):
    """A target with messages that wait.

    Attributes:
        target: Which.
        due_at: When the first of them may be sent. It may wait for another one of its item.
    """

    target: str
    due_at: int


def targets(connection: Connection) -> list[Waiting]:
    """Return the targets with messages that wait, in the order of their names."""
    found: list[Waiting] = []
    first = _NEXT[connection.dialect.name]
    while True:
        row = connection.execute(first, {"last": found[-1].target if found else ""}).first()
        if row is None:
            return found
        found.append(Waiting(row.target, row.due_at))


def _next(table: str) -> sa.Select[str, int]:
    target, due_at = sa.column("target", sa.Text), sa.column("due_at", sa.BigInteger)
    query = sa.select(target, due_at).select_from(sa.text(table))
    query = query.where(sa.text("state = 'waiting'"), target > sa.bindparam("last"))
    return query.order_by(target, due_at).limit(1)


# Made once: it is asked all the time. SQLite would rather sort all that waits, at each step: it is
# told by which index to go.
_NEXT = {"sqlite": _next("outbox INDEXED BY outbox_due"), "postgresql": _next("outbox")}
