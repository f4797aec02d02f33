"""Cases: items before human eyes, and where they stand in their queues.

A case is *open* until somebody has *decided* it, or it is *closed* because nothing is left to
decide. Who works on one is in :mod:`~tidegate.store.claims`, lists of them are in
:mod:`~tidegate.store.caselists`.

``version`` counts what changes what is decided: that the shown item was judged again, that the
case went elsewhere, ended or is open again. Neither claims nor copies that join count: nobody's
answer is refused because of them.

Whoever holds an item and a case locks the case first.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Value
from tidegate.store import actors, audit, clock, ids, near
from tidegate.store.casetables import case_items, case_queues, cases
from tidegate.store.error import ConflictError, InvalidError, MissingError
from tidegate.store.queues import ESCALATED
from tidegate.store.tables import items
from tidegate.store.text import check

Kind = Literal["review", "second", "disagreement", "appeal", "golden", "benign"]

State = Literal["open", "decided", "closed"]

STATES: tuple[State, ...] = get_args(State)


class New(Value, frozen=True, kw_only=True):
    """A case to be opened.

    Attributes:
        kind: ``review`` of what was decided; ``second``: an opinion on what another person has
            answered; ``disagreement`` of two; ``appeal``; ``golden``: its answer is known;
            ``benign``: a rest.
        item: The item that it shows.
        queues: In which queues it stands, and its rank in each: the highest comes first.
        category: Of the taxonomy, or empty where it concerns no single one.
        confidence: How sure the policy is of its reason, in (0, 1].
        severity: How bad it would be; see :mod:`tidegate.service.ranking`.
        reach: How many people may come to see it, all copies together.
        parent: The case that it comes of, or ``None``.
        golden: The known answer that it asks for, or ``None``.
        pdq: Of a still picture, 64 hexadecimal digits, where it says something; or ``None``.
        due_at: When it should have an answer, or ``None``.
    """

    kind: Kind
    item: str
    queues: dict[str, float]
    category: str = ""
    confidence: float = 0.5
    severity: float = 1.0
    reach: float = 0.0
    parent: str | None = None
    golden: str | None = None
    pdq: str | None = None
    due_at: int | None = None


class Case(Value, frozen=True, kw_only=True):
    """A case, as it is now.

    Attributes:
        id: Its id.
        kind: See :class:`New`.
        category: See :class:`New`.
        item: The item that it shows.
        parent: See :class:`New`.
        golden: See :class:`New`.
        state: Where it stands.
        copies: Items in it, the shown one included.
        pdq: See :class:`New`.
        confidence: See :class:`New`.
        severity: See :class:`New`.
        reach: See :class:`New`.
        opened_at: When it was opened.
        due_at: See :class:`New`.
        escalated_by: Who has escalated it, or ``None``.
        claimed_by: Who had it last, until it ends or is released; :meth:`holder` says who has it.
        claimed_at: Since when.
        claimed_until: Until when.
        version: Counts its changes.
        review: The answer that has decided it, or ``None``.
        ended_at: When it was decided or closed, or ``None``.
        queues: Where it stands, or stood when it ended, the highest rank first.
    """

    id: str
    kind: Kind
    category: str
    item: str
    parent: str | None
    golden: str | None
    state: State
    copies: int
    pdq: str | None
    confidence: float
    severity: float
    reach: float
    opened_at: int
    due_at: int | None
    escalated_by: str | None
    claimed_by: str | None
    claimed_at: int | None
    claimed_until: int | None
    version: int
    review: str | None
    ended_at: int | None
    queues: tuple[str, ...]

    def holder(self, now: int) -> str | None:
        """Return who has it at a time: a claim that has run out is nobody's."""
        return self.claimed_by if (self.claimed_until or 0) > now else None

    def rests(self, now: int) -> bool:
        """Return whether it is before nobody yet: the answer that it comes of can be taken back."""
        return self.holder(now) == "system"


