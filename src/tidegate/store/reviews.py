"""Reviews: what a person answered, and the decisions that it made. Rows are only added.

One that is taken back within its time is marked so, and stays.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Value
from tidegate.store import ids
from tidegate.store.cases import Kind
from tidegate.store.casetables import review_decisions, reviews
from tidegate.store.error import ConflictError, MissingError
from tidegate.store.text import check

LONGEST_NOTE = 2000
"""Characters of a note at most."""


class New(Value, frozen=True, kw_only=True):
    """An answer to be recorded.

    Attributes:
        case: To which case.
        kind: What the case is for.
        queue: In which queue it stood, the one where it ranked highest; empty where it was in none.
        reviewer: Who answered.
        action: What is to be done.
        rule: Where in the policy the reason stands; empty where none was named.
        category: Of the taxonomy; empty where none was named.
        note: In words.
        context: Context flags that the reviewer has set.
        effective: Whether it takes effect; not where it is blind, or its answer is known already.
        micros: From the claim to the answer; ``None`` where nobody had claimed the case.
        opened_at: When the case was opened.
        leaves_at: When others are told, and until when it can be taken back.
    """

    case: str
    kind: Kind
    queue: str
    reviewer: str
    action: Action
    rule: str
    category: str
    note: str
    context: tuple[str, ...]
    effective: bool
    micros: int | None
    opened_at: int
    leaves_at: int


class Review(New, frozen=True, kw_only=True):
    """An answer of the record.

    Attributes:
        id: Its id.
        created_at: When it was given.
        undone_at: When it was taken back, or ``None``.
    """

    id: str
    created_at: int
    undone_at: int | None = None


class Made(Value, frozen=True, kw_only=True):
    """A decision that a review made of an item.

    Attributes:
        item: Of which.
        decision: Its id.
        before: The decision that was in force before, or ``None``.
    """

    item: str
    decision: str
    before: str | None


def add(connection: Connection, new: New, *, now: int, decisions: Sequence[Made] = ()) -> Review:
    """Record an answer.

    Args:
        connection: Of the transaction that has made its decisions.
        new: What was answered.
        now: The present.
        decisions: What it made of each item.

    Raises:
        InvalidError: The note is too long.
    """
    check("note", new.note, LONGEST_NOTE, empty=True)
    review = Review(id=ids.new(), created_at=now, **_fields(new))
    connection.execute(sa.insert(reviews), _columns(review))
    rows = [{"review": review.id} | _fields(made) for made in decisions]
    if rows:
        connection.execute(sa.insert(review_decisions), rows)
    return review


def get(connection: Connection, review: str) -> Review | None:
    """Return an answer, or ``None`` where there is none."""
    found = _read(connection, sa.select(reviews).where(reviews.c.id == review))
    return found[0] if found else None


def of_case(connection: Connection, case: str) -> list[Review]:
    """Return the answers to a case, newest first, those that were taken back included."""
    query = sa.select(reviews).where(reviews.c.case == case)
    return _read(connection, query.order_by(reviews.c.created_at.desc(), reviews.c.id.desc()))


def newest_of(connection: Connection, reviewer: str, *, limit: int) -> list[Review]:
    """Return the answers of a person, newest first, those that were taken back included."""
    query = sa.select(reviews).where(reviews.c.reviewer == reviewer)
    query = query.order_by(reviews.c.created_at.desc(), reviews.c.id.desc())
    return _read(connection, query.limit(limit))


def decisions_of(connection: Connection, review: str) -> list[Made]:
    """Return the decisions that an answer made, by item."""
    columns = (review_decisions.c[name] for name in Made.__struct_fields__)
    query = sa.select(*columns).where(review_decisions.c.review == review)
    rows = connection.execute(query.order_by(review_decisions.c.item)).mappings()
    return [Made(**row) for row in rows]


def undo(connection: Connection, review: str, *, now: int) -> Review:
    """Mark an answer as taken back.

    Raises:
        MissingError: There is none.
        ConflictError: It was taken back before.
    """
    change = sa.update(reviews).where(reviews.c.id == review, reviews.c.undone_at.is_(None))
    undone = connection.execute(change.values(undone_at=now)).rowcount
    found = get(connection, review)
    if found is None:
        raise MissingError(f"there is no review {review:.40}")
    if not undone:
        raise ConflictError("this answer was taken back before")
    return found


def _fields(of: Value) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


def _columns(review: Review) -> dict[str, Any]:
    return _fields(review) | {"context": msgspec.json.encode(review.context).decode()}


def _read(connection: Connection, query: sa.Select[Any]) -> list[Review]:
    return [
        Review(**{**row, "context": msgspec.json.decode(row["context"], type=tuple[str, ...])})
        for row in connection.execute(query).mappings()
    ]
