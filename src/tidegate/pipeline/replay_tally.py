"""Counting what a replay finds, in parts that add up to the same whatever the parts are."""

import heapq
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from tidegate.evidence import Action, Decision, Evidence
from tidegate.pipeline.notable import stands_to, weigh
from tidegate.pipeline.record import Record, Review
from tidegate.policy.change import causes, effect_changes, same, step
from tidegate.report.replay import Because, Changed, Side

MOST_DAMAGE = 100
"""Unreadable records that are listed; the others are counted."""

LONGEST_TEXT = 300
"""Characters of a text in the list of changes."""

HUNDREDTHS = tuple(step / 100 for step in range(101))
"""Thresholds of a sweep."""

BREAKER = "breakers."
NO_CATEGORY = "(none)"

Blamed = tuple[Side | None, str, bool]
"""A rule with its side, or a category without; and whether more is done because of it."""

Kind = tuple[Action, Action, Side | None, str]
"""Changes that are alike: both actions, and the rule that they are due to first."""

Place = tuple[int, int]
"""Number of the file, and where in it: it tells records of one time apart."""


@dataclass(order=True)
class Listed:
    """A change in the list. The greater goes before the lesser."""

    weight: int
    at: datetime
    path: str
    place: tuple[int, int]
    change: Changed = field(compare=False)


@dataclass
class Outcome:
    """One record under two policies.

    Attributes:
        place: Where the record is.
        record: The record.
        old: The decision that the new one is held against.
        new: The decision under the policy that is tried.
        drifted: Whether a policy at hand decides otherwise than it did then, or ``None``
            where the record's own policy is not at hand.
        untold: Detectors that were not asked then and would have to be for this.
        review: What a person found.
        named: What the file of reviews calls the item, or ``None``.
    """

    place: Place
    record: Record
    old: Decision
    new: Decision
    drifted: bool | None
    untold: tuple[str, ...]
    review: Review | None
    named: str | None