class Copy(Value, frozen=True, kw_only=True):
    """An item of a case.

    Attributes:
        item: Its id.
        distance: Bits by which its picture differed from that of the case when it joined.
        created_at: When it joined.
    """

    item: str
    distance: int
    created_at: int


def open_case(
    connection: Connection, new: New, *, actor: str, now: int, since: int | None = None
) -> Case:
    """Open a case.

    Args:
        connection: Of the transaction.
        new: What it is.
        actor: Who opens it.
        now: The present.
        since: Since when it says that it is open; ``None``: since now.

    Raises:
        InvalidError: It is in no queue though it is no known answer and no rest, or a queue's name
            is too long.
    """
    if not new.queues and new.kind not in ("golden", "benign"):
        raise InvalidError("a case is in a queue at least")
    for queue in new.queues:
        check("queue", queue, 200)
    made, opened_at = ids.new(), now if since is None else since
    values = {name: getattr(new, name) for name in New.__struct_fields__ if name not in ("queues",)}
    values |= {"id": made, "state": "open", "copies": 1, "opened_at": opened_at, "version": 1}
    connection.execute(sa.insert(cases), values)
    _place(connection, made, new.queues, opened_at)
    first = {"case": made, "item": new.item, "distance": 0, "created_at": now}
    connection.execute(sa.insert(case_items), first)
    if new.kind == "review" and new.pdq is not None:
        near.remember(connection, made, new.pdq)
    body = {
        "kind": new.kind,
        "item": new.item,
        "category": new.category,
        "queues": sorted(new.queues),
        "parent": new.parent,
    }
    tell(connection, actor, "case.open", made, body, now)
    return need(connection, made)


def get(connection: Connection, case: str) -> Case | None:
    """Return a case, or ``None`` where there is none."""
    found = read(connection, sa.select(cases).where(cases.c.id == case))
    return found[0] if found else None


def need(connection: Connection, case: str) -> Case:
    """Return a case.

    Raises:
        MissingError: There is none.
    """
    found = get(connection, case)
    if found is None:
        raise MissingError(f"there is no case {case:.40}")
    return found


def hold(connection: Connection, case: str, *, wait: bool = True) -> Case:
    """Return a case and lock it until the transaction ends.

    Args:
        connection: Of the transaction.
        case: Which.
        wait: Whether to wait for somebody else who has locked it.

    Raises:
        MissingError: There is none.
        ConflictError: Somebody else has locked it, and that was not to be waited for.
    """
    if wait:
        locked = sa.select(cases.c.id).where(cases.c.id == case).with_for_update(key_share=True)
        connection.execute(locked)
    elif hold_free(connection, case) is None:
        need(connection, case)
        raise ConflictError("somebody is changing this case: try again")
    return need(connection, case)


def hold_free(connection: Connection, case: str) -> Case | None:
    """Return a case and lock it, unless somebody else has: nobody is waited for."""
    query = sa.select(cases.c.id).where(cases.c.id == case)
    locked = query.with_for_update(key_share=True, skip_locked=True)
    return get(connection, case) if connection.execute(locked).first() is not None else None


def of_item(connection: Connection, item: str) -> Case | None:
    """Return the open case of kind ``review`` that an item is in, or ``None``."""
    found = read(connection, _OPEN_OF, of=item)
    return found[0] if found else None


def all_of_item(connection: Connection, item: str, *, limit: int = 50) -> list[Case]:
    """Return every case that an item is or was in, newest first."""
    return read(connection, with_item(item).order_by(cases.c.id.desc()).limit(limit))


def open_of_item(connection: Connection, item: str) -> list[Case]:
    """Return every open case that an item is in, of whatever kind, newest first."""
    query = with_item(item).where(plainly(cases.c.state) == "open")
    return read(connection, query.order_by(cases.c.id.desc()))


