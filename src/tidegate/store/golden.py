"""Golden cases: items whose answer is known, put before reviewers as if it were not."""

from typing import get_args

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Value
from tidegate.store import audit, ids, items
from tidegate.store.casetables import case_barred, cases, comparisons, golden, reviews
from tidegate.store.error import InvalidError, MissingError, StateError
from tidegate.store.tables import items as items_table
from tidegate.store.text import check

LONGEST_NOTE = 2000
"""Characters of a note at most."""

MOST_OF_A_PAGE = 200
"""Golden cases, or answers to them, of a page at most."""


class New(Value, frozen=True, kw_only=True):
    """A known answer.

    Attributes:
        item: The item that is shown.
        queue: In which queue it is put before reviewers.
        category: Of the taxonomy, or empty where it concerns no single one.
        action: The answer.
        note: Why that is the answer.
    """

    item: str
    queue: str
    category: str
    action: Action
    note: str


class Golden(New, frozen=True, kw_only=True):
    """A known answer of the record.

    Attributes:
        id: Its id.
        author: Who made it. They are not asked.
        created_at: When it was made.
        retired_at: When it was put out of use, or ``None``.
    """

    id: str
    author: str
    created_at: int
    retired_at: int | None


class Answered(Value, frozen=True, kw_only=True):
    """What somebody has answered to a golden case.

    Attributes:
        golden: Its id.
        item: The item that was shown.
        case: As which case they had it.
        reviewer: Who.
        expected: The known answer, as it was then.
        given: Their answer.
        note: What they noted.
        created_at: When.
    """

    golden: str
    item: str
    case: str
    reviewer: str
    expected: Action
    given: Action
    note: str
    created_at: int


def make(connection: Connection, new: New, *, actor: str, now: int) -> Golden:
    """Make a golden case of an item that was decided.

    Raises:
        MissingError: There is no such item.
        StateError: It is not decided, or its media was deleted.
        InvalidError: A text is too long, or the action is none.
    """
    check("queue", new.queue, 200)
    check("note", new.note, LONGEST_NOTE, empty=True)
    if new.action not in get_args(Action):
        raise InvalidError(f"{new.action[:40]!r} is no action")
    item = items.hold(connection, new.item)
    if item.state != "judged":
        raise StateError(f"item {item.id} is {item.state}: only what is decided has a known answer")
    made = Golden(
        id=ids.new(),
        author=actor,
        created_at=now,
        retired_at=None,
        **{name: getattr(new, name) for name in New.__struct_fields__},
    )
    values = {name: getattr(made, name) for name in Golden.__struct_fields__}
    connection.execute(sa.insert(golden), values)
    body = {"item": made.item, "queue": made.queue, "action": made.action}
    _tell(connection, made.id, "golden.make", body, actor, made.note, now)
    return made


def get(connection: Connection, golden_case: str) -> Golden | None:
    """Return a golden case, or ``None`` where there is none."""
    row = connection.execute(sa.select(golden).filter_by(id=golden_case)).mappings().first()
    return None if row is None else Golden(**row)


def retire(connection: Connection, golden_case: str, *, actor: str, reason: str, now: int) -> None:
    """Put a golden case out of use. What was answered to it stays.

    Raises:
        MissingError: There is none.
        StateError: It was retired before.
    """
    change = sa.update(golden).where(golden.c.id == golden_case, golden.c.retired_at.is_(None))
    if not connection.execute(change.values(retired_at=now)).rowcount:
        if get(connection, golden_case) is None:
            raise MissingError("there is no such golden case")
        raise StateError("this golden case was retired before")
    _tell(connection, golden_case, "golden.retire", {}, actor, reason, now)


def page(connection: Connection, *, limit: int, after: str | None = None) -> list[Golden]:
    """Return golden cases, newest first.

    Args:
        connection: To read by.
        limit: How many at most.
        after: Id of the last one on the page before.
    """
    query = sa.select(golden).order_by(golden.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(golden.c.id < after)
    return [Golden(**row) for row in connection.execute(query).mappings()]


def unseen(connection: Connection, queue: str, actor: str) -> list[Golden]:
    """Return the golden cases of a queue that somebody may be given: they do not know them.

    They know those that they made, answered or skipped.
    """
    theirs = cases.c.golden == golden.c.id
    answered = sa.exists().where(
        theirs,
        reviews.c.case == cases.c.id,
        reviews.c.reviewer == actor,
        reviews.c.undone_at.is_(None),
    )
    skipped = sa.exists().where(
        theirs, case_barred.c.case == cases.c.id, case_barred.c.actor == actor
    )
    query = (
        sa.select(golden)
        .join(items_table, items_table.c.id == golden.c.item)
        .where(
            golden.c.queue == queue,
            golden.c.retired_at.is_(None),
            golden.c.author != actor,
            items_table.c.state != "deleted",
            ~answered,
            ~skipped,
        )
        .order_by(golden.c.id)
    )
    return [Golden(**row) for row in connection.execute(query).mappings()]


def answers(
    connection: Connection, *, limit: int, golden_case: str | None = None
) -> list[Answered]:
    """Return what was answered to golden cases, newest first.

    Args:
        connection: To read by.
        limit: How many at most.
        golden_case: To this one alone.
    """
    query = (
        sa.select(
            cases.c.golden,
            cases.c.item,
            reviews.c.case,
            reviews.c.reviewer,
            comparisons.c.expected,
            comparisons.c.given,
            reviews.c.note,
            comparisons.c.created_at,
        )
        .join(reviews, reviews.c.id == comparisons.c.review)
        .join(cases, cases.c.id == reviews.c.case)
        .where(comparisons.c.kind == "golden")
        .order_by(comparisons.c.created_at.desc(), comparisons.c.review.desc())
        .limit(limit)
    )
    if golden_case is not None:
        query = query.where(cases.c.golden == golden_case)
    return [Answered(**row) for row in connection.execute(query).mappings()]


def _tell(
    connection: Connection,
    golden_case: str,
    action: str,
    body: dict[str, str],
    actor: str,
    reason: str,
    now: int,
) -> None:
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=f"golden:{golden_case}",
        body=body,
        reason=reason,
        now=now,
    )
