"""When an item goes before a person: a case is opened, joined, changed, left or closed.

It follows each decision of a machine that comes into force. Near-identical items are one case, so
that one answer does for all of them: those with the same bytes, and still pictures whose PDQ
differs by 15 bits at most (:mod:`~tidegate.store.near`), where they are about the same category
and in the same queue.

Lock order: a case before the items in it. Whoever is to hold an item that may be in a case calls
:func:`lock` before.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from tidegate.evidence import Decision, Evidence, Match, Reason
from tidegate.hashing import MIN_QUALITY
from tidegate.policy import finding
from tidegate.service import ranking
from tidegate.store import cases, near
from tidegate.store.cases import Case, New
from tidegate.store.items import Item
from tidegate.store.queues import REVIEW

MOST_COPIES = 256
"""Items of a case at most, for all of them are decided in one transaction; more are a new case."""

NOBODY_KNOWS = 0.5
"""The confidence of a reason that has no score: something is unknown, or a guard holds."""

SYSTEM = "system"
"""Who opens and closes cases."""


class Cause(NamedTuple):
    """Why an item goes before a person.

    Attributes:
        category: What it is about, or empty.
        confidence: How sure the policy is, in [0, 1].
    """

    category: str
    confidence: float


def lock(connection: Connection, item: str) -> None:
    """Lock the open case that an item is in, if it is in one, until the transaction ends."""
    case = cases.of_item(connection, item)
    if case is not None:
        cases.hold(connection, case.id)


def opened(
    connection: Connection,
    item: Item,
    decision: Decision,
    evidence: Evidence | None,
    *,
    now: int,
) -> Case | None:
    """Bring the case of an item in line with what a machine has decided of it.

    Args:
        connection: Of the transaction that has put the decision in force, that holds the item and,
            where it was in a case, has locked that before (:func:`lock`).
        item: The item.
        decision: What was decided.
        evidence: What it rests on, or ``None`` where that is not known any more.
        now: The present.

    Returns:
        The open case that it is in now, or ``None``: nobody needs to look.

    Raises:
        ConflictError: Somebody works on a case that the item has come into just now; trying again
            helps.
    """
    wanted = priorities(decision)
    there = cases.of_item(connection, item.id)
    if there is not None:
        there = cases.hold(connection, there.id, wait=False)
    if not wanted:
        if there is not None:
            reason = "nothing asks for a person any more"
            leave(connection, there, item, reason=reason, actor=SYSTEM, now=now)
        return None
    why = cause(decision, evidence)
    severity = ranking.severity(why.category)
    confidence = max(why.confidence, ranking.LEAST_CONFIDENCE)
    if there is not None and there.item != item.id:
        return there
    reach, copies = (item.reach or 0, 1) if there is None else (there.reach, there.copies)
    ranks = {
        queue: ranking.rank(
            confidence=confidence,
            severity=severity,
            reach=reach,
            copies=copies,
            priority=priority,
            opened_at=now if there is None else there.opened_at,
        )
        for queue, priority in wanted.items()
    }
    if there is not None:
        return cases.judged_again(
            connection,
            there,
            category=why.category,
            confidence=confidence,
            severity=severity,
            queues=ranks,
            now=now,
        )
    pdq = fingerprint(evidence)
    first = max(ranks, key=lambda queue: (ranks[queue], queue))
    joined = _joined(connection, item, pdq, first, why.category, now)
    if joined is not None:
        return joined
    new = New(
        kind="review",
        item=item.id,
        queues=ranks,
        category=why.category,
        confidence=confidence,
        severity=severity,
        reach=reach,
        pdq=pdq,
    )
    return cases.open_case(connection, new, actor=SYSTEM, now=now)


def gone(connection: Connection, item: Item, *, actor: str, now: int) -> None:
    """Take an item whose media was deleted out of its cases. An appeal is answered all the same.

    Args:
        connection: Of the transaction that deletes it, that holds it and, where it was in a case,
            has locked that before (:func:`lock`).
        item: The item.
        actor: Who has deleted it.
        now: The present.

    Raises:
        ConflictError: Somebody works on a case that it has come into just now.
    """
    for case in cases.open_of_item(connection, item.id):
        if case.kind != "appeal":
            held = cases.hold(connection, case.id, wait=False)
            leave(connection, held, item, reason="the media was deleted", actor=actor, now=now)


def priorities(decision: Decision) -> dict[str, int]:
    """Return the queues that a decision puts its item into, each with its priority."""
    named = {e.value: e.priority for e in decision.effects if e.kind == "queue"}
    if named or decision.action not in ("review", "hold"):
        return named
    return {REVIEW: ranking.PRIORITY}


def cause(decision: Decision, evidence: Evidence | None) -> Cause:
    """Return what a case is about, and how sure that is: by the strongest reason that counts."""
    counting = [reason for reason in decision.reasons if reason.overruled_by is None]
    if not counting:
        return Cause("", NOBODY_KNOWS)
    first = counting[0]
    return Cause(first.category or "", _confidence(first, decision, evidence))


def fingerprint(evidence: Evidence | None) -> str | None:
    """Return the PDQ of a still picture, where that says something; or ``None``."""
    if evidence is None or evidence.media is None or evidence.media.kind != "image":
        return None
    if not evidence.frames or evidence.frames[0].quality < MIN_QUALITY:
        return None
    return evidence.frames[0].pdq


def _confidence(reason: Reason, decision: Decision, evidence: Evidence | None) -> float:
    if evidence is None or reason.ground in ("unknown", "guard"):
        return NOBODY_KNOWS
    found = finding(evidence, reason, decision.missing)
    if isinstance(found, Match):
        return 1 - found.distance / 256
    score = getattr(found, "score", NOBODY_KNOWS)
    return float(score)


def _joined(
    connection: Connection, item: Item, pdq: str | None, queue: str, category: str, now: int
) -> Case | None:
    """Have an item join the case that shows the same, if there is one."""
    found: dict[str, int] = {}
    if item.sha256 is not None:
        found = dict.fromkeys(cases.with_content(connection, item.sha256), 0)
    if pdq is not None:
        for one in near.find(connection, pdq):
            found.setdefault(one.case, one.distance)

    def fits(case: Case) -> bool:
        return (
            (case.state, case.kind, case.category) == ("open", "review", category)
            and case.queues[0] == queue
            and case.copies < MOST_COPIES
        )

    for case, distance in found.items():
        # Whoever has it may be waiting for this item: it is passed over then, not waited for.
        held = cases.hold_free(connection, case) if fits(cases.need(connection, case)) else None
        if held is None or not fits(held):
            continue
        reach = item.reach or 0
        lift = ranking.lift((held.reach, held.copies), (held.reach + reach, held.copies + 1))
        return cases.add_copy(
            connection, case, item.id, distance=distance, reach=reach, lift=lift, now=now
        )
    return None


def leave(
    connection: Connection, held: Case, item: Item, *, reason: str, actor: str, now: int
) -> None:
    """Take an item out of its case, and close that where nothing is left in it."""
    if held.copies == 1:
        cases.close(connection, held.id, actor=actor, reason=reason, now=now)
        return
    take_out(connection, held, item, reason=reason, actor=actor, now=now)


def take_out(
    connection: Connection, held: Case, item: Item, *, reason: str, actor: str, now: int
) -> Case:
    """Take an item out of a case in which others remain, and return the case."""
    reach = item.reach or 0
    left = max(0.0, held.reach - reach)
    return cases.drop_copy(
        connection,
        held,
        item.id,
        reach=reach,
        lift=ranking.lift((held.reach, held.copies), (left, held.copies - 1)),
        actor=actor,
        reason=reason,
        now=now,
    )
