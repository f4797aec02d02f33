"""Appeals: an uploader asks that a decision be looked at again, by another person.

An appeal is against what is done with an item. It opens a case in the queue ``appeals``, which is
given to nobody who has decided on the item, and waits until that case has its answer, or until
nothing restricts the item any more. That the item is decided anew meanwhile, and no better, does
not end it: whoever decided is barred, and it goes on.
"""

from typing import Literal

from sqlalchemy import Connection

from tidegate.evidence import strength
from tidegate.service import alarms, envelope, opening, ranking, statements
from tidegate.store import appeals, cases, claims, clock, decisions, items, reviews
from tidegate.store.appeals import Appeal, Outcome
from tidegate.store.cases import Case
from tidegate.store.clock import DAY
from tidegate.store.decisions import Recorded
from tidegate.store.error import ConflictError, InvalidError, MissingError
from tidegate.store.items import Item
from tidegate.store.queues import APPEALS
from tidegate.store.reviews import Review
from tidegate.store.text import check

URGENCY = 32.0
"""The rank of an appeal at the moment when it is due, as log2 of a weight: ahead of every other
case that has not waited for days. A week before that it weighs as much as a case does at first."""

UPLOADER = "uploader"
"""Who appeals by a link, as the audit chain calls them."""

Why = Literal["changed", "nothing", "appealed", "answered", "waiting", "late"]