def children(connection: Connection, case: str) -> list[Case]:
    """Return the cases that come of a case, oldest first."""
    return read(connection, sa.select(cases).where(cases.c.parent == case).order_by(cases.c.id))


def copies(
    connection: Connection, case: str, *, limit: int, after: str | None = None
) -> list[Copy]:
    """Return items of a case, the shown one among them, in the order of ids.

    Args:
        connection: To read by.
        case: Which.
        limit: How many at most.
        after: Id of the last item on the page before.
    """
    columns = (case_items.c.item, case_items.c.distance, case_items.c.created_at)
    query = sa.select(*columns).where(case_items.c.case == case)
    if after is not None:
        query = query.where(case_items.c.item > after)
    rows = connection.execute(query.order_by(case_items.c.item).limit(limit)).mappings()
    return [Copy(**row) for row in rows]


def ranks(connection: Connection, case: str) -> dict[str, float]:
    """Return where a case stands in each of its queues."""
    query = sa.select(case_queues.c.queue, case_queues.c.rank).where(case_queues.c.case == case)
    return {row[0]: row[1] for row in connection.execute(query)}


def with_content(connection: Connection, sha256: str, *, most: int = 64) -> list[str]:
    """Return the ids of open cases of kind ``review`` that have the same bytes in them.

    Args:
        connection: To read by.
        sha256: Digest of the bytes.
        most: Items with these bytes that are looked at, the newest.
    """
    same = (
        sa.select(items.c.id)
        .where(items.c.sha256 == sha256)
        .order_by(items.c.created_at.desc(), items.c.id.desc())
        .limit(most)
        .subquery()
    )
    query = (
        sa.select(cases.c.id)
        .distinct()
        .select_from(
            same.join(case_items, case_items.c.item == same.c.id).join(
                cases, cases.c.id == case_items.c.case
            )
        )
        .where(plainly(cases.c.state) == "open", cases.c.kind == "review")
        .order_by(cases.c.id)
    )
    return list(connection.execute(query).scalars())


def add_copy(
    connection: Connection,
    case: str,
    item: str,
    *,
    distance: int,
    reach: float,
    lift: float,
    now: int,
) -> Case:
    """Have an item in an open case as one more copy.

    Args:
        connection: Of the transaction, that has locked the case.
        case: Which.
        item: That is in no open case of kind ``review``.
        distance: Bits by which its picture differs from that of the case.
        reach: How many people may come to see it.
        lift: By how much the case ranks higher now, in each of its queues.
        now: The present.
    """
    values = {"case": case, "item": item, "distance": distance, "created_at": now}
    connection.execute(sa.insert(case_items), values)
    more = {"copies": cases.c.copies + 1, "reach": cases.c.reach + reach}
    connection.execute(sa.update(cases).where(cases.c.id == case).values(more))
    _lift(connection, case, lift)
    tell(connection, "system", "case.copy", case, {"item": item, "distance": distance}, now)
    return need(connection, case)


def drop_copy(
    connection: Connection,
    held: Case,
    item: str,
    *,
    reach: float,
    lift: float,
    actor: str,
    reason: str,
    now: int,
) -> Case:
    """Have an item in a case no more. Where it was the shown one, the nearest copy is shown.

    Args:
        connection: Of the transaction.
        held: The case, locked, with another item at least.
        item: One of its items.
        reach: How many people may come to see that.
        lift: By how much the case ranks higher without it; below 0.
        actor: Who does it.
        reason: Why.
        now: The present.
    """
    gone = sa.delete(case_items).where(case_items.c.case == held.id, case_items.c.item == item)
    connection.execute(gone)
    values: dict[str, Any] = {"copies": held.copies - 1, "reach": max(0.0, held.reach - reach)}
    if item == held.item:
        others = sa.select(case_items.c.item).where(case_items.c.case == held.id)
        nearest = others.order_by(case_items.c.distance, case_items.c.created_at, case_items.c.item)
        values["item"] = connection.execute(nearest.limit(1)).scalar_one()
        values["version"] = held.version + 1
    connection.execute(sa.update(cases).where(cases.c.id == held.id).values(values))
    _lift(connection, held.id, lift)
    body = {"item": item, "shown": values.get("item", held.item)}
    tell(connection, actor, "case.drop", held.id, body, now, reason)
    return need(connection, held.id)


