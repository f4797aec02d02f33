"""One effect for one key, however often a client sends the request."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.error import ConflictError
from tidegate.store.tables import idempotency as table
from tidegate.store.text import check
from tidegate.store.upsert import insert_new

LONGEST_KEY = 255
"""Characters of a key at most."""


class Claim(NamedTuple):
    """What a request claims to be.

    Attributes:
        scope: Whose keys these are: a user, or an API key and those that it was exchanged for.
            Keys of others do not meet.
        key: The ``Idempotency-Key``, 1 to 255 characters.
        request: Digest of all that the request asks for.
    """

    scope: str
    key: str
    request: str


def claim(connection: Connection, claimed: Claim, result: str, *, now: int) -> str | None:
    """Claim a key in the transaction that does what was asked.

    Args:
        connection: Of the transaction.
        claimed: The key.
        result: What a later request with the same key is told, for example an item's id.
        now: The present.

    Returns:
        ``None`` where the key is new: go on. Otherwise what the first request came to:
        do nothing, and answer that.

    Raises:
        ConflictError: The key was used for another request.
        InvalidError: The key is empty or too long.
    """
    check("Idempotency-Key", claimed.key, LONGEST_KEY)
    values = {**claimed._asdict(), "result": result, "created_at": now}
    if insert_new(connection, table, values, key=["scope", "key"]):
        return None
    query = sa.select(table.c.request, table.c.result).where(
        table.c.scope == claimed.scope, table.c.key == claimed.key
    )
    first = connection.execute(query).one()
    if first.request != claimed.request:
        raise ConflictError("this Idempotency-Key was used for another request")
    told: str = first.result
    return told


def purge(connection: Connection, before: int) -> int:
    """Forget keys that were claimed before a time; return how many."""
    return connection.execute(sa.delete(table).where(table.c.created_at < before)).rowcount
