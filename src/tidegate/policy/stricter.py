"""Which of two policies is the stricter one: by what comes of it, not by how it is written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Literal, NamedTuple, TypeVar, get_args

from tidegate.evidence import Action, Cause, Stage, Unknown, strength
from tidegate.policy.schema import Agreed, Score, UnknownRule
from tidegate.policy.space import TooManyKindsError
from tidegate.policy.weigh import rule_for_unknown

T = TypeVar("T")

MOST_TRIED = 1_000_000
"""Rules that are held against missing answers, of all of them together."""

Way = Literal["stricter", "weaker", "other"]
"""``stricter``: for some item a stronger action, and for none a weaker one. ``weaker`` is the
reverse. ``other``: both, neither, or it cannot be told from the change alone."""


def way(ups_and_downs: Iterable[float]) -> Way:
    """Return which way changes go together; each is above 0 where more is asked for."""
    signs = {(change > 0) - (change < 0) for change in ups_and_downs} - {0}
    if len(signs) != 1:
        return "other"
    return "stricter" if signs == {1} else "weaker"


Thresholds = Mapping[Action, Score | Agreed]
"""From which score each action is asked for."""


def of_thresholds(old: Thresholds, new: Thresholds) -> Way:
    """Return which way the thresholds of an item go, whatever detectors say.

    The strongest action wins, and no score that rises lowers it. So the new thresholds ask for
    no less than the old ones if they do so at each point where an old one begins.
    """
    return way((_covers(new, old), -_covers(old, new)))


def _covers(these: Thresholds, those: Thresholds) -> bool:
    """Return whether these ask for at least what those ask for, wherever they do."""
    return all(
        any(strength(one) >= strength(other) and _sooner(these[one], those[other]) for one in these)
        for other in those
    )


def _sooner(one: Score | Agreed, other: Score | Agreed) -> bool:
    (score, detectors), (other_score, others) = _point(one), _point(other)
    return score <= other_score and detectors <= others


def _point(cell: Score | Agreed) -> tuple[float, int]:
    return (cell.score, cell.detectors) if isinstance(cell, Agreed) else (cell, 1)


class Met(NamedTuple):
    """The rules that a missing answer meets under two policies."""

    old: UnknownRule
    new: UnknownRule

    @property
    def change(self) -> int:
        """By how many actions the new one is stronger."""
        return strength(self.new.action) - strength(self.old.action)


def of_unknowns(old: Sequence[UnknownRule], new: Sequence[UnknownRule]) -> tuple[Met, ...]:
    """Return what all missing answers meet that the rules tell apart.

    Raises:
        TooManyKindsError: They tell too many apart.
    """
    wheres = [rule.where for rule in (*old, *new)]
    along = (
        (*_told_apart([where.category for where in wheres], ()), None),
        (*_told_apart([where.detector for where in wheres], ()), None),
        _told_apart([where.cause for where in wheres], get_args(Cause)),
        _told_apart([where.stage for where in wheres], get_args(Stage)),
    )
    if prod(map(len, along)) * len(wheres) > MOST_TRIED:
        raise TooManyKindsError("rules tell too many missing answers apart to be compared")
    found = []
    for category, detector, cause, stage in product(*along):
        lost = Unknown(stage=stage, cause=cause, detail="", detector=detector)
        found.append(
            Met(rule_for_unknown(lost, category, old), rule_for_unknown(lost, category, new))
        )
    return tuple(found)


def _told_apart(named: Collection[T | None], known: Sequence[T]) -> tuple[T, ...]:
    """Return the values that rules name, and one of those that none of them does."""
    values = dict.fromkeys(value for value in named if value is not None)
    return (*values, *[value for value in known if value not in values][:1])
