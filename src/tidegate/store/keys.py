"""API keys: what may be known of them. The key itself is in no row, only its digest."""

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit, ids
from tidegate.store.error import MissingError, StateError
from tidegate.store.tables import keys
from tidegate.store.text import check

# Every request by key asks this.
_NAMED = sa.select(keys).where(keys.c.prefix == sa.bindparam("named"))


class Key(Value, frozen=True, kw_only=True):
    """An API key.

    Attributes:
        id: Its id.
        name: What it is for, in words.
        prefix: The part of it that names it, visible to all.
        line: Id of the first of the keys that were exchanged for one another up to this one.
        scopes: What it may do, sorted.
        role: The least role that may do all this.
        author: Who made it, ``user:ID`` or ``key:ID``.
        created_at: When it was made.
        used_at: When it was last used, to a minute; ``None``: never.
        expires_at: When it ends by itself; ``None``: never.
        revoked_at: When it was revoked; ``None``: it was not.
    """

    id: str
    name: str
    prefix: str
    line: str
    scopes: tuple[str, ...]
    role: str
    author: str
    created_at: int
    used_at: int | None = None
    expires_at: int | None = None
    revoked_at: int | None = None

    def valid(self, now: int) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(
    connection: Connection,
    *,
    name: str,
    prefix: str,
    digest: str,
    scopes: Iterable[str],
    role: str,
    author: str,
    now: int,
    expires_at: int | None = None,
    line: str | None = None,
    reason: str = "",
) -> Key:
    """Keep a new key.

    Args:
        connection: Of the transaction.
        name: What it is for.
        prefix: The part of it that names it.
        digest: Of the whole key.
        scopes: What it may do.
        role: The least role that may do all this.
        author: Who makes it.
        now: The present.
        expires_at: When it ends by itself.
        line: That of the key which it is exchanged for, or ``None``: it begins one.
        reason: Why.

    Raises:
        InvalidError: The name is empty or too long.
    """
    check("name", name, 200)
    made = ids.new()
    key = Key(
        id=made,
        name=name,
        prefix=prefix,
        line=line or made,
        scopes=tuple(sorted(scopes)),
        role=role,
        author=author,
        created_at=now,
        expires_at=expires_at,
    )
    columns = {field: getattr(key, field) for field in Key.__struct_fields__}
    columns |= {"digest": digest, "scopes": msgspec.json.encode(key.scopes).decode()}
    connection.execute(sa.insert(keys).values(columns))
    body = {"name": name, "prefix": prefix, "scopes": list(key.scopes), "expires_at": expires_at}
    _tell(connection, "key.create", key.id, author, reason, now, body)
    return key


def by_prefix(connection: Connection, prefix: str) -> tuple[Key, str] | None:
    """Return the key that is named so, and its digest."""
    row = connection.execute(_NAMED, {"named": prefix}).one_or_none()
    return None if row is None else (_key(row), row.digest)


def get(connection: Connection, key: str) -> Key | None:
    """Return a key."""
    row = connection.execute(sa.select(keys).where(keys.c.id == key)).one_or_none()
    return None if row is None else _key(row)


def page(connection: Connection, *, after: str | None, limit: int) -> list[Key]:
    """Return keys, newest first.

    Args:
        connection: To read by.
        after: Id of the last one on the page before.
        limit: How many at most.
    """
    query = sa.select(keys).order_by(keys.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(keys.c.id < after)
    return [_key(row) for row in connection.execute(query)]


def used(connection: Connection, key: str, now: int) -> None:
    """Note that a key was used."""
    connection.execute(sa.update(keys).where(keys.c.id == key).values(used_at=now))


def expire(connection: Connection, key: str, *, at: int, actor: str, reason: str, now: int) -> None:
    """Have a key end at a time, or when it would have ended before that.

    Raises:
        MissingError: There is none.
        StateError: It does not open anything any more.
    """
    found = _held(connection, key, now)
    until = at if found.expires_at is None else min(at, found.expires_at)
    connection.execute(sa.update(keys).where(keys.c.id == key).values(expires_at=until))
    _tell(connection, "key.expire", key, actor, reason, now, {"expires_at": until})


def revoke(connection: Connection, key: str, *, actor: str, reason: str, now: int) -> None:
    """Have a key open nothing from now on.

    Raises:
        MissingError: There is none.
        StateError: It does not open anything any more.
    """
    found = _held(connection, key, now)
    connection.execute(sa.update(keys).where(keys.c.id == key).values(revoked_at=now))
    _tell(connection, "key.revoke", key, actor, reason, now, {"prefix": found.prefix})


def _held(connection: Connection, key: str, now: int) -> Key:
    query = sa.select(keys).where(keys.c.id == key).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise MissingError("there is no such key")
    found = _key(row)
    if not found.valid(now):
        raise StateError("the key has ended already")
    return found


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    columns = {field: getattr(row, field) for field in Key.__struct_fields__}
    columns["scopes"] = msgspec.json.decode(columns["scopes"], type=tuple[str, ...])
    return Key(**columns)


def _tell(
    connection: Connection,
    action: str,
    key: str,
    actor: str,
    reason: str,
    now: int,
    body: dict[str, Any],
) -> None:
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=f"key:{key}",
        body=body,
        now=now,
        reason=reason,
    )
