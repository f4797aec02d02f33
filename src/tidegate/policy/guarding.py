"""A policy's rules with guards: asked about an item, all at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tidegate.evidence import Action, Evidence, Facts, Reason, Signal, Unknown
from tidegate.policy import words
from tidegate.policy.answer import in_part, reads_any
from tidegate.policy.draw import drawn
from tidegate.policy.guard import Guard, Guards
from tidegate.policy.names import SECOND
from tidegate.policy.schema import Policy, Rule, Then
from tidegate.policy.values import getter
from tidegate.policy.weigh import limited


class Lost(NamedTuple):
    """A live rule whose guard cannot be told.

    Attributes:
        rule: The rule.
        unknown: What is missing.
    """

    rule: Rule
    unknown: Unknown


class Asked(NamedTuple):
    """What the rules with guards say of an item.

    Attributes:
        fired: Reasons of live rules whose guard holds.
        shadow: Reasons of rules in shadow whose guard holds.
        lost: Live rules whose guard cannot be told.
        weak: Names of rules whose guard holds only by signals for review only. They ask for
            a review at most, and cap nothing.
    """

    fired: Sequence[Reason]
    shadow: Sequence[Reason]
    lost: Sequence[Lost]
    weak: Collection[str] = ()


NOTHING = Asked((), (), ())


class Guarding:
    """The rules of a policy that have guards and are not off. Safe to share between threads.

    Args:
        policy: A checked policy.

    Raises:
        GuardError: A guard does not compile; a policy that was parsed has none of these.
    """

    def __init__(self, policy: Policy) -> None:
        rules = [rule for rule in policy.rules if rule.mode != "off"]
        self._rules = [(rule, Guard(rule.when, policy.names)) for rule in rules]
        self._guards = Guards([guard for _, guard in self._rules])
        self._getters = {name: getter(name) for name in sorted(self._guards.reads)}
        self.then: Mapping[str, Then] = {name_of(rule): rule.then for rule in rules}

    def ask(self, evidence: Evidence, facts: Facts) -> Asked:
        """Ask every guard about an item."""
        if not self._rules:
            return NOTHING
        answers = self._answers(evidence, facts)
        if not any(answers):
            return NOTHING
        fired: list[Reason] = []
        shadow: list[Reason] = []
        lost: list[Lost] = []
        resting: list[str] = []
        for (rule, guard), answer in zip(self._rules, answers, strict=True):
            live = _is_live(rule, evidence)
            if answer is True:
                weak = self._weak(guard, evidence, facts)
                resting += [name_of(rule)] if weak is not None else []
                (fired if live else shadow).append(_reason(rule, weak))
            elif answer is not False and live and rule.unknown != "ignore":
                detail = f"{name_of(rule)}: {answer}"
                lost.append(Lost(rule, Unknown(stage="policy", cause="guard", detail=detail)))
        return Asked(fired, shadow, lost, resting)

    def hanging_on(self, categories: Collection[str]) -> Iterator[Rule]:
        """Yield the rules whose answer more signals for some categories could change."""
        return (rule for rule, guard in self._rules if reads_any(guard, categories))

    def _values(self, evidence: Evidence, facts: Facts) -> Mapping[str, object]:
        values = {}
        for name, get in self._getters.items():
            if (value := get(evidence, facts)) is not None:
                values[name] = value
        return values

    def _weak(self, guard: Guard, evidence: Evidence, facts: Facts) -> Signal | None:
        """Return a signal for review only without which a guard would not hold."""
        read = {name.removeprefix(SECOND) for name in guard.reads}
        weak = [s for s in evidence.signals if s.review_only and s.category in read]
        if not weak:
            return None
        strong = tuple(s for s in evidence.signals if not s.review_only)
        values = self._values(msgspec.structs.replace(evidence, signals=strong), facts)
        return None if in_part(guard, values, evidence) is True else weak[0]

    def _answers(self, evidence: Evidence, facts: Facts) -> Sequence[bool | str]:
        values = self._values(evidence, facts)
        if evidence.unknowns:
            return [in_part(guard, values, evidence) for _, guard in self._rules]
        return self._guards.hold(values)


def name_of(rule: Rule) -> str:
    """Return where a rule stands, as reasons and effects cite it."""
    return f"rules.{rule.id}"


def _is_live(rule: Rule, evidence: Evidence) -> bool:
    """Return whether a rule acts on an item; one whose bytes are unknown is never spared."""
    return rule.mode == "live" and (
        rule.rollout is None
        or evidence.sha256 is None
        or drawn(evidence.sha256, name_of(rule), rule.rollout)
    )


def _reason(rule: Rule, weak: Signal | None) -> Reason:
    asked = rule.then.action
    action = asked if asked is None or weak is None else limited(asked)
    by = None if weak is None or action == asked else f"detector {weak.detector}"
    return Reason(
        rule=name_of(rule),
        action=action,
        ground="guard",
        index=0,
        category=None,
        bounds=(),
        text=words.guard(rule, weak=weak is not None),
        capped_from=asked if by else None,
        capped_by=by,
    )


def unknown_guard(rule: Rule, action: Action, lost: Unknown, index: int) -> Reason:
    """Return what a rule itself asks for where its guard cannot be told."""
    return Reason(
        rule=f"{name_of(rule)}.unknown",
        action=action,
        ground="unknown",
        index=index,
        category=None,
        bounds=(),
        text=words.unknown(lost),
    )