def judged_again(
    connection: Connection,
    held: Case,
    *,
    category: str,
    confidence: float,
    severity: float,
    queues: Mapping[str, float],
    now: int,
) -> Case:
    """Note that the shown item was judged again, and still goes before a person.

    One that was escalated stays where it is.

    Args:
        connection: Of the transaction.
        held: The case, locked.
        category: See :class:`New`.
        confidence: See :class:`New`.
        severity: See :class:`New`.
        queues: See :class:`New`.
        now: The present.
    """
    placed = dict(queues)
    if held.escalated_by is not None:
        placed = {ESCALATED: max(queues.values())}
    values = {"category": category, "confidence": confidence, "severity": severity}
    change(connection, held, **values)
    replace_queues(connection, held, placed)
    body = {"category": category, "queues": sorted(placed)}
    tell(connection, "system", "case.judged_again", held.id, body, now)
    return need(connection, held.id)


def close(connection: Connection, case: str, *, actor: str, reason: str, now: int) -> Case:
    """End a case without an answer: nothing is left to decide.

    Raises:
        MissingError: There is none.
        ConflictError: It has ended before.
    """
    held = hold(connection, case)
    still_open(connection, held)
    _end(connection, held, now, state="closed")
    tell(connection, actor, "case.close", case, {}, now, reason)
    return need(connection, case)


def decided(
    connection: Connection, case: str, review: str, action: Action, *, actor: str, now: int
) -> Case:
    """Note that a case has its answer.

    Args:
        connection: Of the transaction.
        case: Which.
        review: Id of the answer.
        action: What it is.
        actor: Who has given it.
        now: The present.

    Raises:
        MissingError: There is none.
        ConflictError: It has ended before.
    """
    held = hold(connection, case)
    still_open(connection, held)
    _end(connection, held, now, state="decided", review=review)
    body = {"review": review, "answer": action}
    tell(connection, actor, "case.decide", case, body, now)
    return need(connection, case)


def reopen(
    connection: Connection,
    case: str,
    *,
    actor: str,
    reason: str,
    now: int,
    action: str = "case.reopen",
) -> Case:
    """Open a case that has ended, in the queues where it was.

    Raises:
        MissingError: There is none.
        ConflictError: It is open.
    """
    held = hold(connection, case)
    if held.state == "open":
        raise ConflictError("this case is open")
    change(connection, held, state="open", ended_at=None, review=None)
    there = sa.update(case_queues).where(case_queues.c.case == case)
    connection.execute(there.values(open=True))
    if held.kind == "review" and held.pdq is not None:
        near.remember(connection, case, held.pdq)
    tell(connection, actor, action, case, {"review": held.review}, now, reason)
    return need(connection, case)


def still_open(connection: Connection, held: Case) -> None:
    """Refuse what has ended, and say how.

    Raises:
        ConflictError: It has ended.
    """
    if held.state != "open":
        raise ConflictError(story(connection, held))


def story(connection: Connection, case: Case) -> str:
    """Return what happened last to a case, in words."""
    rows = audit.newest(connection, subject=_subject(case.id), limit=_MOST_TOLD)
    last = next((row for row in rows if row.action in _WORDS), None)
    if last is None:
        return "it was opened"
    what, body = _WORDS[last.action], msgspec.json.decode(last.body)
    answer = f", {body['answer']}," if "answer" in body else ""
    who, at = actors.name(connection, last.actor), clock.text(last.at)[11:16]
    why = f": {last.reason}" if last.reason else ""
    return f"{who} {what}{answer} at {at} UTC{why}"