class NoAppealError(ConflictError):
    """There is no appeal against this, or not any more.

    Attributes:
        why: ``changed``: another decision is in force; ``nothing``: nothing restricts the item;
            ``appealed``: it was appealed against before; ``answered``: it is the answer to an
            appeal; ``waiting``: another appeal about the item is open; ``late``: the time is over.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(_WHY[why])
        self.why: Why = why


_WHY: dict[Why, str] = {
    "changed": "another decision is in force by now",
    "nothing": "nothing restricts this item",
    "appealed": "this decision was appealed against before",
    "answered": "this decision is the answer to an appeal, and is not appealed against again",
    "waiting": "another appeal about this item waits for its answer",
    "late": "the time for an appeal is over",
}


def barrier(
    connection: Connection, item: Item, decision: str, *, now: int, until: int | None = None
) -> Why | None:
    """Return why there is no appeal against a decision, or ``None`` where there may be one.

    Args:
        connection: To read by.
        item: The item.
        decision: Id of the decision.
        now: The present.
        until: The last moment, or ``None`` where there is none.
    """
    if appeals.of_decision(connection, decision) is not None:
        return "appealed"
    if item.decision != decision:
        return "changed"
    if not statements.restricts(item.action):
        return "nothing"
    before = appeals.of_item(connection, item.id)
    if any(one.outcome == decision for one in before):
        return "answered"
    if any(one.state == "open" for one in before):
        return "waiting"
    return "late" if until is not None and now >= until else None


def appeal(
    connection: Connection,
    item: str,
    *,
    text: str,
    author: str,
    actor: str,
    days: int,
    now: int,
    until: int | None = None,
    decision: str | None = None,
) -> Appeal:
    """Appeal against the decision in force on an item.

    Args:
        connection: Of the transaction.
        item: Its id.
        text: What whoever appeals says.
        author: What the platform calls them; empty where it does not say.
        actor: Who brings it.
        days: Within how many days it should be answered.
        now: The present.
        until: The last moment for it, or ``None`` where there is none.
        decision: Which decision they know of; ``None``: the one in force.

    Raises:
        MissingError: There is no such item.
        InvalidError: A text is empty, too long or cannot be stored.
        NoAppealError: There is no appeal against that.
    """
    text = plain(text)
    check("text", text, appeals.LONGEST_TEXT)
    check("author", author, appeals.LONGEST_AUTHOR, empty=True)
    held = items.hold(connection, item)
    against = decision if decision is not None else held.decision
    why = "nothing" if against is None else barrier(connection, held, against, now=now, until=until)
    if why is not None:
        raise NoAppealError(why)
    assert against is not None
    made = decisions.get(connection, against)
    assert made is not None  # It is in force.
    due_at = now + days * DAY
    case = _open_case(connection, held, made, actor=actor, due_at=due_at, now=now)
    opened = appeals.add(
        connection,
        appeals.New(
            item=held.id,
            decision=against,
            case=case.id,
            author=author,
            text=text,
            due_at=due_at,
        ),
        actor=actor,
        now=now,
    )
    alarms.appeal(connection, held, _told(opened), made, now=now, due_at=now)
    return opened


def answered(connection: Connection, case: Case, review: Review, *, now: int) -> None:
    """Note what a person's answer means for appeals.

    Of the case of an appeal it is the outcome. Of another case it ends an appeal about one of its
    items too, where nothing restricts that any more; else whoever answered is not given it.

    Args:
        connection: Of the transaction that records the answer, and has told of its decisions.
        case: The case, as it is after the answer.
        review: The answer, that took effect.
        now: The present.

    Raises:
        InvalidError: It turns an appeal down without a word.
        ConflictError: Somebody is changing the case of an appeal that it would end: trying again
            helps.
    """
    for made in reviews.decisions_of(connection, review.id):
        decision = decisions.get(connection, made.decision)
        assert decision is not None  # It was recorded just now.
        found = appeals.of_case(connection, case.id)
        if found is not None:
            _answered(connection, found, review, decision, now)
        elif (other := appeals.open_of(connection, made.item)) is not None:
            claims.bar(connection, other.case, review.reviewer, now=now)
            _lifted(
                connection,
                other,
                decision,
                actor=review.reviewer,
                now=now,
                due_at=review.leaves_at,
            )


def decided(connection: Connection, item: str, decision: str, *, actor: str, now: int) -> None:
    """Note that another decision on an item has come into force, by no answer to a case.

    Where nothing restricts the item any more its appeal is over, and so is the case.

    Args:
        connection: Of the transaction that has recorded it.
        item: Id of the item.
        decision: Id of the decision.
        actor: Who decided.
        now: The present.
    """
    found = appeals.open_of(connection, item)
    made = None if found is None else decisions.get(connection, decision)
    if found is not None and made is not None:
        _lifted(connection, found, made, actor=actor, now=now, due_at=now)


def undone(connection: Connection, case: Case, review: Review, *, now: int) -> None:
    """Take back what an answer meant for appeals.

    Args:
        connection: Of the transaction that has taken the answer back, with its messages: the
            decisions before are in force, and the case is open again.
        case: The case.
        review: The answer.
        now: The present.
    """
    for made in reviews.decisions_of(connection, review.id):
        for one in appeals.of_item(connection, made.item):
            if one.outcome == made.decision:
                again = appeals.reopen(connection, one, actor=review.reviewer, now=now)
                if again.case != case.id:
                    reason = "the answer that ended it was taken back"
                    cases.reopen(
                        connection, again.case, actor=review.reviewer, reason=reason, now=now
                    )
            elif one.state == "open" and one.decision == made.decision:
                _withdrawn(connection, one, made.before, actor=review.reviewer, now=now)


def barred(connection: Connection, item: str) -> frozenset[str]:
    """Return who is not to decide on an item again, for an appeal against them has its answer.

    Args:
        connection: To read by.
        item: Id of the item.

    Returns:
        Those that the appeal was not given to; nobody, where its answer is not in force any more.
    """
    held = items.get(connection, item)
    return frozenset(
        actor
        for one in appeals.of_item(connection, item)
        if held is not None and one.outcome is not None and one.outcome == held.decision
        for actor, because in claims.barred(connection, one.case).items()
        if because == "decided_before"
    )


def plain(text: str) -> str:
    """Return a text as it is kept: with one kind of line ending, and no white space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _answered(
    connection: Connection, found: Appeal, review: Review, made: Recorded, now: int
) -> None:
    against = decisions.get(connection, found.decision)
    assert against is not None  # Decisions stay.
    better = strength(made.decision.action) < strength(against.decision.action)
    answer = plain(review.note)
    if not better and not answer:
        raise InvalidError("an appeal that is turned down needs an answer in words")
    ended = appeals.end(
        connection,
        found,
        state="reversed" if better else "upheld",
        outcome=made.id,
        answer=answer,
        actor=review.reviewer,
        now=now,
    )
    _tell_end(connection, ended, made, now=now, due_at=review.leaves_at)
    _seen(connection, found.item, actor=review.reviewer, now=now)


