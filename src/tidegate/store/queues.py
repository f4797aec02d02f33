"""Queues of reviewers: how each is worked on, and who works on which.

A queue is there as soon as a case is in it: the policy names it, and four are our own. One that
nobody has settings for is as the defaults say.
"""

from collections.abc import Iterable
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit
from tidegate.store.casetables import queue_settings, user_queues
from tidegate.store.error import ConflictError, InvalidError, MissingError
from tidegate.store.tables import users
from tidegate.store.text import check
from tidegate.store.upsert import insert_new

REVIEW = "review"
"""What the policy wants reviewed, or held, and puts into no queue of its own."""

ESCALATED = "escalated"
"""What a reviewer could not decide."""

DISAGREEMENTS = "disagreements"
"""What two people have answered differently."""

APPEALS = "appeals"
"""What an uploader has appealed against."""

OWN: tuple[str, ...] = (REVIEW, ESCALATED, DISAGREEMENTS, APPEALS)
"""The queues that are there without a policy."""

Role = Literal["reviewer", "lead", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
"""Roles that may review, the one that may least first."""

LEADS = frozenset({ESCALATED, DISAGREEMENTS})
"""Queues that are for leads where nobody has said otherwise."""

SECOND_SHARE, GOLDEN_SHARE, BENIGN_SHARE = 0.0, 0.0, 0.0
"""What happens in a queue of which nobody has said otherwise: nothing besides its cases."""

_CHANGEABLE = ("role", "second_share", "golden_share", "benign_share")


class QueueSettings(Value, frozen=True, kw_only=True):
    """How a queue is worked on.

    Attributes:
        queue: Its name.
        role: The least role that works on it.
        second_share: Of its answers the share that another person is asked for too, blind; 0 to 1.
        golden_share: Of its cases the share whose answer is known already; 0 to 1.
        benign_share: Of its cases the share that shows something harmless, for a rest; 0 to 1.
        version: Counts its changes; 0 where these are the defaults.
    """

    queue: str
    role: Role = "reviewer"
    second_share: float = SECOND_SHARE
    golden_share: float = GOLDEN_SHARE
    benign_share: float = BENIGN_SHARE
    version: int = 0


def settings(connection: Connection, queue: str) -> QueueSettings:
    """Return how a queue is worked on, of whatever name."""
    query = sa.select(queue_settings).where(queue_settings.c.queue == queue)
    row = connection.execute(query).mappings().first()
    return _default(queue) if row is None else QueueSettings(**row)


def all_settings(connection: Connection) -> list[QueueSettings]:
    """Return how each queue is worked on that is known, by name."""
    rows = connection.execute(sa.select(queue_settings)).mappings()
    said = {row["queue"]: QueueSettings(**row) for row in rows}
    names = sorted({*said, *_with_cases(connection), *OWN})
    return [said.get(name) or _default(name) for name in names]


def change(
    connection: Connection,
    queue: str,
    *,
    version: int,
    actor: str,
    now: int,
    reason: str = "",
    **values: Any,
) -> QueueSettings:
    """Change how a queue is worked on.

    Args:
        connection: Of the transaction.
        queue: Its name.
        version: As it was when whoever changes it looked at it; 0 for the defaults.
        actor: Who changes it.
        now: The present.
        reason: Why.
        values: New ones, by the names of :class:`QueueSettings`.

    Raises:
        ConflictError: Somebody has changed it meanwhile.
        InvalidError: A value is out of its range.
    """
    check("queue", queue, 200)
    if unknown := values.keys() - set(_CHANGEABLE):
        raise InvalidError(f"{min(unknown)} of a queue does not change")
    insert_new(connection, queue_settings, _columns(_default(queue)), key=["queue"])
    held = sa.select(queue_settings).where(queue_settings.c.queue == queue).with_for_update()
    before = QueueSettings(**connection.execute(held).mappings().one())
    if before.version != version:
        raise ConflictError(f"the queue was changed meanwhile: it is at version {before.version}")
    after = QueueSettings(**_columns(before) | values | {"version": version + 1})
    _check(after)
    kept = sa.update(queue_settings).where(queue_settings.c.queue == queue)
    connection.execute(kept.values(_columns(after)))
    # A row of the chain holds no fractions.
    body = {name: str(getattr(after, name)) for name in _CHANGEABLE}
    audit.append(
        connection,
        actor=actor,
        action="queue.change",
        subject=f"queue:{queue}",
        body=body,
        reason=reason,
        now=now,
    )
    return after


def known(connection: Connection) -> tuple[str, ...]:
    """Return the names of all queues that are there, sorted: with cases, settings, or our own."""
    said = connection.execute(sa.select(queue_settings.c.queue)).scalars()
    return tuple(sorted({*said, *_with_cases(connection), *OWN}))


def of_user(connection: Connection, user: str) -> tuple[str, ...]:
    """Return the queues that somebody works on alone, sorted; none: on all that their role may."""
    query = sa.select(user_queues.c.queue).where(user_queues.c.user == user)
    return tuple(sorted(connection.execute(query).scalars()))


def set_for_user(
    connection: Connection,
    user: str,
    queues: Iterable[str],
    *,
    actor: str,
    now: int,
    reason: str = "",
) -> None:
    """Say on which queues somebody works; on none in particular: on all that their role may.

    Raises:
        MissingError: There is no such user.
        InvalidError: A name is empty or too long.
    """
    names = sorted(set(queues))
    for name in names:
        check("queue", name, 200)
    there = sa.select(users.c.id).where(users.c.id == user).with_for_update(key_share=True)
    if connection.execute(there).first() is None:
        raise MissingError("there is no such user")
    connection.execute(sa.delete(user_queues).where(user_queues.c.user == user))
    if names:
        rows = [{"user": user, "queue": name} for name in names]
        connection.execute(sa.insert(user_queues), rows)
    audit.append(
        connection,
        actor=actor,
        action="user.queues",
        subject=f"user:{user}",
        body={"queues": names},
        reason=reason,
        now=now,
    )


def visible(connection: Connection, user: str, role: str) -> tuple[str, ...]:
    """Return the queues that somebody sees, sorted.

    Args:
        connection: To read by.
        user: Id of the user, or of a key: that has all that its role may.
        role: Their role. One that does not review sees none.
    """
    if role not in ROLES:
        return ()
    rank = ROLES.index(role)
    mine = of_user(connection, user)
    return tuple(
        one.queue
        for one in all_settings(connection)
        if ROLES.index(one.role) <= rank and (not mine or one.queue in mine)
    )


def _default(queue: str) -> QueueSettings:
    return QueueSettings(queue=queue, role="lead" if queue in LEADS else "reviewer")


def _with_cases(connection: Connection) -> list[str]:
    """Return the queues with open cases: a step down the index for each, however many these are."""
    found: list[str] = []
    sqlite = connection.dialect.name == "sqlite"
    table = sa.text("case_queues INDEXED BY case_queues_oldest" if sqlite else "case_queues")
    queue = sa.column("queue", sa.Text)
    first = sa.select(queue).select_from(table).where(sa.text("open")).order_by(queue).limit(1)
    while True:
        query = first.where(queue > found[-1]) if found else first
        name = connection.execute(query).scalar()
        if name is None:
            return found
        found.append(str(name))


def _check(given: QueueSettings) -> None:
    if given.role not in ROLES:
        raise InvalidError(f"a queue is for {', '.join(ROLES)}")
    for name in ("second_share", "golden_share", "benign_share"):
        if not 0 <= getattr(given, name) <= 1:
            raise InvalidError(f"{name} is 0 to 1")


def _columns(of: QueueSettings) -> dict[str, Any]:
    return {name: getattr(of, name) for name in QueueSettings.__struct_fields__}
