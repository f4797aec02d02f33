"""Appeals: an uploader asks that a decision be looked at again, and what came of it.

One decision is appealed against once, and one item has one open appeal at most: whoever adds one
has locked the item. What the uploader wrote is kept here alone; the audit chain, from which
nothing can be taken, has its digest.
"""

import hashlib
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit, ids
from tidegate.store.casetables import appeals
from tidegate.store.error import InvalidError, MissingError, StateError
from tidegate.store.text import check

State = Literal["open", "upheld", "reversed"]

Outcome = Literal["upheld", "reversed"]

LONGEST_TEXT = 4000
"""Characters of an appeal at most."""

LONGEST_ANSWER = 2000
"""Characters of the answer at most."""

LONGEST_AUTHOR = 200
"""Characters of what the platform calls whoever appeals, at most."""

MOST_OF_A_PAGE = 1000
"""Appeals of a page at most."""


class New(Value, frozen=True, kw_only=True):
    """An appeal to be kept.

    Attributes:
        item: About which item.
        decision: Against which decision.
        case: The case in which it is looked at.
        author: What the platform calls whoever appeals; empty where it does not say.
        text: What they wrote.
        due_at: Until when it should be answered.
    """

    item: str
    decision: str
    case: str
    author: str
    text: str
    due_at: int


class Appeal(New, frozen=True, kw_only=True):
    """An appeal, as it is now.

    Attributes:
        id: Its id.
        state: ``open``; ``upheld``: the decision stays; ``reversed``: the item is treated better.
        answer: What the reviewer says to the uploader; empty where nobody has said anything.
        outcome: The decision that has ended it, or ``None``.
        created_at: When it was made.
        ended_at: When it ended, or ``None``.
    """

    id: str
    state: State
    answer: str
    outcome: str | None
    created_at: int
    ended_at: int | None

    def overdue(self, now: int) -> bool:
        """Whether it should have been answered by now."""
        return self.state == "open" and self.due_at <= now


class Filter(Value, frozen=True, kw_only=True):
    """Which appeals; ``None`` is any.

    Attributes:
        state: ``open``, ``overdue``: open and due; ``ended``; or one of the outcomes.
        item: About which item.
    """

    state: Literal["open", "overdue", "ended", "upheld", "reversed"] | None = None
    item: str | None = None


class Page(NamedTuple):
    """Some appeals.

    Attributes:
        appeals: At most as many as were asked for.
        cursor: Where the next page begins, or ``None`` where this is the last.
    """

    appeals: list[Appeal]
    cursor: str | None


class Waiting(NamedTuple):
    """What waits for an answer.

    Attributes:
        open: How many, the overdue ones included.
        overdue: How many should have been answered by now.
        next_due: Until when the first of them should be answered, or ``None`` where none is open.
    """

    open: int
    overdue: int
    next_due: int | None


class Tally(NamedTuple):
    """What became of appeals within a time.

    Attributes:
        opened: How many were made.
        upheld: How many ended with the decision as it was.
        reversed: How many ended with the item treated better.
        late: How many of those that ended did so after they were due.
    """

    opened: int
    upheld: int
    reversed: int
    late: int

    @property
    def ended(self) -> int:
        """How many ended."""
        return self.upheld + self.reversed

    @property
    def reversal_rate(self) -> float | None:
        """Of those that ended the share that was reversed, in [0, 1]; ``None`` of none."""
        return self.reversed / self.ended if self.ended else None


def add(connection: Connection, new: New, *, actor: str, now: int) -> Appeal:
    """Keep an appeal. The item is locked by whoever calls.

    Raises:
        InvalidError: A text is empty, too long or cannot be stored.
        StateError: The decision was appealed against before.
    """
    check("text", new.text, LONGEST_TEXT)
    check("author", new.author, LONGEST_AUTHOR, empty=True)
    if of_decision(connection, new.decision) is not None:
        raise StateError("this decision was appealed against before")
    made = Appeal(
        id=ids.new(),
        state="open",
        answer="",
        outcome=None,
        created_at=now,
        ended_at=None,
        **_fields(new),
    )
    connection.execute(sa.insert(appeals), _fields(made))
    body = {
        "item": new.item,
        "decision": new.decision,
        "case": new.case,
        "due_at": new.due_at,
        "text_sha256": hashlib.sha256(new.text.encode()).hexdigest(),
    }
    _tell(connection, actor, "appeal.open", made, body, now)
    return made


def get(connection: Connection, appeal: str) -> Appeal | None:
    """Return an appeal, or ``None`` where there is none."""
    return _first(connection, sa.select(appeals).where(appeals.c.id == appeal))


def of_decision(connection: Connection, decision: str) -> Appeal | None:
    """Return the appeal against a decision, or ``None`` where there is none."""
    return _first(connection, sa.select(appeals).where(appeals.c.decision == decision))


def of_case(connection: Connection, case: str) -> Appeal | None:
    """Return the appeal that a case is about, or ``None`` where it is about none."""
    return _first(connection, sa.select(appeals).where(appeals.c.case == case))


def of_item(connection: Connection, item: str) -> list[Appeal]:
    """Return the appeals about an item, newest first."""
    query = sa.select(appeals).where(appeals.c.item == item)
    return _read(connection, query.order_by(appeals.c.created_at.desc(), appeals.c.id.desc()))


