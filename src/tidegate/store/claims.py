"""Who works on which case: claims, the next case, skipping, escalating.

A claim is a lease: it is renewed while somebody looks, and runs out when they do not. One that has
run out is nobody's, but still theirs to go on with while nobody else has taken the case.
"""

from collections.abc import Collection
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store import actors, cases, clock
from tidegate.store.cases import NO_CLAIM, Case, hold, need, still_open, tell
from tidegate.store.casetables import case_barred, case_queues
from tidegate.store.casetables import cases as table
from tidegate.store.clock import span
from tidegate.store.error import ConflictError
from tidegate.store.queues import ESCALATED
from tidegate.store.upsert import insert_new

CLAIM = 120.0
"""Seconds of a claim that is not renewed."""

Because = Literal["decided_before", "skipped"]


class Place(NamedTuple):
    """Where a case stands.

    Attributes:
        case: Its id.
        queue: In which queue.
        rank: The highest comes first.
    """

    case: str
    queue: str
    rank: float


def claim(
    connection: Connection, case: str, actor: str, *, now: int, seconds: float = CLAIM
) -> Case:
    """Take a case to work on it; who has it already keeps it for another while.

    Args:
        connection: Of a transaction that need not be durable.
        case: Which.
        actor: Who.
        now: The present.
        seconds: For how long.

    Raises:
        MissingError: There is none.
        ConflictError: Somebody else has it; it has ended; or it asks for another person than the
            one who has answered before.
    """
    held = hold(connection, case)
    admit(connection, held, actor, now)
    if held.holder(now) == actor:
        return _keep(connection, held, now, seconds)
    return _take(connection, held.id, actor, now, seconds)


def next_for(
    connection: Connection,
    queues: Collection[str],
    actor: str,
    *,
    now: int,
    seconds: float = CLAIM,
) -> Case | None:
    """Take the best case of some queues that is free, and that one may be given.

    A case that one has is not free: so one does not get it twice.

    Args:
        connection: Of a transaction that need not be durable, and does nothing else.
        queues: Their names.
        actor: Who.
        now: The present.
        seconds: For how long.

    Returns:
        The case, or ``None`` where there is none.
    """
    tried: list[str] = []
    while (place := first_free(connection, queues, actor, now=now, but=tried)) is not None:
        # Whoever takes it at the same time has it: the next one then.
        free = sa.select(table.c.id).where(
            table.c.id == place.case, table.c.state == "open", _free(now)
        )
        locked = free.with_for_update(key_share=True, skip_locked=True)
        if connection.execute(locked).first() is not None:
            return _take(connection, place.case, actor, now, seconds)
        tried.append(place.case)
    return None


def first_free(
    connection: Connection,
    queues: Collection[str],
    actor: str,
    *,
    now: int,
    but: Collection[str] = (),
) -> Place | None:
    """Return the best case of some queues that is free, and that one may be given.

    Args:
        connection: To read by.
        queues: Their names.
        actor: Who.
        now: The present.
        but: Cases that are passed over.
    """
    asked = {"actor": actor, "now": now, "but": [*but]}
    found = [
        Place(row.case, queue, row.rank)
        for queue in queues
        if (row := connection.execute(_FIRST_FREE, asked | {"queue": queue}).first()) is not None
    ]
    return min(found, key=lambda place: (-place.rank, place.case), default=None)


def renew(
    connection: Connection, case: str, actor: str, *, now: int, seconds: float = CLAIM
) -> Case:
    """Keep a case for another while. Nobody having taken it since, a claim that ran out lives on.

    Raises:
        MissingError: There is none.
        ConflictError: It is not theirs any more: somebody else has it, or it has ended.
    """
    held = hold(connection, case)
    admit(connection, held, actor, now)
    if held.claimed_by != actor:
        raise ConflictError("you have not claimed this case")
    return _keep(connection, held, now, seconds)


def release(connection: Connection, case: str, actor: str, *, now: int) -> Case:
    """Give a case back. Where it is not theirs any more nothing happens.

    Raises:
        MissingError: There is none.
    """
    held = hold(connection, case)
    if held.claimed_by == actor:
        _unclaim(connection, held)
        tell(connection, actor, "case.release", case, {}, now)
    return need(connection, case)


