"""How well reviewers decide: second opinions, disagreements, known answers, and a rest between.

What is drawn is drawn by hash, so that it can be drawn again: from the id of an answer, which
nobody knows before it is given, and a salt that those who review do not see.

Whoever gets such a case cannot tell it from another one. It is the same page, in the same queue;
what was decided of the item meanwhile is not on it (:data:`BLIND`).
"""

from sqlalchemy import Connection

from tidegate.evidence import Action
from tidegate.policy.draw import draw
from tidegate.service import ranking
from tidegate.store import cases, claims, decisions, items, preferences, quality, queues, reviews
from tidegate.store import golden as known
from tidegate.store.cases import Case, Kind, New
from tidegate.store.clock import SECOND
from tidegate.store.quality import Against
from tidegate.store.queues import DISAGREEMENTS
from tidegate.store.reviews import Made, Review

BLIND: frozenset[Kind] = frozenset({"second", "golden", "benign"})
"""Kinds of cases that look like any other: neither their kind nor what was decided is shown."""

HARMLESS = 0.1
"""No signal of what is shown for a rest has a higher score."""

RECENT = 30
"""Newest items that are looked at for one that is harmless."""

SYSTEM = "system"


def after(connection: Connection, case: Case, review: Review, *, now: int) -> None:
    """Do what follows from an answer: ask for a second opinion, note that two disagree.

    Args:
        connection: Of the transaction that records the answer.
        case: As it is after it.
        review: The answer.
        now: The present.
    """
    earlier = _earlier(connection, case, review)
    _count(connection, case, review, again=earlier is not None, by=1)
    against = _against(connection, case, review, earlier)
    if against is not None:
        kind, expected = against
        quality.compare(
            connection,
            review.id,
            kind,
            category=case.category,
            expected=expected,
            given=review.action,
            now=now,
        )
    # What is quarantined is shown to nobody: a case without a picture would give the answer away.
    blind = review.action != "quarantine"
    if case.kind == "review" and blind and _drawn(connection, review):
        opened = _open_like(connection, case, review, "second", review.queue)
        claims.bar(connection, opened.id, review.reviewer, now=now)
    elif case.kind == "second":
        _settle(connection, case, review, now)


def instead(connection: Connection, actor: str, queue: str, *, now: int, since: int) -> str | None:
    """Return the id of a case that somebody is to be given in place of the next one of a queue.

    Args:
        connection: Of the transaction that gives it.
        actor: To whom.
        queue: Of which queue they would get the next case.
        now: The present.
        since: Since when the next case is open: a new one says the same, for what has not waited
            among cases that have is no case like any other.

    Returns:
        The id of an open case, or ``None``: they get the next one.
    """
    said = queues.settings(connection, queue)
    wanted = preferences.get(connection, actor.removeprefix("user:")).benign
    benign = said.benign_share if wanted is None else wanted
    if not said.golden_share and not benign:
        return None
    # Whoever gives a case back, or asks again, is in the same place.
    last = reviews.newest_of(connection, actor, limit=1)
    place = last[0].id if last else actor
    salt = quality.salt(connection)
    if draw(place, f"golden.{queue}", salt) < said.golden_share:
        found = _golden(connection, actor, queue, salt, now, since)
        if found is not None:
            return found
    if draw(place, f"benign.{queue}", salt) < benign:
        return _benign(connection, actor, queue, now, since)
    return None


def undone(connection: Connection, case: Case, review: Review, *, now: int) -> None:
    """Take back what :func:`after` did. Cases that it opened are closed already.

    Args:
        connection: Of the transaction that takes the answer back.
        case: As it is after that.
        review: The answer.
        now: The present.
    """
    _count(connection, case, review, again=_earlier(connection, case, review) is not None, by=-1)
    quality.forget(connection, review.id)
    if case.kind in ("golden", "benign"):
        quality.set_aside(connection, case.id)


def _count(connection: Connection, case: Case, review: Review, *, again: bool, by: int) -> None:
    waited = review.created_at - review.opened_at
    # What was opened again has waited since then.
    told = not again and review.effective
    quality.count(
        connection,
        kind=case.kind,
        reviewer=review.reviewer,
        category=case.category,
        queue=review.queue,
        length=quality.length(waited) if told else None,
        at=review.created_at,
        by=by,
    )


def _against(
    connection: Connection, case: Case, review: Review, earlier: Review | None
) -> tuple[Against, Action] | None:
    """Return what an answer is held against, or ``None`` where it is the first of its item."""
    if earlier is not None:
        return "reversal", earlier.action
    match case.kind:
        case "second":
            first = _first(connection, case)
            return None if first is None else ("second", first.action)
        case "disagreement":
            first = _first(connection, cases.need(connection, str(case.parent)))
            return None if first is None else ("disagreement", first.action)
        case "golden":
            answer = known.get(connection, str(case.golden))
            return None if answer is None else ("golden", answer.action)
        case "appeal":
            before = _appealed(connection, case, review)
            return None if before is None else ("appeal", before)
        case _:
            return None


def _earlier(connection: Connection, case: Case, review: Review) -> Review | None:
    """Return the answer to the same case that was in force before this one, or ``None``."""
    return next(
        (
            one
            for one in reviews.of_case(connection, case.id)
            if one.id < review.id and one.undone_at is None
        ),
        None,
    )


