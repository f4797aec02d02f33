"""People who work here: their names, roles and the hashes of their passwords."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit, ids, sessions
from tidegate.store.error import ConflictError, MissingError, StateError
from tidegate.store.tables import users
from tidegate.store.text import check
from tidegate.store.upsert import insert_new


class User(Value, frozen=True, kw_only=True):
    """Somebody who works here.

    Attributes:
        id: Their id.
        name: What they log in with.
        email: Where mail reaches them, or ``None``.
        role: What they may do.
        version: One more with each change.
        created_at: When they were made.
        disabled_at: When they were disabled; ``None``: they were not.
    """

    id: str
    name: str
    email: str | None
    role: str
    version: int
    created_at: int
    disabled_at: int | None = None


def add(
    connection: Connection,
    *,
    name: str,
    role: str,
    password: str,
    actor: str | None,
    now: int,
    email: str | None = None,
    reason: str = "",
) -> User:
    """Make a user.

    Args:
        connection: To write by.
        name: What they log in with.
        role: What they may do.
        password: Hash of their password.
        actor: Who makes them; ``None``: they do so themselves.
        now: The present.
        email: Where mail reaches them.
        reason: Why.

    Raises:
        ConflictError: There is one of this name, in whatever case.
        InvalidError: The name or the address is empty or too long.
    """
    check("name", name, 200)
    if email is not None:
        check("email", email, 320)
    # Nobody is to be taken for somebody else: Ada for ada.
    lock(connection)
    alike = sa.select(users.c.id).where(sa.func.lower(users.c.name) == sa.func.lower(name))
    if connection.execute(alike.limit(1)).first() is not None:
        raise ConflictError("there is a user of this name")
    user = User(id=ids.new(), name=name, email=email, role=role, version=1, created_at=now)
    columns = {field: getattr(user, field) for field in User.__struct_fields__}
    if not insert_new(connection, users, columns | {"password": password}, key=["name"]):
        raise ConflictError("there is a user of this name")
    _tell(connection, "user.create", user.id, actor, reason, now, {"name": name, "role": role})
    return user


def lock(connection: Connection) -> None:
    """Let nobody else change users until this transaction ends.

    For what is true of all of them together: that there is an admin, or that there is none.
    """
    if connection.dialect.name == "postgresql":  # In SQLite there is one writer at a time.
        connection.exec_driver_sql("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")


def has_admin(connection: Connection) -> bool:
    """Return whether anybody can log in who may do everything."""
    return _admins(connection) > 0


def by_name(
    connection: Connection, name: str, *, hold: bool = False
) -> tuple[User, str | None] | None:
    """Return the user of a name and the hash of their password.

    Args:
        connection: To read by.
        name: What they log in with.
        hold: Let nobody change them until the transaction ends.
    """
    query = sa.select(users).where(users.c.name == name)
    row = connection.execute(query.with_for_update() if hold else query).one_or_none()
    return None if row is None else (_user(row), row.password)


def get(connection: Connection, user: str) -> User | None:
    """Return a user."""
    row = connection.execute(sa.select(users).where(users.c.id == user)).one_or_none()
    return None if row is None else _user(row)


def page(connection: Connection, *, after: str | None, limit: int) -> list[User]:
    """Return users, newest first.

    Args:
        connection: To read by.
        after: Id of the last one on the page before.
        limit: How many at most.
    """
    query = sa.select(users).order_by(users.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(users.c.id < after)
    return [_user(row) for row in connection.execute(query)]


def set_role(
    connection: Connection, user: str, role: str, *, actor: str, reason: str, now: int
) -> User:
    """Give a user another role, and end their sessions.

    Raises:
        MissingError: There is none.
        StateError: They are disabled, or the last admin.
    """
    lock(connection)
    found = _held(connection, user)
    if role != "admin":
        _keep_one_admin(connection, found)
    body = {"from": found.role, "to": role}
    return _change(connection, found, "user.role", actor, reason, now, body, role=role)


def set_password(
    connection: Connection, user: str, password: str, *, actor: str, reason: str, now: int
) -> User:
    """Give a user another password, by its hash, and end their sessions.

    Raises:
        MissingError: There is none.
        StateError: They are disabled.
    """
    found = _held(connection, user)
    return _change(connection, found, "user.password", actor, reason, now, {}, password=password)


def rehash(connection: Connection, user: str, password: str) -> None:
    """Keep another hash of the same password: nothing has changed for anybody."""
    connection.execute(sa.update(users).where(users.c.id == user).values(password=password))


def disable(connection: Connection, user: str, *, actor: str, reason: str, now: int) -> User:
    """Let a user log in no more, and end their sessions. Their name stays theirs.

    Raises:
        MissingError: There is none.
        StateError: They are disabled, or the last admin.
    """
    lock(connection)
    found = _held(connection, user)
    _keep_one_admin(connection, found)
    return _change(connection, found, "user.disable", actor, reason, now, {}, disabled_at=now)


def _held(connection: Connection, user: str) -> User:
    query = sa.select(users).where(users.c.id == user).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise MissingError("there is no such user")
    if row.disabled_at is not None:
        raise StateError("the user is disabled")
    return _user(row)


def _admins(connection: Connection) -> int:
    query = sa.select(sa.func.count()).select_from(users)
    query = query.where(users.c.role == "admin", users.c.disabled_at.is_(None))
    return connection.execute(query).scalar_one()


def _keep_one_admin(connection: Connection, user: User) -> None:
    if user.role == "admin" and _admins(connection) == 1:
        raise StateError("this is the last admin: make another one before")


def _change(
    connection: Connection,
    user: User,
    action: str,
    actor: str,
    reason: str,
    now: int,
    body: dict[str, Any],
    **values: object,
) -> User:
    change = sa.update(users).where(users.c.id == user.id).returning(users)
    row = connection.execute(change.values(version=user.version + 1, **values)).one()
    ended = sessions.end_all(connection, user.id, now=now)
    _tell(connection, action, user.id, actor, reason, now, {**body, "sessions_ended": ended})
    return _user(row)


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(**{field: getattr(row, field) for field in User.__struct_fields__})


def _tell(
    connection: Connection,
    action: str,
    user: str,
    actor: str | None,
    reason: str,
    now: int,
    body: dict[str, Any],
) -> None:
    audit.append(
        connection,
        actor=actor or f"user:{user}",
        action=action,
        subject=f"user:{user}",
        body=body,
        now=now,
        reason=reason,
    )
