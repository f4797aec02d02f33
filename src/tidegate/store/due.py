"""When there is work: asked before a lease is tried, for asking costs no writing."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.jobs import READY
from tidegate.store.tables import jobs


def due_at(connection: Connection, kinds: Collection[str]) -> int | None:
    """Return since when, or from when on, the first job of these kinds that waits is due.

    ``None`` where none waits. It may be one that cannot be leased yet, because another job of
    its item is.
    """
    found = [connection.execute(_FIRST, {"kind": kind}).scalar() for kind in kinds]
    return min((at for at in found if at is not None), default=None)


# Made once: workers ask all the time. It says what the index of jobs that are not done says, or no
# planner knows that this will do.
_FIRST = sa.select(sa.func.min(jobs.c.run_at)).where(
    READY, sa.text("state <> 'done'"), jobs.c.kind == sa.bindparam("kind")
)