def _drawn(connection: Connection, review: Review) -> bool:
    """Return whether another person is asked too."""
    share = queues.settings(connection, review.queue).second_share if review.queue else 0.0
    return draw(review.id, f"second.{review.queue}", quality.salt(connection)) < share


def _first(connection: Connection, second: Case) -> Review | None:
    """Return the answer that a second opinion is on, unless it was taken back."""
    found = (
        one
        for one in reviews.of_case(connection, str(second.parent))
        if one.created_at == second.opened_at and one.undone_at is None
    )
    return next(found, None)


def _settle(connection: Connection, case: Case, review: Review, now: int) -> None:
    """Put two answers that differ before a third person, with all copies of the item.

    But for what somebody else has decided since: the answer to an appeal is not in question.
    """
    first, parent = _first(connection, case), cases.need(connection, str(case.parent))
    if first is None or first.action == review.action or parent.review != first.id:
        return
    made = reviews.decisions_of(connection, first.id)
    stands = {one.item for one in made if _in_force(connection, one)}
    if case.item not in stands:
        return
    opened = _open_like(connection, case, review, "disagreement", DISAGREEMENTS)
    for reviewer in sorted({first.reviewer, review.reviewer}):
        claims.bar(connection, opened.id, reviewer, now=now)
    for copy in cases.copies(connection, parent.id, limit=parent.copies):
        if copy.item != opened.item and copy.item in stands:
            cases.add_copy(
                connection,
                opened.id,
                copy.item,
                distance=copy.distance,
                reach=0.0,
                lift=0.0,
                now=now,
            )


def _in_force(connection: Connection, made: Made) -> bool:
    item = items.get(connection, made.item)
    return item is not None and item.decision == made.decision


def _open_like(connection: Connection, case: Case, review: Review, kind: Kind, queue: str) -> Case:
    """Open a case that comes of an answer; nobody is given it while that can be taken back."""
    now = review.created_at
    new = New(
        kind=kind,
        item=case.item,
        category=case.category,
        confidence=case.confidence,
        severity=case.severity,
        reach=case.reach,
        parent=case.id,
        queues={
            queue: ranking.rank(
                confidence=case.confidence,
                severity=case.severity,
                reach=case.reach,
                copies=case.copies,
                opened_at=now,
            )
        },
    )
    opened = cases.open_case(connection, new, actor=SYSTEM, now=now)
    rest = (review.leaves_at - now) / SECOND
    return claims.claim(connection, opened.id, SYSTEM, now=now, seconds=rest)


def _appealed(connection: Connection, case: Case, review: Review) -> Action | None:
    """Return the action that was appealed against."""
    for made in reviews.decisions_of(connection, review.id):
        if made.item == case.item and made.before is not None:
            before = decisions.get(connection, made.before)
            return None if before is None else before.decision.action
    return None


def _golden(
    connection: Connection, actor: str, queue: str, salt: str, now: int, since: int
) -> str | None:
    """Return an open case of a known answer that somebody does not know, or ``None``."""
    unseen = known.unseen(connection, queue, actor)
    if not unseen:
        return None
    # Each has them in an order of their own.
    chosen = min(unseen, key=lambda one: draw(one.id, actor, salt))
    there = quality.free(connection, "golden", queue, actor, now=now, golden=chosen.id)
    if there is not None:
        return there
    new = New(
        kind="golden",
        item=chosen.item,
        category=chosen.category,
        severity=ranking.severity(chosen.category),
        golden=chosen.id,
        queues={queue: _rank(0.5, chosen.category, now)},
    )
    return _aside(connection, new, now, since)


def _benign(connection: Connection, actor: str, queue: str, now: int, since: int) -> str | None:
    """Return an open case of something harmless, or ``None`` where there is nothing new."""
    while (there := quality.free(connection, "benign", queue, actor, now=now)) is not None:
        item = items.get(connection, cases.need(connection, there).item)
        if item is not None and item.action == "allow" and _harmless(connection, item):
            return there
        told = {"actor": SYSTEM, "reason": "it is not what it was"}
        cases.close(connection, there, now=now, **told)
    which = items.Filter(action="allow", state="judged")
    for item in items.page(connection, which, limit=RECENT).items:
        if _harmless(connection, item) and not cases.all_of_item(connection, item.id, limit=1):
            new = New(kind="benign", item=item.id, queues={queue: _rank(0.5, "", now)})
            return _aside(connection, new, now, since)
    return None


def _harmless(connection: Connection, item: items.Item) -> bool:
    """Return whether all was asked of an item, and nothing found."""
    made = decisions.get(connection, item.decision or "")
    if made is None or made.origin != "machine" or made.evidence is None:
        return False
    found, decision = made.evidence, made.decision
    unknown = found.unknowns or decision.missing
    scores = [signal.score for signal in found.signals]
    return (
        decision.judged and not found.matches and not unknown and max(scores, default=0) < HARMLESS
    )


def _aside(connection: Connection, new: New, now: int, since: int) -> str:
    opened = cases.open_case(connection, new, actor=SYSTEM, now=now, since=since)
    quality.set_aside(connection, opened.id)
    return opened.id


def _rank(confidence: float, category: str, now: int) -> float:
    severity = ranking.severity(category)
    return ranking.rank(confidence=confidence, severity=severity, opened_at=now)
