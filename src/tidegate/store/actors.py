"""Who somebody is, in words: the name of ``user:ID`` or ``key:ID``."""

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.tables import keys, users


def name(connection: Connection, actor: str) -> str:
    """Return what a person or a key is called; of anybody else, and of nobody known, the actor."""
    kind, _, of = actor.partition(":")
    table = {"user": users, "key": keys}.get(kind)
    if table is None:
        return actor
    found = connection.execute(sa.select(table.c.name).where(table.c.id == of)).scalar()
    return actor if found is None else str(found)
