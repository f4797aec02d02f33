"""What the breakers of policies count: a row for each decision and what it counts as.

The counts are exact with any number of workers: whoever asks how far a counter is keeps it
for itself until its transaction ends.
"""

import hashlib
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.tables import breaker_counts


def counts(
    connection: Connection, policy: str, counters: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    """Return how far counters are, and lock them until the transaction ends.

    Args:
        connection: Of the transaction.
        policy: Id of the policy, whatever its version.
        counters: For each counter, a breaker's id and what it counts, the time since when.
    """
    _lock(connection, policy, counters)
    found = {}
    for (breaker, key), since in counters.items():
        query = (
            sa.select(sa.func.count())
            .select_from(breaker_counts)
            .filter_by(policy=policy, breaker=breaker, key=key)
            .where(breaker_counts.c.created_at > since)
        )
        found[breaker, key] = connection.execute(query).scalar_one()
    return found


def add(
    connection: Connection,
    policy: str,
    counters: Collection[tuple[str, str]],
    *,
    decision: str,
    now: int,
) -> None:
    """Count a decision, in the transaction that records it."""
    rows = [
        {"policy": policy, "breaker": breaker, "key": key, "decision": decision, "created_at": now}
        for breaker, key in counters
    ]
    if rows:
        connection.execute(sa.insert(breaker_counts), rows)


def purge(connection: Connection, before: int) -> int:
    """Forget what was counted before a time; return how many."""
    query = sa.delete(breaker_counts).where(breaker_counts.c.created_at < before)
    return connection.execute(query).rowcount


def _lock(connection: Connection, policy: str, counters: Collection[tuple[str, str]]) -> None:
    """Have these counters alone. SQLite needs no lock: there is one writer."""
    if connection.dialect.name == "sqlite":
        return
    names = ("\0".join((policy, *counter)).encode() for counter in counters)
    numbers = {int.from_bytes(hashlib.sha256(n).digest()[:8], signed=True) for n in names}
    # In one order for all, so that no two wait for each other.
    for number in sorted(numbers):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
