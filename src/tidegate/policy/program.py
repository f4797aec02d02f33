"""A policy made ready, and what it decides. Pure: the same in, the same bytes out.

:class:`Program` looks up beforehand all that does not depend on the item, so that a decision
costs some microseconds. :func:`decide` is for one decision.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256

import msgspec

from tidegate.evidence import (
    ACTIONS,
    Action,
    Bound,
    Decision,
    Effect,
    EffectKind,
    Evidence,
    Facts,
    Match,
    Reason,
    Signal,
    Unknown,
    strength,
)
from tidegate.policy import words
from tidegate.policy.contest import Contest
from tidegate.policy.draw import drawn
from tidegate.policy.guarding import Guarding, name_of, unknown_guard
from tidegate.policy.schema import BankRule, Policy
from tidegate.policy.thresholds import Threshold, Thresholds
from tidegate.policy.weigh import (
    agreeing,
    allows,
    at_least,
    kind_of,
    limited,
    lowered,
    match_bounds,
    order,
    outcome,
    rule_for_match,
    rule_for_unknown,
    shortfall,
    strength_of,
)

NOTHING_STATED = Facts()

MOST_REMEMBERED = 4096
"""Kinds of matches whose rule is remembered."""


Short = tuple[float, int, str, int, Reason]
"""A reason that did not fire, after what it is sorted by: how far it is from that, the weakness
of what it asks for, its rule, and the place of what it rests on. No two are alike in these."""


class Program:
    """A policy that is ready to decide. Safe to share between threads.

    Args:
        policy: A checked policy.

    Attributes:
        policy: The policy.
        sha256: Digest of its canonical form, in hexadecimal.

    Raises:
        GuardError: A guard does not compile; a policy that was parsed has none of these.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.sha256 = digest(policy)
        self._name = policy.name
        self._thresholds = Thresholds(policy)
        self._guarding = Guarding(policy)
        self._contest = Contest(policy, self._guarding.then)
        self._named = sorted({r.where.category for r in policy.unknowns if r.where.category})
        self._bank_rules: dict[tuple[str, str, str, str], BankRule] = {}
        # To what a breaker may lower an action, the least of it.
        self._tripped: dict[Action | None, Action] = {
            action: min((b.action for b in policy.breakers if action in b.of), key=strength)
            for action in {action for breaker in policy.breakers for action in breaker.of}
        }

    def decide(self, evidence: Evidence, facts: Facts = NOTHING_STATED) -> Decision:
        """Apply every rule to every piece of evidence; the strongest effect wins.

        A match in an allow bank overrules all other reasons but those of rules that are
        marked ``despite_allow``; one by PDQ does not overrule that a part of the media was
        not seen, for nobody knows what that part shows. Evidence that is missing fires the
        rule for it, so that it is never taken for clean.

        Args:
            evidence: What is known of the item.
            facts: What the platform says of it.
        """
        live: list[Reason] = []
        short: list[Short] = []
        if evidence.matches:
            self._meet_matches(evidence, live, short)
        if evidence.signals:
            self._meet_signals(evidence, facts, live, short)
        for index, unknown in enumerate(evidence.unknowns):
            live.extend(self._unknown_reasons(unknown, index))
        asked = self._guarding.ask(evidence, facts)
        live.extend(asked.fired)
        missing: list[Unknown] = []
        for rule, lost in asked.lost:
            index = len(evidence.unknowns) + len(missing)
            missing.append(lost)
            if rule.unknown is None or rule.unknown == "ignore":
                live.extend(self._unknown_reasons(lost, index))
            else:
                live.append(unknown_guard(rule, rule.unknown, lost, index))
        for lost in self._beyond(evidence, facts, live, asked.weak):
            live.extend(self._unknown_reasons(lost, len(evidence.unknowns) + len(missing)))
            missing.append(lost)
        fired = self._contest.settle(live, evidence, asked.weak)
        action, judged = outcome(fired)
        near, rest = _apart(short)
        # As it would be if the rules in shadow were live.
        tried = fired
        if asked.shadow:
            tried = self._contest.settle([*live, *asked.shadow], evidence, asked.weak)
        return Decision(
            action=action,
            judged=judged,
            reasons=tuple(sorted(fired, key=order)),
            near=near,
            rest=rest,
            policy=self._name,
            policy_sha256=self.sha256,
            missing=tuple(missing),
            effects=self._effects(fired, action, evidence),
            shadow=tuple(sorted(tried[len(live) :], key=order)),
            shadow_action=outcome(tried)[0] if asked.shadow else None,
        )

    def thresholds(self, facts: Facts = NOTHING_STATED) -> Mapping[str, tuple[float, ...]]:
        """Return for each category the scores from which on something is asked for, ascending.

        For a video; a guard may compare scores with more than these.
        """
        return {
            category: tuple(sorted({threshold.score for threshold in of_one}))
            for category, of_one in self._thresholds.of(facts, "video").items()
        }

    def could_change(
        self,
        evidence: Evidence,
        categories: Collection[str],
        facts: Facts = NOTHING_STATED,
        *,
        review_only: bool = False,
    ) -> bool:
        """Return whether more signals could change what is to be done.

        Args:
            evidence: What is known so far.
            categories: What the signals would be about.
            facts: What the platform says of the item.
            review_only: Whether they would be for review only.
        """
        decision = self.decide(evidence, facts)
        if any(unknown.cause == "guard" for unknown in decision.missing) and any(
            self._guarding.hanging_on(categories)
        ):
            return True  # It could be told then.
        return self._hangs_on(decision.reasons, evidence, categories, facts, review_only)

    def _hangs_on(
        self,
        fired: Sequence[Reason],
        evidence: Evidence,
        categories: Collection[str],
        facts: Facts,
        review_only: bool,
    ) -> bool:
        """Return whether more signals could change what reasons lead to."""
        if any(map(allows, fired)):
            return False  # It overrules whatever a score may ask for.
        hanging = {name_of(rule) for rule in self._guarding.hanging_on(categories)}
        if any(reason.ground == "guard" and reason.rule in hanging for reason in fired):
            return True  # It could be taken back.
        most = self._most(evidence, categories, facts, review_only)
        action, judged = outcome(self._at_least(fired))
        return most > strength(action) or (most == strength(action) and not judged)

    def _at_least(self, fired: Sequence[Reason]) -> Sequence[Reason]:
        """Return reasons as they are where every breaker that could has tripped."""
        if not self.policy.breakers:
            return fired
        return [
            lowered(reason, self._tripped[reason.action], "breakers")
            if reason.action in self._tripped
            else reason
            for reason in fired
        ]

    def _most(
        self, evidence: Evidence, categories: Collection[str], facts: Facts, review_only: bool
    ) -> int:
        """Return the strength of the most that signals may lead to; -1 where that is nothing."""
        asked = self._could_ask(evidence, categories, facts)
        if asked is None:
            return len(ACTIONS)
        return max((strength(limited(a) if review_only else a) for a in asked), default=-1)

    def _could_ask(
        self, evidence: Evidence, categories: Collection[str], facts: Facts
    ) -> list[Action] | None:
        """Return the actions that signals may lead to; ``None`` where they may do more."""
        thresholds = self._thresholds.of(facts, kind_of(evidence))
        asked = [t.action for category in categories for t in thresholds.get(category, ())]
        for rule in self._guarding.hanging_on(categories):
            then = rule.then
            if rule.mode == "shadow" or then.queue or then.label or then.alarm or then.cap:
                return None
            if then.action is not None:
                asked.append(then.action)
        return asked

    def bank_rule(self, match: Match) -> BankRule:
        """Return the most specific rule for a match. A checked policy always has one."""
        key = (match.bank, match.category, match.kind, match.role)
        rule = self._bank_rules.get(key)
        if rule is None:
            rule = rule_for_match(match, self.policy.banks)
            if len(self._bank_rules) >= MOST_REMEMBERED:
                self._bank_rules.clear()
            self._bank_rules[key] = rule
        return rule

    def _meet_matches(self, evidence: Evidence, fired: list[Reason], short: list[Short]) -> None:
        kind = kind_of(evidence)
        for index, match in enumerate(evidence.matches):
            rule = self.bank_rule(match)
            bounds = tuple(match_bounds(match, rule))
            reason = Reason(
                rule=f"banks.{rule.id}",
                action=rule.action,
                ground="match",
                index=index,
                category=match.category,
                bounds=bounds,
                text=words.match(match, kind),
            )
            _sort_in(reason, fired, short)

    def _meet_signals(
        self, evidence: Evidence, facts: Facts, fired: list[Reason], short: list[Short]
    ) -> None:
        thresholds = self._thresholds.of(facts, kind_of(evidence))
        for index, signal in enumerate(evidence.signals):
            meeting = thresholds.get(signal.category)
            if not meeting:
                continue
            text = words.signal(signal)
            for threshold in meeting:
                reason = _signal_reason(threshold, signal, index, text, evidence.signals)
                _sort_in(reason, fired, short)

    def _unknown_reasons(self, unknown: Unknown, index: int) -> Iterator[Reason]:
        """Yield what the rules for a missing answer ask for, one for each category concerned."""
        everything = (None, *self._named) if unknown.stage != "policy" else (None,)
        concerned: tuple[str | None, ...] = unknown.categories or everything
        rules = [rule_for_unknown(unknown, c, self.policy.unknowns) for c in concerned]
        for rule in dict.fromkeys(rules):
            yield Reason(
                rule=f"unknowns.{rule.id}",
                action=rule.action,
                ground="unknown",
                index=index,
                category=unknown.categories[0] if len(unknown.categories) == 1 else None,
                bounds=(),
                text=words.unknown(unknown),
            )

    def _beyond(
        self, evidence: Evidence, facts: Facts, live: Sequence[Reason], weak: Collection[str]
    ) -> Iterator[Unknown]:
        """Yield what this policy misses and the evidence does not speak of."""
        for category in self.policy.needs:
            if not _is_spoken_of(category, evidence):
                yield Unknown(
                    stage="detectors",
                    cause="not_covered",
                    detail=f"no detector answers for {category}, which the policy needs",
                    categories=(category,),
                )
        if not evidence.skipped:
            return
        fired = self._contest.settle(live, evidence, weak)
        for one in evidence.skipped:
            if self._hangs_on(fired, evidence, one.categories, facts, one.review_only):
                yield Unknown(
                    stage="detectors",
                    cause="not_asked",
                    detail=f"{one.detector} was not asked: {one.because}",
                    detector=one.detector,
                    categories=one.categories,
                )

    def _effects(
        self, fired: Sequence[Reason], action: Action, evidence: Evidence
    ) -> tuple[Effect, ...]:
        caused: dict[tuple[EffectKind, str], list[tuple[str, int]]] = {}

        def add(kind: EffectKind, value: str | None, rule: str, priority: int = 0) -> None:
            if value is not None:
                caused.setdefault((kind, value), []).append((rule, priority))

        for reason in fired:
            if reason.ground == "guard" and reason.overruled_by is None:
                then = self._guarding.then[reason.rule]
                add("queue", then.queue, reason.rule, then.priority)
                add("label", then.label, reason.rule)
                add("alarm", then.alarm, reason.rule)
        for sample in self.policy.sampling:
            name = f"sampling.{sample.id}"
            if action in sample.of and drawn(evidence.sha256, name, sample):
                add("queue", sample.queue, name, sample.priority)
        return tuple(
            Effect(
                kind=kind,
                value=value,
                rules=tuple(rule for rule, _ in by),
                priority=max(priority for _, priority in by),
            )
            for (kind, value), by in sorted(caused.items())
        )


