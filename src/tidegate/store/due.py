"""When there is work: asked before a lease is tried, for asking costs no writing."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.tables import jobs


def due_at(connection: Connection, kinds: Collection[str]) -> int | None:
    """Return since when, or from when on, the first job of these kinds that waits is due.

    ``None`` where none waits. It may be one that cannot be leased yet, because another job of
    its item is.
    """
    first = sa.select(sa.func.min(jobs.c.run_at)).where(jobs.c.state == "ready")
    found = [connection.execute(first.where(jobs.c.kind == kind)).scalar() for kind in kinds]
    return min((at for at in found if at is not None), default=None)
