"""What was found in an item, as the JSON of its evidence: of now, not of its history."""

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.items import Item
from tidegate.store.tables import contents, decisions


def findings(connection: Connection, item: Item) -> list[str]:
    """Return what counts of what was found in an item, each as JSON of evidence.

    That is what the decision in force rests on; what the machine that looked last has found; and
    what was found since in the same bytes, for another item. What was undone since is not in it:
    then the machine has decided again.
    """
    ours, theirs = decisions.c, contents.c
    same = sa.and_(theirs.sha256 == ours.sha256, theirs.pipeline == ours.pipeline)
    held = sa.func.coalesce(ours.evidence, theirs.evidence)
    of_item = sa.select(held, ours.created_at).select_from(decisions.outerjoin(contents, same))
    last = of_item.where(ours.item == item.id, ours.origin == "machine")
    looked = connection.execute(last.order_by(ours.number.desc()).limit(1)).first()
    in_force = connection.execute(of_item.where(ours.id == item.decision)).first()
    newer = sa.select(theirs.evidence).where(
        theirs.sha256 == item.sha256, theirs.created_at >= (looked.created_at if looked else 0)
    )
    known = connection.execute(newer.order_by(theirs.created_at.desc()).limit(1)).first()
    texts = [row[0] for row in (in_force, looked, known) if row is not None]
    return list(dict.fromkeys(text for text in texts if text is not None))