_WORDS = {
    "case.close": "has closed this case",
    "case.decide": "has decided this case",
    "case.escalate": "has escalated this case",
    "case.judged_again": "has judged the item again",
    "case.reopen": "has opened this case again",
    "review.reverse": "has opened this case again",
    "review.undo": "has taken the answer back",
    "case.drop": "has taken an item out of this case",
}
"""What is worth telling, by its name in the audit chain."""

_MOST_TOLD = 100
"""Rows of a case that are looked through for it: copies may have joined since."""

NO_CLAIM: dict[str, Any] = {"claimed_by": None, "claimed_at": None, "claimed_until": None}


def _end(connection: Connection, held: Case, now: int, **values: Any) -> None:
    change(connection, held, ended_at=now, **NO_CLAIM, **values)
    there = sa.update(case_queues).where(case_queues.c.case == held.id)
    connection.execute(there.values(open=False))
    if held.kind == "review" and held.pdq is not None:
        near.forget(connection, held.id, held.pdq)


def change(connection: Connection, held: Case, **values: Any) -> None:
    """Change columns of a case that is locked, and count that."""
    query = sa.update(cases).where(cases.c.id == held.id)
    connection.execute(query.values(version=held.version + 1, **values))


def _place(connection: Connection, case: str, queues: Mapping[str, float], opened_at: int) -> None:
    rows = [
        {"case": case, "queue": queue, "rank": rank, "open": True, "opened_at": opened_at}
        for queue, rank in queues.items()
    ]
    if rows:
        connection.execute(sa.insert(case_queues), rows)


def replace_queues(connection: Connection, held: Case, queues: Mapping[str, float]) -> None:
    """Have a case that is open and locked stand in these queues, by its rank, and no others."""
    connection.execute(sa.delete(case_queues).where(case_queues.c.case == held.id))
    _place(connection, held.id, queues, held.opened_at)


def _lift(connection: Connection, case: str, by: float) -> None:
    there = sa.update(case_queues).where(case_queues.c.case == case)
    connection.execute(there.values(rank=case_queues.c.rank + by))


def plainly(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return a column for which no index is sought.

    For where another one finds the few rows that count: SQLite would rather walk all that is open.
    """
    return sa.func.coalesce(column, "")


def with_item(item: str) -> sa.Select[Any]:
    """Return the query of the cases that an item is or was in."""
    return _OF_ITEM.params(of=item)


def read(connection: Connection, query: sa.Select[Any], **of: str) -> list[Case]:
    """Return the cases that a query finds, with their queues."""
    rows = connection.execute(query, of).mappings().all()
    if not rows:
        return []
    queues: dict[str, list[str]] = {}
    for case, queue in connection.execute(_PLACES, {"cases": [row["id"] for row in rows]}):
        queues.setdefault(case, []).append(queue)
    return [Case(**row, queues=tuple(queues.get(row["id"], ()))) for row in rows]


# Made once: each decision asks, and whoever reads a case.
_OF_ITEM = sa.select(cases).where(
    cases.c.id.in_(sa.select(case_items.c.case).where(case_items.c.item == sa.bindparam("of")))
)
_OPEN_OF = _OF_ITEM.where(plainly(cases.c.state) == "open", cases.c.kind == "review").limit(1)
_PLACES = (
    sa.select(case_queues.c.case, case_queues.c.queue)
    .where(case_queues.c.case.in_(sa.bindparam("cases", expanding=True)))
    .order_by(case_queues.c.rank.desc(), case_queues.c.queue)
)


def _subject(case: str) -> str:
    return f"case:{case}"


def tell(
    connection: Connection,
    actor: str,
    action: str,
    case: str,
    body: dict[str, Any],
    now: int,
    reason: str = "",
) -> None:
    """Write a row of the audit chain about a case."""
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=_subject(case),
        body=body,
        reason=reason,
        now=now,
    )