def _seen(connection: Connection, item: str, *, actor: str, now: int) -> None:
    """Take an item out of the cases where it waits for a person to look, for one has.

    Else whoever is given them later would overrule the answer without knowing of it. Where the
    answer is taken back it stays out: the appeal waits for a person again.
    """
    copy = items.get(connection, item)
    assert copy is not None  # An appeal is about it.
    for there in cases.open_of_item(connection, item):
        if there.kind not in ("review", "disagreement"):
            continue
        held = cases.hold(connection, there.id, wait=False)
        if held.state == "open":
            reason = "an appeal about it was answered"
            opening.leave(connection, held, copy, reason=reason, actor=actor, now=now)


def _lifted(
    connection: Connection, found: Appeal, made: Recorded, *, actor: str, now: int, due_at: int
) -> None:
    """End an open appeal by a decision that was made elsewhere, where that lifts everything."""
    if statements.restricts(made.decision.action):
        return
    ended = _over(connection, found, made.id, actor=actor, now=now)
    _tell_end(connection, ended, made, now=now, due_at=due_at)


def _withdrawn(
    connection: Connection, found: Appeal, before: str | None, *, actor: str, now: int
) -> None:
    """End an appeal against an answer that was taken back, where nothing was restricted before."""
    made = None if before is None else decisions.get(connection, before)
    if made is None or statements.restricts(made.decision.action):
        return
    ended = _over(connection, found, made.id, actor=actor, now=now)
    _tell_end(connection, ended, made, now=now, due_at=now)


def _over(connection: Connection, found: Appeal, outcome: str, *, actor: str, now: int) -> Appeal:
    state: Outcome = "reversed"
    ended = appeals.end(
        connection, found, state=state, outcome=outcome, answer="", actor=actor, now=now
    )
    # The item is locked already: whoever has the case may be waiting for that.
    if cases.hold(connection, found.case, wait=False).state == "open":
        reason = "nothing restricts the item any more"
        cases.close(connection, found.case, actor=actor, reason=reason, now=now)
    return ended


def _open_case(
    connection: Connection, item: Item, made: Recorded, *, actor: str, due_at: int, now: int
) -> Case:
    category, confidence = opening.cause(made.decision, made.evidence)
    case = cases.open_case(
        connection,
        cases.New(
            kind="appeal",
            item=item.id,
            queues={APPEALS: URGENCY - due_at / ranking.DOUBLING},
            category=category,
            confidence=confidence,
            severity=ranking.severity(category),
            reach=float(item.reach or 0),
            due_at=due_at,
        ),
        actor=actor,
        now=now,
    )
    for one in _deciders(connection, item):
        claims.bar(connection, case.id, one, now=now)
    return case


def _deciders(connection: Connection, item: Item) -> set[str]:
    """Return who has decided on an item, or has answered a case that it was in."""
    made = decisions.history(connection, item.id, limit=1000)
    found = {one.author for one in made if one.origin == "reviewer"}
    for case in cases.all_of_item(connection, item.id, limit=1000):
        found |= {review.reviewer for review in reviews.of_case(connection, case.id)}
    return found


def _tell_end(
    connection: Connection, ended: Appeal, made: Recorded, *, now: int, due_at: int
) -> None:
    item = items.get(connection, ended.item)
    if item is None:
        raise MissingError(f"there is no item {ended.item:.40}")
    alarms.appeal(connection, item, _told(ended), made, now=now, due_at=due_at)


def _told(one: Appeal) -> envelope.Appeal:
    return envelope.Appeal(
        id=one.id,
        state=one.state,
        decision=one.decision,
        due_at=clock.text(one.due_at),
        answer=one.answer or None,
    )
