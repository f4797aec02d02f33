"""Which media items name: a file that none does may go."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.tables import items


def named(connection: Connection, sha256: str) -> bool:
    """Return whether an item needs the bytes with a digest in the data folder.

    Those of a deleted item are not needed, and those of a stored object lie elsewhere.
    """
    needing = sa.select(items.c.id).where(
        items.c.sha256 == sha256, items.c.state != "deleted", items.c.source != "object"
    )
    return connection.execute(needing.limit(1)).first() is not None


def quarantined_among(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return which of these are digests of the bytes of a quarantined item."""
    query = sa.select(items.c.sha256).where(
        items.c.sha256.in_(digests), items.c.action == "quarantine"
    )
    return set(connection.execute(query.distinct()).scalars())


def quarantined(connection: Connection, sha256: str) -> bool:
    """Return whether an item with these bytes is quarantined, whatever others with them are."""
    query = sa.select(items.c.id).where(items.c.sha256 == sha256, items.c.action == "quarantine")
    return connection.execute(query.limit(1)).first() is not None
