"""Cases that a policy is tried on: one file for each policy, whichever version of it is tried."""

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit
from tidegate.store.error import ConflictError
from tidegate.store.tables import policy_cases
from tidegate.store.text import check
from tidegate.store.upsert import insert_new

LARGEST = 1 << 16
"""Characters of the cases of a policy at most."""


class Cases(Value, frozen=True, kw_only=True):
    """The cases of a policy.

    Attributes:
        policy: The name that it gives itself.
        source: Their text, YAML.
        author: Who changed them last.
        version: Counts their changes.
        changed_at: When they were changed last.
    """

    policy: str
    source: str
    author: str
    version: int
    changed_at: int


def get(connection: Connection, policy: str) -> Cases | None:
    """Return the cases of a policy, or ``None`` where nobody has kept any."""
    query = sa.select(policy_cases).where(policy_cases.c.policy == policy)
    row = connection.execute(query).mappings().first()
    return None if row is None else Cases(**row)


def put(
    connection: Connection,
    policy: str,
    source: str,
    *,
    version: int,
    actor: str,
    reason: str,
    now: int,
) -> Cases:
    """Keep the cases of a policy, in the place of those that are there.

    Args:
        connection: Of the transaction.
        policy: The name that the policy gives itself.
        source: Their text. Whoever keeps it has checked that it loads.
        version: As it was when whoever changes them looked; 0 where there were none.
        actor: Who.
        reason: Why.
        now: The present.

    Raises:
        ConflictError: Somebody has changed them meanwhile.
        InvalidError: A text is too long.
    """
    check("policy", policy, 200)
    check("cases", source, LARGEST, empty=True)
    check("reason", reason, 2000, empty=True)
    none = {"policy": policy, "source": "", "author": actor, "version": 0, "changed_at": now}
    insert_new(connection, policy_cases, none, key=["policy"])
    kept = (
        sa.update(policy_cases)
        .where(policy_cases.c.policy == policy, policy_cases.c.version == version)
        .values(source=source, author=actor, version=version + 1, changed_at=now)
    )
    if not connection.execute(kept).rowcount:
        raise ConflictError("somebody has changed these cases meanwhile: load the page again")
    audit.append(
        connection,
        actor=actor,
        action="policy.cases",
        subject=f"policies:{policy}",
        body={"version": version + 1, "characters": len(source)},
        reason=reason,
        now=now,
    )
    return Cases(policy=policy, source=source, author=actor, version=version + 1, changed_at=now)
