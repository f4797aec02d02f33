"""Logins that are open: a browser's cookie, by its digest, and whose it is."""

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.clock import HOUR
from tidegate.store.tables import sessions, users

LIFETIME = 12 * HOUR
"""How long a session lives, however much it is used."""

IDLE = 2 * HOUR
"""How long it lives without being used."""


class Session(NamedTuple):
    """A session that is good, and whose it is.

    Attributes:
        digest: Of the cookie's value.
        csrf: What a request that changes something has to show besides.
        seen_at: When it was last used, to a minute.
        expires_at: When it ends, whatever happens.
        user: Id of whose it is.
        name: Their name.
        role: Their role, as it is now.
    """

    digest: str
    csrf: str
    seen_at: int
    expires_at: int
    user: str
    name: str
    role: str


class Open(NamedTuple):
    """A session of somebody, as they are shown it.

    Attributes:
        digest: Of the cookie's value.
        created_at: When they logged in.
        seen_at: When it was last used, to a minute.
        expires_at: When it ends, whatever happens.
    """

    digest: str
    created_at: int
    seen_at: int
    expires_at: int


def start(connection: Connection, *, digest: str, user: str, csrf: str, now: int) -> int:
    """Open a session, and forget those that have ended.

    Returns:
        When it ends, whatever happens.
    """
    connection.execute(sa.delete(sessions).where(sessions.c.expires_at < now))
    row = {"digest": digest, "user": user, "csrf": csrf, "created_at": now, "seen_at": now}
    connection.execute(sa.insert(sessions).values(**row, expires_at=now + LIFETIME))
    return now + LIFETIME


def find(connection: Connection, digest: str, *, now: int) -> Session | None:
    """Return the session of a cookie, where it is good: neither ended nor of somebody disabled."""
    query = (
        sa.select(
            sessions.c.digest,
            sessions.c.csrf,
            sessions.c.seen_at,
            sessions.c.expires_at,
            users.c.id,
            users.c.name,
            users.c.role,
        )
        .join_from(sessions, users, sessions.c.user == users.c.id)
        .where(
            sessions.c.digest == digest,
            *_good(now),
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Session(*row)


def of_user(connection: Connection, user: str, *, now: int) -> list[Open]:
    """Return the sessions of a user that are good, the one that was used last first."""
    query = (
        sa.select(*(sessions.c[name] for name in Open._fields))
        .join_from(sessions, users)
        .where(sessions.c.user == user, *_good(now))
        .order_by(sessions.c.seen_at.desc(), sessions.c.created_at.desc())
    )
    return [Open(*row) for row in connection.execute(query)]


def good(connection: Connection, digests: Collection[str], *, now: int) -> frozenset[str]:
    """Return those of some sessions that are good."""
    wanted = (
        sa.select(sessions.c.digest)
        .join_from(sessions, users)
        .where(sessions.c.digest.in_([*digests]), *_good(now))
    )
    return frozenset(connection.execute(wanted).scalars())


def seen(connection: Connection, digest: str, now: int) -> None:
    """Note that a session was used."""
    connection.execute(sa.update(sessions).where(sessions.c.digest == digest).values(seen_at=now))


def end(connection: Connection, digest: str, *, now: int) -> None:
    """End a session."""
    change = sa.update(sessions).where(sessions.c.digest == digest)
    connection.execute(change.where(sessions.c.revoked_at.is_(None)).values(revoked_at=now))


def end_all(connection: Connection, user: str, *, now: int) -> int:
    """End all sessions of a user, and return how many there were."""
    change = sa.update(sessions).where(
        sessions.c.user == user, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now
    )
    return connection.execute(change.values(revoked_at=now)).rowcount


def _good(now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what holds of a session that is good."""
    return (
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now,
        sessions.c.seen_at > now - IDLE,
        users.c.disabled_at.is_(None),
    )
