"""Breakers: where too much is removed in a time, the rest goes before a person.

The policy has no clock and no memory. It says which counters a decision touches
(:func:`counters`); who keeps them tells how far they are, and :func:`trip` lowers what is beyond
a limit.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from tidegate.evidence import (
    Action,
    Decision,
    Effect,
    EffectKind,
    Evidence,
    Facts,
    Reason,
    strength,
)
from tidegate.policy.schema import Breaker, Policy
from tidegate.policy.weigh import lowered, order, outcome

_BREAKERS = "breakers."
"""Before the id of a breaker, where it is told by name."""


class Counter(NamedTuple):
    """What is counted by itself: the decisions of one breaker about one thing.

    Attributes:
        breaker: Id of the breaker.
        key: The rule, the uploader or the bank's entry.
    """

    breaker: str
    key: str


def counters(
    policy: Policy, decision: Decision, evidence: Evidence, facts: Facts
) -> tuple[Counter, ...]:
    """Return the counters that a decision adds one to, each once.

    Args:
        policy: With its breakers.
        decision: What was decided, and lowered by :func:`trip` where that was due.
        evidence: What the decision rests on.
        facts: What the platform says of the item.
    """
    return tuple(
        dict.fromkeys(
            counter
            for breaker in policy.breakers
            for reason in decision.reasons
            if (counter := _counter(breaker, reason, evidence, facts)) is not None
        )
    )


def trip(
    policy: Policy,
    decision: Decision,
    evidence: Evidence,
    facts: Facts,
    counts: Mapping[Counter, int],
) -> Decision:
    """Lower what is beyond a breaker's limit, and raise its alarm.

    Args:
        policy: With its breakers.
        decision: As :meth:`~tidegate.policy.program.Program.decide` made it.
        evidence: What the decision rests on.
        facts: What the platform says of the item.
        counts: How far each of the decision's counters is, this decision not included;
            within the breaker's time. One that is left out is at 0.

    Returns:
        The decision itself where no breaker trips.
    """
    reasons = list(decision.reasons)
    tripped: dict[Breaker, None] = {}
    for breaker in policy.breakers:
        for index, reason in enumerate(reasons):
            counter = _counter(breaker, reason, evidence, facts)
            if counter is not None and counts.get(counter, 0) >= breaker.limit:
                reasons[index] = lowered(reason, breaker.action, f"{_BREAKERS}{breaker.id}")
                tripped[breaker] = None
    if not tripped:
        return decision
    action, judged = outcome(reasons)
    return msgspec.structs.replace(
        decision,
        action=action,
        judged=judged,
        shadow_action=_with_shadow(decision, reasons),
        reasons=tuple(sorted(reasons, key=order)),
        effects=_with_alarms(decision.effects, list(tripped)),
    )


def _counter(breaker: Breaker, reason: Reason, evidence: Evidence, facts: Facts) -> Counter | None:
    """Return what a reason is counted as, or ``None`` where it is not."""
    if reason.overruled_by is not None or reason.action not in breaker.of:
        return None
    if (reason.capped_by or "").startswith(_BREAKERS):
        return None  # What one breaker has lowered is no other's.
    if breaker.per == "rule":
        key: str | None = reason.rule
    elif breaker.per == "uploader":
        key = facts.uploader.id
    else:
        key = None
        if reason.ground == "match":
            match = evidence.matches[reason.index]
            key = f"{match.bank}/{match.entry}"
    return None if key is None else Counter(breaker.id, key)


def _with_shadow(decision: Decision, reasons: Iterable[Reason]) -> Action | None:
    """Return what there would be with the rules in shadow live, after breakers have tripped."""
    if decision.shadow_action is None:
        return None
    action, _ = outcome((*reasons, *decision.shadow))
    return min(action, decision.shadow_action, key=strength)


def _with_alarms(effects: tuple[Effect, ...], tripped: list[Breaker]) -> tuple[Effect, ...]:
    """Add the alarms of breakers to what is to be done, one of each name."""
    told: dict[tuple[EffectKind, str], Effect] = {(e.kind, e.value): e for e in effects}
    for breaker in tripped:
        known = told.get(("alarm", breaker.alarm))
        rules = (*(known.rules if known else ()), f"{_BREAKERS}{breaker.id}")
        told["alarm", breaker.alarm] = Effect(kind="alarm", value=breaker.alarm, rules=rules)
    return tuple(told[key] for key in sorted(told))
