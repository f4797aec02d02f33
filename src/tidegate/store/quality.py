"""What leads are told: how much was answered, how long it waited, how far answers agree.

Counts are kept by the day as answers come, so that nobody has to read the answers to count
them. They are of queues and categories; of people only how much each has done, never how well.
"""

import math
from typing import Any, Literal, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from tidegate.evidence import Action, Decision
from tidegate.store import caselists, queues
from tidegate.store.caselists import Depth
from tidegate.store.cases import Kind
from tidegate.store.casetables import (
    case_barred,
    case_queues,
    cases,
    comparisons,
    queue_depths,
    raised,
    review_days,
    wait_days,
)
from tidegate.store.clock import DAY, HOUR, SECOND
from tidegate.store.tables import audit
from tidegate.store.upsert import insert_new

Against = Literal["second", "golden", "disagreement", "reversal", "appeal"]
"""What an answer is held against: a first answer, blind; a known one; the first of two that
differ; the one that was reversed; the decision that was appealed against."""

EFFECTIVE: tuple[Kind, ...] = ("review", "disagreement", "appeal")
"""Kinds of cases whose answers take effect."""

CLASSES = 8
"""Classes of lengths of time to each doubling."""

BREAKER = "breakers."
"""Before the name of a breaker, in the rules of the alarm that it raises."""


class Compared(NamedTuple):
    """How often one answer met another.

    Attributes:
        kind: What it was held against.
        category: Of the taxonomy, or empty.
        expected: What was answered or known before.
        given: What was answered now.
        n: How often.
    """

    kind: Against
    category: str
    expected: Action
    given: Action
    n: int


class Answers(NamedTuple):
    """How many answers somebody has given that took effect."""

    reviewer: str
    category: str
    n: int


class Waits(NamedTuple):
    """How many cases of a queue have waited a length of time; see :func:`length`."""

    queue: str
    length: int
    n: int


class Seen(NamedTuple):
    """How long a queue was at an hour.

    Attributes:
        hour: Hours since 1970.
        queue: Its name.
        open: Cases in it.
        overdue: Of these, how many should have had their answer.
        oldest: When the oldest was opened, or ``None``.
    """

    hour: int
    queue: str
    open: int
    overdue: int
    oldest: int | None


class Raised(NamedTuple):
    """How often an alarm was raised; by a breaker, where it is named."""

    alarm: str
    breaker: str
    n: int


def day(at: int) -> int:
    """Return the day of a time, in days since 1970, UTC."""
    return at // DAY


def length(waited: int) -> int:
    """Return the class of a length of time: eight to each doubling, from a second on."""
    return math.floor(CLASSES * math.log2(1 + max(0, waited) / SECOND))


def typical(of: int) -> int:
    """Return the length of time in the middle of a class, in microseconds.

    From a minute on it is within 5 % of every one in it.
    """
    return round((2 ** ((of + 0.5) / CLASSES) - 1) * SECOND)


def count(
    connection: Connection,
    *,
    kind: Kind,
    reviewer: str,
    category: str,
    queue: str,
    length: int | None,
    at: int,
    by: int = 1,
) -> None:
    """Count an answer, in the transaction that records it, or one that takes it back.

    Args:
        connection: Of the transaction.
        kind: To a case of which kind.
        reviewer: Who answered.
        category: Of the taxonomy, or empty.
        queue: Where the case was.
        length: The class of the time that it has waited, or ``None`` where that says nothing.
        at: When it was answered.
        by: 1, or -1 for one that is taken back.
    """
    key = {"day": day(at), "kind": kind, "reviewer": reviewer, "category": category}
    _add(connection, review_days, key, by)
    if length is not None:
        _add(connection, wait_days, {"day": day(at), "queue": queue, "length": length}, by)


def compare(
    connection: Connection,
    review: str,
    kind: Against,
    *,
    category: str,
    expected: Action,
    given: Action,
    now: int,
) -> None:
    """Note an answer beside the one that it is held against."""
    values = {
        "review": review,
        "kind": kind,
        "category": category,
        "expected": expected,
        "given": given,
        "created_at": now,
    }
    connection.execute(sa.insert(comparisons), values)


def forget(connection: Connection, review: str) -> None:
    """Forget what an answer was held against: it was taken back."""
    connection.execute(sa.delete(comparisons).where(comparisons.c.review == review))


def alarmed(connection: Connection, decision: str, made: Decision, *, now: int) -> None:
    """Note the alarms that a decision raises, in the transaction that records it."""
    rows = [
        {"decision": decision, "alarm": effect.value, "breaker": breaker, "created_at": now}
        for effect in made.effects
        if effect.kind == "alarm"
        for breaker in sorted(
            {
                rule.removeprefix(BREAKER) if rule.startswith(BREAKER) else ""
                for rule in effect.rules
            }
            or {""}
        )
    ]
    for row in rows:
        insert_new(connection, raised, row, key=["decision", "alarm", "breaker"])