@dataclass
class Tally:
    """Counts of a part of the records.

    Args:
        top: How many changes to list.
        sweeps: Categories whose thresholds to try.
    """

    top: int
    sweeps: tuple[str, ...] = ()
    records: int = 0
    outside: int = 0
    unreadable: int = 0
    changed: int = 0
    untold: int = 0
    judged: int = 0
    unjudged: int = 0
    checked: int = 0
    drifted: int = 0
    reviewed: int = 0
    towards: int = 0
    against: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    flows: Counter[tuple[Action, Action | None]] = field(default_factory=Counter)
    recorded: Counter[str] = field(default_factory=Counter)
    untold_by: Counter[str] = field(default_factory=Counter)
    blames: Counter[Blamed] = field(default_factory=Counter)
    effects: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    breakers: Counter[tuple[Side, str]] = field(default_factory=Counter)
    shadow: Counter[tuple[Action, Action | None]] = field(default_factory=Counter)
    shadow_rules: Counter[str] = field(default_factory=Counter)
    scores: Counter[tuple[str, int, bool | None]] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    damage: list[tuple[Place, str]] = field(default_factory=list)
    first: dict[Kind, list[Listed]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    def take(self, outcome: Outcome) -> None:
        """Count one record."""
        record, old, new = outcome.record, outcome.old, outcome.new
        self.records += 1
        self._see(record.at, record.at)
        self.recorded[record.decision.policy] += 1
        if outcome.drifted is not None:
            self.checked += 1
            self.drifted += outcome.drifted
        self.reviewed += outcome.review is not None
        if outcome.named is not None:
            self.named.add(outcome.named)
        for category in self.sweeps:
            self._score(category, record.evidence, outcome.review)
        if outcome.untold:
            self.untold += 1
            self.untold_by.update(outcome.untold)
            self.flows[old.action, None] += 1
            return
        self.flows[old.action, new.action] += 1
        self._take_new(new)
        if not same(old, new):
            self._take_change(outcome)

    def _take_new(self, new: Decision) -> None:
        if new.shadow_action is not None:
            self.shadow[new.action, new.shadow_action] += 1
            self.shadow_rules.update({reason.rule for reason in new.shadow})

    def _take_change(self, outcome: Outcome) -> None:
        old, new = outcome.old, outcome.new
        self.changed += 1
        self.judged += new.judged and not old.judged
        self.unjudged += old.judged and not new.judged
        self.effects.update(effect_changes(old, new))
        if old.action == new.action:
            return
        found = causes(old, new)
        stricter = step(old.action, new.action) > 0
        self.blames.update({(cause.side, cause.rule, stricter) for cause in found})
        self.blames.update({(None, cause.category or NO_CATEGORY, stricter) for cause in found})
        stands = stands_to(outcome.review, old.action, new.action, found)
        self.towards += stands > 0
        self.against += stands < 0
        notable = weigh(outcome.record, old.action, new.action, found, outcome.review)
        record = outcome.record
        key = (notable.weight, record.at, record.path, outcome.place)
        kind = (old.action, new.action, *((found[0].side, found[0].rule) if found else (None, "")))
        listed = self.first.setdefault(kind, [])
        if len(listed) >= self.top and (not listed or key < _key(listed[0])):
            return
        change = Changed(
            path=record.path,
            sha256=record.evidence.sha256,
            at=record.at,
            old=old.action,
            new=new.action,
            weight=notable.weight,
            notes=notable.notes,
            because=tuple(
                Because(side=one.side, rule=one.rule, text=one.text[:LONGEST_TEXT]) for one in found
            ),
        )
        self._list(listed, Listed(*key, change))

    def take_breakers(self, side: Side, decision: Decision) -> None:
        """Count the breakers that lowered a decision."""
        by = {r.capped_by for r in decision.reasons if r.capped_by is not None}
        self.breakers.update(
            (side, name.removeprefix(BREAKER)) for name in by if name.startswith(BREAKER)
        )

    def lose(self, place: Place, reason: str, records: int) -> None:
        """Count a record that cannot be replayed."""
        self.unreadable += records
        self.damage.append((place, reason))
        self._cut()

    def add(self, other: "Tally") -> None:
        """Add the counts of another part."""
        for name, value in vars(other).items():
            if isinstance(value, Counter):
                getattr(self, name).update(value)
            elif name not in ("top", "sweeps") and isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
        if other.first_at is not None and other.last_at is not None:
            self._see(other.first_at, other.last_at)
        self.named |= other.named
        self.damage.extend(other.damage)
        self._cut()
        for kind, listed in other.first.items():
            for one in listed:
                self._list(self.first.setdefault(kind, []), one)

    def _see(self, first: datetime, last: datetime) -> None:
        self.first_at = first if self.first_at is None else min(self.first_at, first)
        self.last_at = last if self.last_at is None else max(self.last_at, last)

    def _cut(self) -> None:
        if len(self.damage) > 2 * MOST_DAMAGE:
            self.damage = sorted(self.damage)[:MOST_DAMAGE]

    def _list(self, listed: list[Listed], one: Listed) -> None:
        if len(listed) < self.top:
            heapq.heappush(listed, one)
        elif listed:
            heapq.heappushpop(listed, one)

    def _score(self, category: str, evidence: Evidence, review: Review | None) -> None:
        score = score_of(category, evidence)
        if score is None:
            self.unscored[category] += 1
            return
        truth = None if review is None else review.truth.get(category)
        self.scores[category, bisect_right(HUNDREDTHS, score) - 1, truth] += 1


def _key(one: Listed) -> tuple[int, datetime, str, Place]:
    return (one.weight, one.at, one.path, one.place)


def score_of(category: str, evidence: Evidence) -> float | None:
    """Return the highest score of a category; ``None`` where it is not known.

    Where a part of the item was not seen, or a detector for it failed or was not asked, the
    score may be higher than what is told, and so is not known.
    """
    if any(category in one.categories for one in evidence.skipped) or any(
        not one.categories or category in one.categories
        for one in evidence.unknowns
        if one.stage in ("media", "detectors")
    ):
        return None
    return max((s.score for s in evidence.signals if s.category == category), default=None)
