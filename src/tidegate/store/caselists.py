"""Lists of cases: of queues in their order, of what was asked for, and how much waits."""

import base64
import math
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store.cases import STATES, Case, Kind, State, plainly, read, with_item
from tidegate.store.casetables import case_queues, cases
from tidegate.store.claims import Place
from tidegate.store.error import InvalidError
from tidegate.store.text import check

MOST_OF_A_PAGE = 1000
"""Cases of a page at most."""

FEW = 2_000
"""Open cases of a category up to which they are ordered, and the queue is not walked for them."""

_OPEN = sa.text("case_queues.open")
"""As the indexes of what is open say it: SQLite takes them for no other spelling."""


class Depth(Value, frozen=True, kw_only=True):
    """How much waits in a queue.

    Attributes:
        queue: Its name.
        open: Cases in it, those that somebody is at work on included.
        claimed: Of these, how many somebody is at work on.
        oldest: When the oldest was opened, or ``None`` where there is none.
        overdue: How many should have had an answer by now.
    """

    queue: str
    open: int
    claimed: int
    oldest: int | None
    overdue: int


class Filter(Value, frozen=True, kw_only=True):
    """Which cases; ``None`` is any.

    Attributes:
        kinds: What they are for; none: any.
        state: Where they stand.
        category: What they are about.
        item: An item that is in them.
        claimed_by: Who had them last; of open ones only.
    """

    kinds: tuple[Kind, ...] = ()
    state: State | None = None
    category: str | None = None
    item: str | None = None
    claimed_by: str | None = None


class Page(NamedTuple):
    """Some cases.

    Attributes:
        cases: At most as many as were asked for.
        cursor: Where the next page begins, or ``None`` where this is the last.
    """

    cases: list[Case]
    cursor: str | None


def page(
    connection: Connection,
    queues: Collection[str],
    *,
    limit: int,
    after: str | None = None,
    category: str | None = None,
) -> Page:
    """Return open cases of some queues, best rank first, each once: where it stands best.

    Args:
        connection: To read by.
        queues: Their names.
        limit: How many at most, 1 to 1000.
        after: Cursor of the page before, or ``None`` for the first.
        category: Only those that are about this category, or ``None``.

    Raises:
        InvalidError: The limit is out of its range, or the cursor is not one.
    """
    _check_limit(limit)
    start = None if after is None else _read_cursor(after)
    places = sorted(
        (
            place
            for queue in queues
            for place in _best(connection, queue, queues, start, limit + 1, category)
        ),
        key=lambda place: (-place.rank, place.case),
    )[: limit + 1]
    shown = places[:limit]
    found = {case.id: case for case in read(connection, _these([p.case for p in shown]))}
    cursor = _cursor(shown[-1].rank, shown[-1].case) if len(places) > limit else None
    return Page([found[place.case] for place in shown], cursor)


def search(
    connection: Connection,
    queues: Collection[str],
    which: Filter,
    *,
    limit: int,
    after: str | None = None,
) -> Page:
    """Return cases that are or were in some queues, newest first.

    Args:
        connection: To read by.
        queues: Their names.
        which: Which cases.
        limit: How many at most, 1 to 1000.
        after: Cursor of the page before, or ``None`` for the first.

    Raises:
        InvalidError: The limit is out of its range, or the cursor is not one.
    """
    _check_limit(limit)
    there = sa.exists().where(case_queues.c.case == cases.c.id, case_queues.c.queue.in_([*queues]))
    equal = {name: getattr(which, name) for name in ("category", "claimed_by")}
    query = sa.select(cases) if which.item is None else with_item(which.item)
    query = query.where(
        there, *(cases.c[name] == value for name, value in equal.items() if value is not None)
    )
    if which.kinds:
        query = query.where(cases.c.kind.in_(which.kinds))
    key = sa.tuple_(cases.c.opened_at, cases.c.id)
    if after is not None:
        opened_at, case = _read_cursor(after)
        query = query.where(key < sa.tuple_(int(opened_at), case))
    query = query.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit + 1)
    # One state after the other: each is a walk down an index, where nothing finds less to look at.
    few = which.item is not None or which.claimed_by is not None
    of_state = plainly(cases.c.state) if few else cases.c.state
    found = [
        case
        for state in (which.state and [which.state]) or STATES
        for case in read(connection, query.where(of_state == state))
    ]
    found.sort(key=lambda case: (case.opened_at, case.id), reverse=True)
    shown = found[:limit]
    last = _cursor(shown[-1].opened_at, shown[-1].id) if len(found) > limit else None
    return Page(shown, last)