def look(connection: Connection, *, now: int) -> bool:
    """Note how long each queue is, once an hour, however many processes do.

    Returns:
        Whether this call did it.
    """
    hour = now // HOUR
    if connection.execute(sa.select(queue_depths.c.hour).filter_by(hour=hour).limit(1)).first():
        return False
    new = False
    for depth in caselists.depths(connection, queues.known(connection), now=now):
        values = {
            "hour": hour,
            "queue": depth.queue,
            "open": depth.open,
            "overdue": depth.overdue,
            "oldest": depth.oldest,
        }
        new |= insert_new(connection, queue_depths, values, key=["hour", "queue"])
    return new


def free(
    connection: Connection,
    kind: Kind,
    queue: str,
    actor: str,
    *,
    now: int,
    golden: str | None = None,
) -> str | None:
    """Return an open case of a kind that nobody works on and that one may be given, or ``None``.

    Args:
        connection: To read by.
        kind: Which.
        queue: Where it stands.
        actor: To whom.
        now: The present.
        golden: The known answer that it asks for, or ``None``.
    """
    barred = sa.exists().where(case_barred.c.case == cases.c.id, case_barred.c.actor == actor)
    query = (
        sa.select(cases.c.id)
        .join(case_queues, case_queues.c.case == cases.c.id)
        .where(
            cases.c.state == "open",
            cases.c.kind == kind,
            case_queues.c.queue == queue,
            sa.or_(cases.c.claimed_until.is_(None), cases.c.claimed_until <= now),
            ~barred,
        )
        .order_by(cases.c.opened_at, cases.c.id)
        .limit(1)
    )
    if golden is not None:
        query = query.where(cases.c.golden == golden)
    return connection.execute(query).scalar()


def set_aside(connection: Connection, case: str) -> None:
    """Have a case stand in its queues without being in them: it is given to who is to have it."""
    there = sa.update(case_queues).where(case_queues.c.case == case)
    connection.execute(there.values(open=False))


def salt(connection: Connection) -> str:
    """Return what is drawn with: the digest of the chain's first row. It stays; leads see it."""
    first = sa.select(audit.c.hash).where(audit.c.seq == 1)
    return connection.execute(first).scalar() or ""


def compared(connection: Connection, *, since: int) -> list[Compared]:
    """Return what answers since a time were held against, and how often."""
    kinds = ("second", "golden", "disagreement", "reversal", "appeal")
    columns = [comparisons.c[name] for name in ("kind", "category", "expected", "given")]
    query = (
        sa.select(*columns, sa.func.count())
        .where(comparisons.c.kind.in_(kinds), comparisons.c.created_at >= since)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Compared(*cast(Any, row)) for row in connection.execute(query)]


def answers(connection: Connection, *, since: int) -> list[Answers]:
    """Return how many answers took effect from a day on, by reviewer and category."""
    table = review_days.c
    query = (
        sa.select(table.reviewer, table.category, sa.func.sum(table.answers))
        .where(table.day >= since, table.kind.in_(EFFECTIVE))
        .group_by(table.reviewer, table.category)
        .order_by(table.reviewer, table.category)
    )
    return [Answers(who, of, int(n)) for who, of, n in connection.execute(query) if n]


def by_day(connection: Connection, *, since: int) -> dict[int, int]:
    """Return how many answers took effect on each day, from a day on."""
    table = review_days.c
    query = sa.select(table.day, sa.func.sum(table.answers))
    query = query.where(table.day >= since, table.kind.in_(EFFECTIVE))
    return {on: int(n) for on, n in connection.execute(query.group_by(table.day))}


def waits(connection: Connection, *, since: int) -> list[Waits]:
    """Return how long cases have waited that were answered from a day on, by queue and length."""
    table = wait_days.c
    query = (
        sa.select(table.queue, table.length, sa.func.sum(table.answers))
        .where(table.day >= since)
        .group_by(table.queue, table.length)
        .order_by(table.queue, table.length)
    )
    return [Waits(queue, of, int(n)) for queue, of, n in connection.execute(query) if n]


def depths(connection: Connection, *, since: int, every: int) -> list[Seen]:
    """Return how long queues were, at one of so many hours.

    Args:
        connection: To read by.
        since: The first hour.
        every: Hours from one to the next.
    """
    table = queue_depths.c
    query = sa.select(*(table[name] for name in Seen._fields)).where(table.hour >= since)
    if every > 1:
        query = query.where(table.hour % every == 0)
    return [Seen(*row) for row in connection.execute(query.order_by(table.hour, table.queue))]


def now_waiting(connection: Connection, *, now: int) -> list[Depth]:
    """Return how long each queue is now."""
    return caselists.depths(connection, queues.known(connection), now=now)


def alarms(connection: Connection, *, since: int) -> list[Raised]:
    """Return how often each alarm was raised since a time, and by which breakers."""
    table = raised.c
    query = (
        sa.select(table.alarm, table.breaker, sa.func.count())
        .where(table.created_at >= since)
        .group_by(table.alarm, table.breaker)
        .order_by(table.alarm, table.breaker)
    )
    return [Raised(*row) for row in connection.execute(query)]


def _add(connection: Connection, table: Table, key: dict[str, Any], by: int) -> None:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    query = make(table).values(**key, answers=by)
    more = {"answers": table.c.answers + by}
    connection.execute(query.on_conflict_do_update(index_elements=[*key], set_=more))
