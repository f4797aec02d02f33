"""From the counts of a replay to what is told of it, in an order of its own."""

from collections.abc import Mapping, Sequence

from tidegate.evidence import Action
from tidegate.pipeline.replay_tally import HUNDREDTHS, Blamed, Tally
from tidegate.policy import Policy
from tidegate.policy.change import step
from tidegate.policy.schema import Agreed, FactConditions
from tidegate.report.replay import (
    Blame,
    Changed,
    Count,
    EffectChange,
    Flow,
    Side,
    Step,
    Sweep,
    Threshold,
    Tripped,
)
from tidegate.report.statistics import rate


def flows(counted: Mapping[tuple[Action, Action | None], int]) -> tuple[Flow, ...]:
    """Return flows, the weakest old action first; what cannot be told comes last."""
    order = sorted(counted, key=lambda pair: (_rank(pair[0]), _rank(pair[1])))
    return tuple(Flow(old=old, new=new, items=counted[old, new]) for old, new in order)


def _rank(action: Action | None) -> int:
    return 99 if action is None else step("allow", action)


def first(tally: Tally) -> tuple[Changed, ...]:
    """Return the changes to look at first: of each kind the weightiest, then of each the next.

    What is said of the same content again comes behind all others.
    """
    ranked = [
        (number, one)
        for listed in tally.first.values()
        for number, one in enumerate(sorted(listed, reverse=True))
    ]
    # Sorting is stable: within a round the weightiest kind is first.
    ranked.sort(key=lambda pair: pair[1], reverse=True)
    ranked.sort(key=lambda pair: pair[0])
    fresh: list[Changed] = []
    again: list[Changed] = []
    seen = set()
    for _, one in ranked:
        change = one.change
        content = (change.sha256 or object(), change.old, change.new)
        (again if content in seen else fresh).append(change)
        seen.add(content)
    return (*fresh, *again)[: tally.top]


def counts(counted: Mapping[str, int]) -> tuple[Count, ...]:
    """Return counts, the most frequent first."""
    return tuple(
        Count(name=n, items=counted[n]) for n in sorted(counted, key=lambda n: (-counted[n], n))
    )


def blames(counted: Mapping[Blamed, int], *, rules: bool) -> tuple[Blame, ...]:
    """Return the rules or the categories of changes, those of the most changes first."""
    named = {(side, name) for side, name, _ in counted if (side is not None) == rules}
    made = [
        Blame(
            side=side,
            name=name,
            stricter=counted.get((side, name, True), 0),
            weaker=counted.get((side, name, False), 0),
        )
        for side, name in named
    ]
    return tuple(sorted(made, key=lambda b: (-b.stricter - b.weaker, b.name, b.side or "")))


def effects(counted: Mapping[tuple[str, str, str], int]) -> tuple[EffectChange, ...]:
    """Return the effects that change, in the order of kind and name."""
    return tuple(
        EffectChange(
            kind=kind,  # type: ignore[arg-type]
            value=value,
            added=counted.get(("added", kind, value), 0),
            removed=counted.get(("removed", kind, value), 0),
            moved=counted.get(("moved", kind, value), 0),
        )
        for kind, value in sorted({(kind, value) for _, kind, value in counted})
    )


def tripped(counted: Mapping[tuple[Side, str], int]) -> tuple[Tripped, ...]:
    """Return the breakers that tripped."""
    return tuple(
        Tripped(side=side, breaker=name, items=counted[side, name])
        for side, name in sorted(counted)
    )


def sweep(category: str, tally: Tally, policy: Policy) -> Sweep:
    """Return what each threshold of a category finds."""
    bins = {
        truth: [tally.scores[category, index, truth] for index in range(len(HUNDREDTHS))]
        for truth in (None, True, False)
    }
    found = {truth: _from_above(counted) for truth, counted in bins.items()}
    positive, negative = found[True][0], found[False][0]
    steps = []
    for index, threshold in enumerate(HUNDREDTHS):
        tp, fp = found[True][index], found[False][index]
        steps.append(
            Step(
                threshold=threshold,
                items=sum(counted[index] for counted in found.values()),
                precision=rate(tp, tp + fp),
                recall=rate(tp, positive),
            )
        )
    return Sweep(
        category=category,
        scored=steps[0].items,
        unknown=tally.unscored[category],
        positive=positive,
        negative=negative,
        thresholds=_thresholds(category, policy),
        steps=tuple(steps),
    )


def _from_above(counted: Sequence[int]) -> list[int]:
    """Return for each place the sum of it and all behind it."""
    sums, total = [], 0
    for count in reversed(counted):
        total += count
        sums.append(total)
    return sums[::-1]


def _thresholds(category: str, policy: Policy) -> tuple[Threshold, ...]:
    return tuple(
        Threshold(
            action=action,
            score=cell.score if isinstance(cell, Agreed) else float(cell),
            detectors=cell.detectors if isinstance(cell, Agreed) else 1,
        )
        for row in policy.rows(category)
        if row.where == FactConditions()
        for action, cell in row.cells()
        if cell != "never"
    )