def decide(evidence: Evidence, policy: Policy, facts: Facts = NOTHING_STATED) -> Decision:
    """Decide one item; see :meth:`Program.decide`. For many, make a :class:`Program` once."""
    return Program(policy).decide(evidence, facts)


def digest(policy: Policy) -> str:
    """Return the SHA-256 of the policy's canonical form, in hexadecimal.

    It holds what differs from the defaults, so that a field that a later version adds
    changes no digest of a policy without it.
    """
    return sha256(msgspec.json.encode(_canonical(policy), order="deterministic")).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        # Not the encoder's own way: it knows a default by identity, so not that of a copy.
        return {
            field.name: _canonical(given)
            for field in msgspec.structs.fields(value)
            if (given := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, dict):
        return {key: _canonical(given) for key, given in value.items()}
    if isinstance(value, tuple):
        return [_canonical(given) for given in value]
    return value


def _default(field: msgspec.structs.FieldInfo) -> object:
    factory = field.default_factory
    return field.default if factory is msgspec.NODEFAULT else factory()


def finding(
    evidence: Evidence, reason: Reason, missing: Sequence[Unknown] = ()
) -> Match | Signal | Unknown | None:
    """Return the piece of evidence that a reason rests on; ``None`` for a guard.

    Args:
        evidence: The evidence.
        reason: A reason of a decision on it.
        missing: The decision's own :attr:`~tidegate.evidence.Decision.missing`.
    """
    if reason.ground == "match":
        return evidence.matches[reason.index]
    if reason.ground == "signal":
        return evidence.signals[reason.index]
    if reason.ground == "unknown":
        return (*evidence.unknowns, *missing)[reason.index]
    return None


def _signal_reason(
    threshold: Threshold, signal: Signal, index: int, text: str, signals: Sequence[Signal]
) -> Reason:
    bounds: tuple[Bound, ...] = (at_least("score", signal.score, threshold.score),)
    if threshold.detectors > 1:
        agree = agreeing(signal, threshold.score, signals)
        bounds = (*bounds, at_least("detectors", len(agree), threshold.detectors))
        if others := sorted(agree - {signal.detector}):
            text = f"{text}, and from {threshold.score:.2f} by {' and '.join(others)}"
    reason = Reason(
        rule=threshold.rule,
        action=threshold.action,
        ground="signal",
        index=index,
        category=signal.category,
        bounds=bounds,
        text=text,
    )
    if signal.review_only and (action := limited(threshold.action)) != threshold.action:
        return lowered(reason, action, f"detector {signal.detector}")
    return reason


def _is_spoken_of(category: str, evidence: Evidence) -> bool:
    """Return whether a detector answered for a category, or the evidence says why not."""
    return (
        category in evidence.covered
        or any(category in one.categories for one in evidence.skipped)
        # What a bank could not be asked says nothing of whether a detector answers.
        or any(
            u.stage != "matching" and (not u.categories or category in u.categories)
            for u in evidence.unknowns
        )
    )


def _sort_in(reason: Reason, fired: list[Reason], short: list[Short]) -> None:
    """Add a reason to those that fired or to those that did not."""
    if far := shortfall(reason.bounds):
        short.append((far, -strength_of(reason), reason.rule, reason.index, reason))
    else:
        fired.append(reason)


def _apart(short: list[Short]) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Tell reasons that nearly fired from those that are far from it, each nearest first."""
    short.sort()
    near = tuple(one[-1] for one in short if one[0] <= 1)
    return near, tuple(one[-1] for one in short[len(near) :])
