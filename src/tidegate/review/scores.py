"""What detectors said, on a scale with what the policy asks for; and what would change it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tidegate.evidence import Action, Decision, Evidence, Reason, Signal, strength
from tidegate.report import words

MOST = 12
"""Scores that are shown, the highest."""


class Mark(NamedTuple):
    """A score from which the policy asks for something.

    Attributes:
        score: From which one.
        action: What it asks for.
        reached: Whether it was.
        text: The comparison in words.
    """

    score: float
    action: Action
    reached: bool
    text: str


class Score(NamedTuple):
    """What a detector said of a category.

    Attributes:
        signal: Its highest score.
        more: How many other stretches it saw.
        marks: What the policy asks for, the weakest first; none: it asks for nothing.
    """

    signal: Signal
    more: int
    marks: tuple[Mark, ...]


def scores(evidence: Evidence, decision: Decision) -> list[Score]:
    """Return what detectors said, what matters most to the decision first."""
    groups: dict[tuple[str, str], list[tuple[int, Signal]]] = {}
    for index, signal in enumerate(evidence.signals):
        groups.setdefault((signal.category, signal.detector), []).append((index, signal))
    told: list[Score] = []
    for group in groups.values():
        best = group[0][1]
        marks = _marks(decision, {index for index, _ in group}, best.category)
        told.append(Score(best, len(group) - 1, marks))
    told.sort(key=lambda score: (-_weight(score), -score.signal.score))
    return told[:MOST]


def turning(decision: Decision) -> list[str]:
    """Return what would have changed what was decided, in sentences."""
    standing = [r for r in decision.reasons if r.overruled_by is None and r.action is not None]
    told = list(_without(standing, decision.action))
    told += [
        f"{_subject(reason)} would make it {reason.action}, but for {_missed(reason)}."
        for reason in decision.near
        if reason.action is not None
        and strength(reason.action) > strength(decision.action)
        and any(not bound.holds for bound in reason.bounds)
    ]
    return told


def _without(standing: list[Reason], action: Action) -> Iterator[str]:
    """Yield what there would be without what the decision rests on, where that is one thing."""
    top = [reason for reason in standing if reason.action == action]
    grounds = {(reason.ground, reason.index) for reason in top}
    if len(grounds) != 1:
        return
    rest = [r for r in standing if (r.ground, r.index) not in grounds and r.action is not None]
    weaker = max((r.action for r in rest if r.action is not None), key=strength, default="allow")
    what = {
        "match": "this match",
        "signal": "this score",
        "unknown": "this missing answer",
        "guard": "this rule",
    }[top[0].ground]
    yield f"It rests on {what} alone ({top[0].rule}). Without it, it would be {weaker}."


def _subject(reason: Reason) -> str:
    return words.title(reason.category) if reason.category else reason.rule


def _missed(reason: Reason) -> str:
    return ", ".join(words.bound(bound) for bound in reason.bounds if not bound.holds)


def _marks(decision: Decision, indices: set[int], category: str) -> tuple[Mark, ...]:
    marks: dict[tuple[float, Action], Mark] = {}
    for reason in _of(decision):
        if reason.ground != "signal" or reason.action is None or reason.category != category:
            continue
        if reason.index not in indices:
            continue
        for bound in reason.bounds:
            if bound.of == "score":
                key = bound.threshold, reason.action
                if key not in marks or bound.holds:
                    marks[key] = Mark(*key, bound.holds, words.bound(bound))
    return tuple(sorted(marks.values(), key=lambda mark: (mark.score, strength(mark.action))))


def _of(decision: Decision) -> Iterable[Reason]:
    return (*decision.reasons, *decision.near, *decision.rest)


def _weight(score: Score) -> int:
    return max((strength(mark.action) for mark in score.marks if mark.reached), default=-1)