def skip(connection: Connection, case: str, actor: str, *, now: int) -> Case:
    """Give a case back, and be given it no more. It can still be opened by hand.

    Raises:
        MissingError: There is none.
        ConflictError: It has ended.
    """
    held = hold(connection, case)
    still_open(connection, held)
    bar(connection, case, actor, "skipped", now=now)
    if held.claimed_by == actor:
        _unclaim(connection, held)
    tell(connection, actor, "case.skip", case, {}, now)
    return need(connection, case)


def escalate(connection: Connection, case: str, *, actor: str, reason: str, now: int) -> Case:
    """Put a case before those who decide what others could not; it stands nowhere else then.

    Raises:
        MissingError: There is none.
        ConflictError: Somebody else has it, it has ended, or it was escalated before.
    """
    held = hold(connection, case)
    admit(connection, held, actor, now)
    if held.escalated_by is not None:
        raise ConflictError(f"{actors.name(connection, held.escalated_by)} has escalated it before")
    best = connection.execute(
        sa.select(sa.func.max(case_queues.c.rank)).where(case_queues.c.case == case)
    ).scalar()
    cases.change(connection, held, escalated_by=actor, **NO_CLAIM)
    cases.replace_queues(connection, held, {ESCALATED: best or 0.0})
    tell(connection, actor, "case.escalate", case, {"from": list(held.queues)}, now, reason)
    return need(connection, case)


def bar(
    connection: Connection,
    case: str,
    actor: str,
    because: Because = "decided_before",
    *,
    now: int,
) -> None:
    """Have a case not given to somebody.

    Args:
        connection: Of the transaction.
        case: Which.
        actor: To whom.
        because: Who has ``decided_before`` may not claim it by hand either.
        now: The present.
    """
    values = {"case": case, "actor": actor, "because": because, "created_at": now}
    insert_new(connection, case_barred, values, key=["case", "actor"])


def barred(connection: Connection, case: str) -> dict[str, Because]:
    """Return to whom a case is not given, and why."""
    query = sa.select(case_barred.c.actor, case_barred.c.because).where(case_barred.c.case == case)
    return {row[0]: row[1] for row in connection.execute(query)}


def admit(connection: Connection, held: Case, actor: str, now: int) -> None:
    """Refuse somebody who may not work on a case now, and say what happened.

    Raises:
        ConflictError: It has ended; somebody else has it; or it asks for another person than the
            one who has answered before.
    """
    still_open(connection, held)
    holder = held.holder(now)
    if holder not in (None, actor):
        until = clock.text(held.claimed_until or 0)[11:16]
        raise ConflictError(
            f"{actors.name(connection, str(holder))} has this case until {until} UTC"
        )
    if barred(connection, held.id).get(actor) == "decided_before":
        raise ConflictError("you have answered this before: it asks for another person")


def _take(connection: Connection, case: str, actor: str, now: int, seconds: float) -> Case:
    values = {"claimed_by": actor, "claimed_at": now, "claimed_until": now + span(seconds)}
    connection.execute(sa.update(table).where(table.c.id == case).values(values))
    tell(connection, actor, "case.claim", case, {}, now)
    return need(connection, case)


def _keep(connection: Connection, held: Case, now: int, seconds: float) -> Case:
    later = {"claimed_until": now + span(seconds)}
    connection.execute(sa.update(table).where(table.c.id == held.id).values(later))
    return need(connection, held.id)


def _unclaim(connection: Connection, held: Case) -> None:
    connection.execute(sa.update(table).where(table.c.id == held.id).values(NO_CLAIM))


def _free(now: Any) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.claimed_until.is_(None), table.c.claimed_until <= now)


# Made once: whoever is done with a case asks for the next.
_FIRST_FREE = (
    sa.select(case_queues.c.case, case_queues.c.rank)
    .select_from(case_queues.join(table, table.c.id == case_queues.c.case))
    .where(
        case_queues.c.queue == sa.bindparam("queue", type_=sa.Text),
        sa.text("case_queues.open"),
        _free(sa.bindparam("now", type_=sa.BigInteger)),
        case_queues.c.case.not_in(sa.bindparam("but", expanding=True, type_=sa.Text)),
        ~sa.exists().where(
            case_barred.c.case == case_queues.c.case,
            case_barred.c.actor == sa.bindparam("actor", type_=sa.Text),
        ),
    )
    .order_by(case_queues.c.rank.desc(), case_queues.c.case)
    .limit(1)
)
