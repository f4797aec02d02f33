"""A person is asked for an item that nothing has sent to one: somebody wants it looked at."""

from sqlalchemy import Connection

from tidegate.service import appealing, opening, ranking
from tidegate.store import cases, claims, decisions, items
from tidegate.store.cases import Case, New
from tidegate.store.error import StateError
from tidegate.store.queues import REVIEW


def called(connection: Connection, item: str, *, actor: str, reason: str, now: int) -> Case:
    """Have an item before a person, and return the open case that it is in.

    Where an appeal about it was answered, it is for nobody against whom that was.

    Args:
        connection: Of the transaction.
        item: Its id.
        actor: Who asks.
        reason: Why.
        now: The present.

    Raises:
        MissingError: There is no such item.
        StateError: It is not decided yet, or its media was deleted.
    """
    opening.lock(connection, item)
    held = items.hold(connection, item)
    there = cases.of_item(connection, item)
    if there is not None:
        return there
    if held.state == "deleted":
        raise StateError("the media of this item was deleted: there is nothing to look at")
    made = None if held.decision is None else decisions.get(connection, held.decision)
    if made is None:
        raise StateError("this item is not decided yet")
    why = opening.cause(made.decision, made.evidence)
    confidence = max(why.confidence, ranking.LEAST_CONFIDENCE)
    severity = ranking.severity(why.category)
    rank = ranking.rank(
        confidence=confidence,
        severity=severity,
        reach=held.reach or 0,
        copies=1,
        priority=ranking.PRIORITY,
        opened_at=now,
    )
    new = New(
        kind="review",
        item=item,
        queues={REVIEW: rank},
        category=why.category,
        confidence=confidence,
        severity=severity,
        reach=held.reach or 0,
        pdq=opening.fingerprint(made.evidence),
    )
    case = cases.open_case(connection, new, actor=actor, now=now)
    for one in sorted(appealing.barred(connection, item)):
        claims.bar(connection, case.id, one, now=now)
    cases.tell(connection, actor, "case.ask", case.id, {"item": item}, now, reason)
    return case