def depths(connection: Connection, queues: Collection[str], *, now: int) -> list[Depth]:
    """Return how much waits in some queues, in their order."""
    there = case_queues.c
    waiting = (
        sa.select(there.queue, sa.func.count())
        .where(_OPEN, there.queue.in_([*queues]))
        .group_by(there.queue)
    )
    waits: dict[str, int] = {row[0]: row[1] for row in connection.execute(waiting)}
    # One by one: each is a step down an index, and together they are a look at every row.
    first = sa.select(sa.func.min(there.opened_at)).where(_OPEN)
    oldest = {of: connection.execute(first.where(there.queue == of)).scalar() for of in waits}
    now_claimed = sa.select(cases.c.id).where(
        cases.c.claimed_by.is_not(None), cases.c.claimed_until > now
    )
    now_due = sa.select(cases.c.id).where(cases.c.state == "open", cases.c.due_at <= now)
    of_queue = sa.select(there.queue, sa.func.count()).group_by(there.queue)
    at_work = of_queue.where(there.open, there.case.in_(now_claimed))
    late = of_queue.where(there.open, there.case.in_(now_due))
    claimed: dict[str, int] = {row[0]: row[1] for row in connection.execute(at_work)}
    overdue: dict[str, int] = {row[0]: row[1] for row in connection.execute(late)}
    return [
        Depth(
            queue=queue,
            open=waits.get(queue, 0),
            claimed=claimed.get(queue, 0),
            oldest=oldest.get(queue),
            overdue=overdue.get(queue, 0),
        )
        for queue in queues
    ]


class Standing(NamedTuple):
    """How a case stands.

    Attributes:
        case: Its id.
        version: Counts what changes what is decided.
        state: Where it stands.
    """

    case: str
    version: int
    state: str


def standing(connection: Connection, wanted: Collection[str]) -> list[Standing]:
    """Return how some cases stand; what is none is left out."""
    query = sa.select(cases.c.id, cases.c.version, cases.c.state).where(cases.c.id.in_([*wanted]))
    return [Standing(*row) for row in connection.execute(query)]


def _best(
    connection: Connection,
    queue: str,
    queues: Collection[str],
    start: tuple[float, str] | None,
    limit: int,
    category: str | None,
) -> Iterable[Place]:
    """Return the cases that stand in a queue better than in the others, best rank first."""
    rank, case = (math.inf, "") if start is None else start
    asked = {"queue": queue, "queues": [*queues], "rank": rank, "case": case, "most": limit}
    query = _BEST
    if category is not None:
        asked["category"] = category
        rare = len(connection.execute(_OF_CATEGORY, {"category": category}).all()) < FEW
        query = _BEST_OF_FEW if rare else _BEST_OF_MANY
    return (Place(row[0], queue, row[1]) for row in connection.execute(query, asked))


def _made_best(*, few: bool = False) -> sa.Select[Any]:
    """Return the query, for where few of the cases count or for where most may do."""
    there, other = case_queues, case_queues.alias()
    queue, rank = sa.bindparam("queue", type_=sa.Text), sa.bindparam("rank", type_=sa.Float)
    better = sa.exists().where(
        other.c.case == there.c.case,
        other.c.queue.in_(sa.bindparam("queues", expanding=True, type_=sa.Text)),
        other.c.open,
        sa.or_(
            other.c.rank > there.c.rank,
            sa.and_(other.c.rank == there.c.rank, other.c.queue < queue),
        ),
    )
    after = sa.or_(there.c.rank < rank, there.c.case > sa.bindparam("case", type_=sa.Text))
    # What the rank is at most is said twice: the index knows what to do with the first.
    column = plainly(there.c.queue) if few else there.c.queue
    wanted = (column == queue, _OPEN, there.c.rank <= rank, after, ~better)
    query = sa.select(there.c.case, there.c.rank).where(*wanted)
    most = sa.bindparam("most", type_=sa.Integer)
    return query.order_by(there.c.rank.desc(), there.c.case).limit(most)


# Made once: each look at a queue asks for each queue.
_BEST = _made_best()
_CATEGORY = cases.c.category == sa.bindparam("category", type_=sa.Text)
_BEST_OF_MANY = _BEST.where(sa.exists().where(cases.c.id == case_queues.c.case, _CATEGORY))
_OF_CATEGORY = sa.select(cases.c.id).where(cases.c.state == "open", _CATEGORY).limit(FEW)
_BEST_OF_FEW = _made_best(few=True).where(
    case_queues.c.case.in_(sa.select(cases.c.id).where(cases.c.state == "open", _CATEGORY))
)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_OF_A_PAGE:
        raise InvalidError(f"a page has 1 to {MOST_OF_A_PAGE} cases, not {limit}")


def _cursor(at: float, case: str) -> str:
    return base64.urlsafe_b64encode(f"{at!r} {case}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        written = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor) % 4)).decode()
        at, _, case = written.partition(" ")
        check("cursor", case, 36)
        if abs(float(at)) < 1 << 62:
            return float(at), case
        raise ValueError(at)
    except ValueError:
        raise InvalidError("this is no cursor of a page of cases") from None


def _these(of: Collection[str]) -> sa.Select[Any]:
    return sa.select(cases).where(cases.c.id.in_([*of]))