def open_of(connection: Connection, item: str) -> Appeal | None:
    """Return the open appeal about an item, or ``None`` where there is none."""
    row = connection.execute(_OPEN_OF, {"of": item}).mappings().first()
    return None if row is None else Appeal(**row)


def page(
    connection: Connection, which: Filter, *, now: int, limit: int, after: str | None = None
) -> Page:
    """Return appeals: those that are open by when they are due, all others newest first.

    Args:
        connection: To read by.
        which: Which appeals.
        now: The present: what is overdue is told by it.
        limit: How many at most, 1 to 1000.
        after: Cursor of the page before, or ``None`` for the first.

    Raises:
        InvalidError: The limit is out of its range, or the cursor is not one.
    """
    if not 1 <= limit <= MOST_OF_A_PAGE:
        raise InvalidError(f"a page has 1 to {MOST_OF_A_PAGE} appeals, not {limit}")
    query = sa.select(appeals)
    if which.item is not None:
        query = query.where(appeals.c.item == which.item)
    waiting = which.state in ("open", "overdue")
    if waiting:
        query = query.where(appeals.c.state == "open")
    elif which.state == "ended":
        query = query.where(appeals.c.state != "open")
    elif which.state is not None:
        query = query.where(appeals.c.state == which.state)
    if which.state == "overdue":
        query = query.where(appeals.c.due_at <= now)
    by = appeals.c.due_at if waiting else appeals.c.created_at
    key = sa.tuple_(by, appeals.c.id)
    if after is not None:
        last = get(connection, after)
        if last is None:
            raise InvalidError("this is no cursor of a page of appeals")
        at = sa.tuple_(last.due_at if waiting else last.created_at, last.id)
        query = query.where(key > at if waiting else key < at)
    order = (by, appeals.c.id) if waiting else (by.desc(), appeals.c.id.desc())
    found = _read(connection, query.order_by(*order).limit(limit + 1))
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def end(
    connection: Connection,
    appeal: Appeal,
    *,
    state: Outcome,
    outcome: str | None,
    answer: str,
    actor: str,
    now: int,
) -> Appeal:
    """Note what came of an appeal; once more where it ended before and was looked at again.

    Args:
        connection: Of the transaction, that has locked the item.
        appeal: Which.
        state: What came of it.
        outcome: The decision that is in force now, or ``None`` where there is none.
        answer: What the reviewer says to the uploader.
        actor: Who has ended it.
        now: The present.

    Raises:
        InvalidError: The answer is too long, or cannot be stored.
        MissingError: There is no such appeal.
    """
    check("answer", answer, LONGEST_ANSWER, empty=True)
    values = {"state": state, "outcome": outcome, "answer": answer, "ended_at": now}
    _change(connection, appeal.id, values)
    body = {"item": appeal.item, "state": state, "outcome": outcome}
    _tell(connection, actor, "appeal.end", appeal, body, now)
    return _need(connection, appeal.id)


def reopen(connection: Connection, appeal: Appeal, *, actor: str, now: int) -> Appeal:
    """Take back what came of an appeal: it waits again, due when it was.

    Raises:
        MissingError: There is no such appeal.
    """
    values = {"state": "open", "outcome": None, "answer": "", "ended_at": None}
    _change(connection, appeal.id, values)
    _tell(connection, actor, "appeal.reopen", appeal, {"item": appeal.item}, now)
    return _need(connection, appeal.id)


def waiting(connection: Connection, *, now: int) -> Waiting:
    """Return how many appeals wait for an answer, and how long there is for the first."""
    late = sa.case((appeals.c.due_at <= now, 1))
    query = sa.select(sa.func.count(), sa.func.count(late), sa.func.min(appeals.c.due_at))
    row = connection.execute(query.where(appeals.c.state == "open")).one()
    return Waiting(*row)


def tally(connection: Connection, *, since: int, until: int) -> Tally:
    """Return what became of appeals from one time on, before another one."""

    def within(column: sa.Column[Any], *more: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        holds = sa.and_(column >= since, column < until, *more)
        return sa.func.count(sa.case((holds, 1)))

    ended = appeals.c.ended_at
    query = sa.select(
        within(appeals.c.created_at),
        within(ended, appeals.c.state == "upheld"),
        within(ended, appeals.c.state == "reversed"),
        within(ended, ended > appeals.c.due_at),
    )
    return Tally(*connection.execute(query).one())


def _fields(of: Value) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


# Made once: each decision asks.
_OPEN_OF = (
    sa.select(appeals)
    .where(appeals.c.item == sa.bindparam("of"), appeals.c.state == "open")
    .limit(1)
)


def _read(connection: Connection, query: sa.Select[Any]) -> list[Appeal]:
    return [Appeal(**row) for row in connection.execute(query).mappings()]


def _first(connection: Connection, query: sa.Select[Any]) -> Appeal | None:
    found = _read(connection, query.limit(1))
    return found[0] if found else None


def _need(connection: Connection, appeal: str) -> Appeal:
    found = get(connection, appeal)
    if found is None:
        raise MissingError(f"there is no appeal {appeal:.40}")
    return found


def _change(connection: Connection, appeal: str, values: dict[str, Any]) -> None:
    connection.execute(sa.update(appeals).where(appeals.c.id == appeal).values(values))


def _tell(
    connection: Connection, actor: str, action: str, appeal: Appeal, body: dict[str, Any], now: int
) -> None:
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=f"appeal:{appeal.id}",
        body=body,
        now=now,
    )
