"""What was decided by machines, with all that it takes to decide again; newest first."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action
from tidegate.store.tables import contents, decisions, items


class Replayable(NamedTuple):
    """A machine's decision.

    Attributes:
        id: Its id.
        item: On which item.
        created_at: When it was made.
        facts: What the platform said of the item, JSON.
        decision: What was decided, JSON.
        evidence: What it rests on, JSON; ``None`` where that is not kept.
        answer: What a person has decided of the item since and is in force, or ``None``.
    """

    id: str
    item: str
    created_at: int
    facts: str
    decision: str
    evidence: str | None
    answer: Action | None


def page(
    connection: Connection, *, since: int, after: Replayable | None, limit: int
) -> list[Replayable]:
    """Return decisions of machines, newest first. An item may have several.

    Args:
        connection: To read by.
        since: Those that were made at this time or later, in microseconds.
        after: The last of the page before.
        limit: How many at most.
    """
    query = _QUERY.where(decisions.c.created_at >= since).limit(limit)
    if after is not None:
        place = sa.tuple_(decisions.c.created_at, decisions.c.id)
        query = query.where(place < sa.tuple_(after.created_at, after.id))
    return [Replayable(*row) for row in connection.execute(query)]


_in_force = decisions.alias("in_force")
_same = sa.and_(
    contents.c.sha256 == decisions.c.sha256, contents.c.pipeline == decisions.c.pipeline
)
_by_a_person = sa.and_(_in_force.c.id == items.c.decision, _in_force.c.origin == "reviewer")

_QUERY: sa.Select[Any] = (
    sa.select(
        decisions.c.id,
        decisions.c.item,
        decisions.c.created_at,
        decisions.c.facts,
        decisions.c.decision,
        sa.func.coalesce(decisions.c.evidence, contents.c.evidence),
        _in_force.c.action,
    )
    .select_from(
        decisions.join(items, items.c.id == decisions.c.item)
        .outerjoin(contents, _same)
        .outerjoin(_in_force, _by_a_person)
    )
    .where(decisions.c.origin == "machine")
    .order_by(decisions.c.created_at.desc(), decisions.c.id.desc())
)
