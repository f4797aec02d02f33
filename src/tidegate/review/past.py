"""What was decided before: of an item, and of everything with the same bytes.

Nobody who is asked for an opinion of their own is to know another person's. Where a case is blind,
its past ends just before the first person decided on its item, and looks as any other past does.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from tidegate.evidence import Action
from tidegate.service.quality import BLIND
from tidegate.store import actors, decisions, items, reviews
from tidegate.store.cases import Case
from tidegate.store.decisions import Origin, Past
from tidegate.store.items import Filter, Item

MOST = 100
"""Decisions of an item that are looked at."""

MOST_ALIKE = 12
"""Items with the same bytes that are listed."""


class Step(NamedTuple):
    """Something that was decided.

    Attributes:
        action: What.
        origin: Whether by the policy or a person.
        who: By whom, in words.
        policy: Under which policy.
        reason: Why, in words; empty where nobody said.
        at: When.
        undone: Whether it was taken back.
    """

    action: Action
    origin: Origin
    who: str
    policy: str
    reason: str
    at: int
    undone: bool = False


class Told(NamedTuple):
    """The past of an item, as far as somebody may know it.

    Attributes:
        machine: Id of the decision of the policy that a case is to be understood by.
        steps: What was decided of it, newest first.
        until: Up to when all this is told, in microseconds; ``None``: up to now.
    """

    machine: str | None
    steps: tuple[Step, ...]
    until: int | None


def past(connection: Connection, case: Case) -> Told:
    """Return what was decided of the item of a case, as far as whoever works on it may know."""
    made = decisions.history(connection, case.item, limit=MOST)
    blind = case.kind in BLIND
    until = _until(made) if blind else None
    known = [each for each in made if until is None or each.created_at < until]
    machine = next((each.id for each in known if each.origin == "machine"), None)
    steps = [_step(connection, each) for each in known]
    if blind:
        steps = [*_answers(connection, case), *steps]
    steps.sort(key=lambda step: -step.at)
    return Told(machine, tuple(steps), until)


def alike(connection: Connection, item: Item, until: int | None) -> tuple[list[Item], bool]:
    """Return other items with the same bytes, newest first, and whether there are more.

    Args:
        connection: To read by.
        item: The item.
        until: Only what was decided before this time; ``None``: all of them.
    """
    if item.sha256 is None:
        return [], False
    page = items.page(connection, Filter(sha256=item.sha256), limit=MOST_ALIKE + 1)
    others = [
        other
        for other in page.items
        if other.id != item.id and (until is None or (other.judged_at or 0) < until)
    ]
    return others[:MOST_ALIKE], page.cursor is not None or len(others) > MOST_ALIKE


def _until(made: Sequence[Past]) -> int | None:
    by_people = [each.created_at for each in made if each.origin == "reviewer"]
    return min(by_people) if by_people else None


def _step(connection: Connection, made: Past) -> Step:
    who = "the policy" if made.origin == "machine" else actors.name(connection, made.author)
    return Step(made.action, made.origin, who, made.policy, made.reason, made.created_at)


def _answers(connection: Connection, case: Case) -> list[Step]:
    """Return what was answered to a blind case itself: it makes no decision."""
    return [
        Step(
            action=review.action,
            origin="reviewer",
            who=actors.name(connection, review.reviewer),
            policy="",
            reason=review.note,
            at=review.created_at,
            undone=review.undone_at is not None,
        )
        for review in reviews.of_case(connection, case.id)
    ]
