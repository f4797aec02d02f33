"""From evidence to a decision, under one policy. Pure: the same in, the same out."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Literal, TypeVar

import msgspec

from tidegate.evidence import (
    Action,
    Bound,
    Decision,
    Evidence,
    Match,
    Reason,
    Signal,
    Unknown,
    strength,
)
from tidegate.policy import words
from tidegate.policy.schema import BankRule, Policy, UnknownRule, conditions, specificity

NEAR = {"score": 0.2, "distance": 8.0, "query_share": 0.25, "entry_share": 0.25}
"""How far from its threshold a value may be for the rule to have nearly fired."""

Rule = TypeVar("Rule", BankRule, UnknownRule)


def digest(policy: Policy) -> str:
    """Return the SHA-256 of the policy's canonical form, in hexadecimal."""
    return sha256(msgspec.json.encode(policy, order="deterministic")).hexdigest()


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Apply every rule to every piece of evidence; the strongest effect wins.

    A match in an allow bank overrules all other reasons but those of rules that are
    marked ``despite_allow``; one by PDQ does not overrule that a part of the media was not
    seen, for nobody knows what that part shows. Evidence that is missing fires the rule
    for it, so that it is never taken for clean.
    """
    met = [
        *_match_reasons(evidence, policy),
        *_signal_reasons(evidence, policy),
        *_unknown_reasons(evidence, policy),
    ]
    fired = _overrule([r for r in met if _holds(r)], evidence, policy)
    short = [r for r in met if not _holds(r)]
    live = [r for r in fired if r.overruled_by is None]
    found = max((strength(r.action) for r in live if r.ground != "unknown"), default=0)
    missing = max((strength(r.action) for r in live if r.ground == "unknown"), default=0)
    strongest = max(live, key=lambda r: strength(r.action), default=None)
    return Decision(
        action=strongest.action if strongest is not None else "allow",
        judged=missing == 0 or found >= missing,
        reasons=tuple(sorted(fired, key=_order)),
        near=tuple(sorted((r for r in short if _shortfall(r) <= 1), key=_nearest)),
        rest=tuple(sorted((r for r in short if _shortfall(r) > 1), key=_nearest)),
        policy=policy.name,
        policy_sha256=digest(policy),
    )


def rule_for(found: Match | Unknown, rules: Sequence[Rule]) -> Rule:
    """Return the most specific rule for a match or a missing answer.

    A checked policy always has one.
    """
    fitting = [rule for rule in rules if _fits(found, conditions(rule.where))]
    return max(fitting, key=lambda rule: specificity(rule.where))


def _fits(found: Match | Unknown, wanted: Mapping[str, str]) -> bool:
    # What is known to be good is only met by rules that say so: a general rule against
    # known content is not meant for it.
    if isinstance(found, Match) and found.role == "allow" and wanted.get("role") != "allow":
        return False
    return all(getattr(found, key) == value for key, value in wanted.items())


def _match_reasons(evidence: Evidence, policy: Policy) -> Iterable[Reason]:
    for index, match in enumerate(evidence.matches):
        rule = rule_for(match, policy.banks)
        kind = evidence.media.kind if evidence.media is not None else "image"
        yield Reason(
            rule=f"banks.{rule.id}",
            action=rule.action,
            ground="match",
            index=index,
            category=match.category,
            bounds=tuple(_match_bounds(match, rule)),
            text=words.match(match, kind),
        )


def _match_bounds(match: Match, rule: BankRule) -> Iterable[Bound]:
    yield Bound(
        of="distance",
        observed=match.distance,
        threshold=rule.distance,
        holds=match.distance <= rule.distance,
    )
    if rule.query_share > 0:
        yield _at_least("query_share", match.query_share, rule.query_share)
    if rule.entry_share > 0:
        yield _at_least("entry_share", match.entry_share, rule.entry_share)


def _at_least(
    of: Literal["score", "query_share", "entry_share"], observed: float, threshold: float
) -> Bound:
    return Bound(of=of, observed=observed, threshold=threshold, holds=observed >= threshold)


def _signal_reasons(evidence: Evidence, policy: Policy) -> Iterable[Reason]:
    for index, signal in enumerate(evidence.signals):
        for action, threshold in policy.thresholds.get(signal.category, {}).items():
            yield Reason(
                rule=f"thresholds.{signal.category}.{action}",
                action=_within(action, signal),
                ground="signal",
                index=index,
                category=signal.category,
                bounds=(_at_least("score", signal.score, threshold),),
                text=words.signal(signal),
            )


def _within(action: Action, signal: Signal) -> Action:
    """Return what a signal may bring about: where it is for review only, no more than that."""
    harmless = action in ("allow", "label")
    return "review" if signal.review_only and not harmless else action


def _unknown_reasons(evidence: Evidence, policy: Policy) -> Iterable[Reason]:
    for index, unknown in enumerate(evidence.unknowns):
        rule = rule_for(unknown, policy.unknowns)
        yield Reason(
            rule=f"unknowns.{rule.id}",
            action=rule.action,
            ground="unknown",
            index=index,
            category=unknown.categories[0] if len(unknown.categories) == 1 else None,
            bounds=(),
            text=words.unknown(unknown),
        )


def _overrule(fired: Sequence[Reason], evidence: Evidence, policy: Policy) -> Sequence[Reason]:
    allowing = [r for r in fired if r.action == "allow"]
    if not allowing:
        return fired
    exact = any(evidence.matches[r.index].kind != "pdq" for r in allowing)
    stubborn = {f"banks.{rule.id}" for rule in policy.banks if rule.despite_allow}

    def stands(reason: Reason) -> bool:
        if reason.action == "allow" or reason.rule in stubborn:
            return True
        unseen = reason.ground == "unknown" and evidence.unknowns[reason.index].stage == "media"
        return unseen and not exact

    return [
        r if stands(r) else msgspec.structs.replace(r, overruled_by=allowing[0].rule) for r in fired
    ]


def _holds(reason: Reason) -> bool:
    return all(bound.holds for bound in reason.bounds)


def _shortfall(reason: Reason) -> float:
    """Return how far from firing a rule is, as a multiple of what counts as near."""
    return max(abs(b.observed - b.threshold) / NEAR[b.of] for b in reason.bounds if not b.holds)


def _nearest(reason: Reason) -> tuple[float, int, str, int]:
    return (_shortfall(reason), -strength(reason.action), reason.rule, reason.index)


_GROUND_ORDER = {"match": 0, "signal": 1, "unknown": 2}


def _order(reason: Reason) -> tuple[bool, int, int, int, str]:
    return (
        reason.overruled_by is not None,
        -strength(reason.action),
        _GROUND_ORDER[reason.ground],
        reason.index,
        reason.rule,
    )


def finding(evidence: Evidence, reason: Reason) -> Match | Signal | Unknown:
    """Return the piece of evidence that a reason rests on."""
    if reason.ground == "match":
        return evidence.matches[reason.index]
    if reason.ground == "signal":
        return evidence.signals[reason.index]
    return evidence.unknowns[reason.index]
