"""Policies: every version that was ever added, and which of them was in force when."""

import hashlib
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit, ids
from tidegate.store.error import MissingError, StateError
from tidegate.store.tables import policies, policy_activations
from tidegate.store.text import check
from tidegate.store.upsert import insert_new

LARGEST = 1 << 17
"""Characters of a policy at most: reading YAML takes long, and what we ship has under 4,000."""


class New(Value, frozen=True, kw_only=True):
    """A policy to be kept. Whoever makes one has checked that it loads.

    Attributes:
        policy: The name that it gives itself.
        source: Its text.
    """

    policy: str
    source: str


class Version(New, frozen=True, kw_only=True):
    """A version of the record.

    Attributes:
        id: Its id.
        sha256: Digest of its text.
        author: Who added it.
        reason: Why, in words.
        created_at: When.
    """

    id: str
    sha256: str
    author: str
    reason: str
    created_at: int


class Activation(Value, frozen=True, kw_only=True):
    """That a version was put in force.

    Attributes:
        number: 1 for the first, and one more for each. It tells whether anything has changed.
        policy: The id of the version.
        author: Who did it.
        reason: Why, in words.
        created_at: When.
    """

    number: int
    policy: str
    author: str
    reason: str
    created_at: int


class Active(NamedTuple):
    """The policy in force.

    Attributes:
        source: Its text.
        version: The id of the version.
    """

    source: str
    version: str


def add(connection: Connection, new: New, *, actor: str, reason: str, now: int) -> Version:
    """Keep a version, once: the same text is the same version. It is not in force by that.

    Raises:
        InvalidError: A text is too long.
    """
    check("policy", new.policy, 200)
    check("source", new.source, LARGEST)
    check("reason", reason, 2000, empty=True)
    sha256 = hashlib.sha256(new.source.encode()).hexdigest()
    version = ids.new()
    values = {
        "id": version,
        "policy": new.policy,
        "sha256": sha256,
        "source": new.source,
        "author": actor,
        "reason": reason,
        "created_at": now,
    }
    if insert_new(connection, policies, values, key=["sha256"]):
        body = {"policy": new.policy, "sha256": sha256}
        audit.append(
            connection,
            actor=actor,
            action="policy.add",
            subject=f"policy:{version}",
            body=body,
            reason=reason,
            now=now,
        )
    found = connection.execute(sa.select(policies).where(policies.c.sha256 == sha256))
    return Version(**found.mappings().one())


def activate(
    connection: Connection, version: str, *, actor: str, reason: str, now: int
) -> Activation:
    """Put a version in force.

    Raises:
        InvalidError: The reason is too long.
        MissingError: There is no such version.
        StateError: It is in force already.
    """
    check("reason", reason, 2000, empty=True)
    need(connection, version)
    last = _last(connection)
    if last is not None and last.policy == version:
        raise StateError(f"policy {version} is in force already")
    made = Activation(
        number=1 if last is None else last.number + 1,
        policy=version,
        author=actor,
        reason=reason,
        created_at=now,
    )
    values = {name: getattr(made, name) for name in Activation.__struct_fields__}
    try:
        # Of two that do so at once, one has the number; the other is told.
        connection.execute(sa.insert(policy_activations).values(values))
    except sa.exc.IntegrityError:
        raise StateError("another policy was put in force meanwhile") from None
    audit.append(
        connection,
        actor=actor,
        action="policy.activate",
        subject=f"policy:{version}",
        body={"number": made.number, "before": None if last is None else last.policy},
        reason=reason,
        now=now,
    )
    return made


def previous(connection: Connection) -> Version:
    """Return the version that was in force before the present one.

    Going back twice goes two steps back, not to and fro: what came after a version that is in
    force again is no step.

    Raises:
        StateError: There was none before.
    """
    trail: list[str] = []
    for each in reversed(activations(connection, limit=10_000)):
        if each.policy in trail:
            del trail[trail.index(each.policy) :]
        trail.append(each.policy)
    if len(trail) < 2:
        raise StateError("there is no policy to go back to")
    return need(connection, trail[-2])


def number(connection: Connection) -> int:
    """Return the number of the last activation, 0 where there was none: whether to look anew."""
    found = connection.execute(sa.select(sa.func.max(policy_activations.c.number))).scalar()
    return found or 0


def in_force(connection: Connection) -> str | None:
    """Return the id of the policy in force, ``None`` where there is none yet."""
    return connection.execute(_IN_FORCE).scalar()


def begin(connection: Connection, new: New, *, now: int) -> None:
    """Put a policy in force where none ever was, as the first start does."""
    if _last(connection) is None:
        version = add(connection, new, actor="system", reason="the first start", now=now)
        activate(connection, version.id, actor="system", reason="the first start", now=now)


def active(connection: Connection) -> Active:
    """Return the policy in force.

    Raises:
        MissingError: None ever was.
    """
    last = _last(connection)
    if last is None:
        raise MissingError("no policy is in force yet")
    query = sa.select(policies.c.source).where(policies.c.id == last.policy)
    return Active(connection.execute(query).scalar_one(), last.policy)


def need(connection: Connection, version: str) -> Version:
    """Return a version.

    Raises:
        MissingError: There is none.
    """
    query = sa.select(policies).where(policies.c.id == version)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise MissingError(f"there is no policy {version:.40}")
    return Version(**row)


def listed(connection: Connection, *, limit: int, before: str | None = None) -> list[Version]:
    """Return versions, newest first; those before a version, the last of the page before."""
    query = sa.select(policies).order_by(policies.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(policies.c.id < before)
    return [Version(**row) for row in connection.execute(query).mappings()]


def activations(connection: Connection, *, limit: int) -> list[Activation]:
    """Return what was put in force, newest first."""
    query = sa.select(policy_activations).order_by(policy_activations.c.number.desc())
    rows = connection.execute(query.limit(limit)).mappings()
    return [Activation(**row) for row in rows]


# Made once: workers ask for each item.
_IN_FORCE = (
    sa.select(policy_activations.c.policy).order_by(policy_activations.c.number.desc()).limit(1)
)


def _last(connection: Connection) -> Activation | None:
    found: list[Activation] = activations(connection, limit=1)
    return found[0] if found else None
