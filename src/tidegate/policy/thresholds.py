"""A policy's thresholds, looked up once for all items of which the same is said."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tidegate.evidence import Action, Facts, Kind
from tidegate.policy.narrow import meant, row_name
from tidegate.policy.schema import Agreed, FactConditions, Policy, Row

MOST_REMEMBERED = 4096
"""Kinds of items whose thresholds are remembered."""


class Threshold(NamedTuple):
    """From which score on an action is asked for.

    Attributes:
        rule: Where in the policy that stands.
        action: What is asked for.
        score: The score.
        detectors: How many detectors must reach it.
    """

    rule: str
    action: Action
    score: float
    detectors: int


class Thresholds:
    """The thresholds of a policy. Safe to share between threads.

    Args:
        policy: A checked policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._rows = {category: policy.rows(category) for category in policy.thresholds}
        rows = [row for of_one in self._rows.values() for row in of_one]
        self._same_for_all = all(row.where == FactConditions() for row in rows)
        self._known: dict[object, Mapping[str, Sequence[Threshold]]] = {}

    def of(self, facts: Facts, kind: Kind) -> Mapping[str, Sequence[Threshold]]:
        """Return the thresholds of an item by category, the weakest action first."""
        days = facts.uploader.account_days
        key = (
            None if self._same_for_all else (facts.surface, facts.locale, facts.context, days, kind)
        )
        found = self._known.get(key)
        if found is None:
            found = {c: list(_of(c, rows, facts, kind)) for c, rows in self._rows.items()}
            # A stranger can say ever new things of items.
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found


def _of(category: str, rows: Sequence[Row], facts: Facts, kind: Kind) -> Iterator[Threshold]:
    for action, (cell, row) in meant(rows, facts, kind).items():
        rule = f"{row_name(category, row, len(rows))}.{action}"
        if isinstance(cell, Agreed):
            yield Threshold(rule, action, cell.score, cell.detectors)
        elif cell != "never":
            yield Threshold(rule, action, float(cell), 1)
