"""The comparisons that a policy makes, and how their outcomes are ordered."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from tidegate.evidence import (
    ACTIONS,
    Action,
    Bound,
    Evidence,
    Kind,
    Match,
    Reason,
    Signal,
    Span,
    Unknown,
    strength,
)
from tidegate.policy.schema import BankRule, UnknownRule, conditions, specificity

NEAR = {"score": 0.2, "distance": 8.0, "query_share": 0.25, "entry_share": 0.25, "detectors": 1.0}
"""How far from its threshold a value may be for the rule to have nearly fired. A score must be
at least half of it besides."""


def kind_of(evidence: Evidence) -> Kind:
    """Return what the media is; a picture where that is unknown."""
    return evidence.media.kind if evidence.media is not None else "image"


def rule_for_match(match: Match, rules: Sequence[BankRule]) -> BankRule:
    """Return the most specific rule for a match. A checked policy always has one."""
    given = {"bank": match.bank, "category": match.category, "role": match.role}
    return max(
        (rule for rule in rules if _fits({**given, "kind": match.kind}, rule)),
        key=lambda rule: specificity(rule.where),
    )


def rule_for_unknown(
    unknown: Unknown, category: str | None, rules: Sequence[UnknownRule]
) -> UnknownRule:
    """Return the most specific rule for a missing answer. A checked policy always has one.

    Args:
        unknown: What is missing.
        category: Of the categories that are missing the one to ask about; ``None`` asks
            about those that no rule names.
        rules: The policy's rules for the unknown.
    """
    given = {"stage": unknown.stage, "cause": unknown.cause, "detector": unknown.detector}
    return max(
        (rule for rule in rules if _fits({**given, "category": category}, rule)),
        key=lambda rule: specificity(rule.where),
    )


def _fits(given: dict[str, str | None], rule: BankRule | UnknownRule) -> bool:
    wanted = conditions(rule.where)
    # What is known to be good is only met by rules that say so: a general rule against
    # known content is not meant for it.
    if given.get("role") == "allow" and wanted.get("role") != "allow":
        return False
    return all(given[key] == value for key, value in wanted.items())


def match_bounds(match: Match, rule: BankRule) -> Iterator[Bound]:
    """Yield the comparisons of a bank's rule with a match."""
    yield Bound(
        of="distance",
        observed=match.distance,
        threshold=rule.distance,
        holds=match.distance <= rule.distance,
    )
    if rule.query_share > 0:
        yield at_least("query_share", match.query_share, rule.query_share)
    if rule.entry_share > 0:
        yield at_least("entry_share", match.entry_share, rule.entry_share)


def at_least(
    of: Literal["score", "query_share", "entry_share", "detectors"],
    observed: float,
    threshold: float,
) -> Bound:
    """Return the comparison of a value with the least that a rule asks for."""
    return Bound(of=of, observed=observed, threshold=threshold, holds=observed >= threshold)


def agreeing(signal: Signal, score: float, signals: Sequence[Signal]) -> frozenset[str]:
    """Return the detectors that see a signal's category from a score on, at one moment of it.

    Of the moments the one at which they are most. Those that are for review only do not count.
    """
    strong = [
        other
        for other in signals
        if other.category == signal.category and other.score >= score and not other.review_only
    ]
    if signal.span is None:
        return frozenset(other.detector for other in strong)
    start, end = signal.span.start, signal.span.end
    # Whatever overlaps does so where one of them starts.
    moments = {start, *(o.span.start for o in strong if o.span and start <= o.span.start <= end)}
    at_once = [
        frozenset(o.detector for o in strong if _is_at(moment, o.span))
        for moment in sorted(moments)
    ]
    return max(at_once, key=len)


def _is_at(moment: float, span: Span | None) -> bool:
    return span is None or span.start <= moment <= span.end


def limited(action: Action) -> Action:
    """Return what a detector that is for review only may bring about."""
    return action if action in ("allow", "label") else "review"


def lowered(reason: Reason, action: Action, by: str) -> Reason:
    """Return a reason that asks for less than it did."""
    return msgspec.structs.replace(
        reason, action=action, capped_from=reason.capped_from or reason.action, capped_by=by
    )


def outcome(reasons: Iterable[Reason]) -> tuple[Action, bool]:
    """Return the strongest action that stands, and whether it rests on more than the unknown."""
    found = unseen = 0
    for reason in reasons:
        if reason.overruled_by is not None:
            continue
        if reason.ground == "unknown":
            unseen = max(unseen, strength_of(reason))
        else:
            found = max(found, strength_of(reason))
    return ACTIONS[max(found, unseen)], unseen == 0 or found >= unseen


def is_unseen(reason: Reason, evidence: Evidence) -> bool:
    """Return whether a reason is that a part of the media was not seen."""
    return (
        reason.ground == "unknown"
        and reason.index < len(evidence.unknowns)
        and evidence.unknowns[reason.index].stage == "media"
    )


def allows(reason: Reason) -> bool:
    """Return whether a reason is a match with what is known to be good."""
    return reason.action == "allow" and reason.ground == "match"


def shortfall(bounds: Sequence[Bound]) -> float:
    """Return how far from firing a rule is, as a multiple of what counts as near.

    Args:
        bounds: Its comparisons.

    Returns:
        0.0 where all of them came out for the rule.
    """
    short = 0.0
    for bound in bounds:
        if not bound.holds:
            near = NEAR[bound.of]
            if bound.of == "score":
                near = min(near, bound.threshold / 2)
            short = max(short, abs(bound.observed - bound.threshold) / near)
    return short


_STRENGTH: dict[Action | None, int] = {None: 0, **{a: strength(a) for a in ACTIONS}}


def strength_of(reason: Reason) -> int:
    """Return the rank of what a reason asks for; 0 where that is no action."""
    return _STRENGTH[reason.action]


_GROUND_ORDER = {"match": 0, "guard": 1, "signal": 2, "unknown": 3}


def order(reason: Reason) -> tuple[bool, int, int, int, str]:
    """Return a key that sorts rules that fired, the strongest first."""
    return (
        reason.overruled_by is not None,
        -strength_of(reason),
        _GROUND_ORDER[reason.ground],
        reason.index,
        reason.rule,
    )
