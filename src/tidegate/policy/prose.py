"""The parts of a policy in words, for people."""

from collections.abc import Sequence

from tidegate.evidence import ACTIONS, Role
from tidegate.policy.schema import (
    Agreed,
    BankRule,
    Breaker,
    Cell,
    FactConditions,
    MatchConditions,
    Rollout,
    Rule,
    Sample,
    Then,
    UnknownConditions,
    UnknownRule,
)

_ROLES: dict[Role, str] = {
    "block": "a block bank",
    "review": "a review bank",
    "allow": "an allow bank",
}


def cell(given: Cell | None) -> str:
    """Return a threshold in words, for example ``0.50 by 2 detectors at once``."""
    if given is None or given == "never":
        return "never"
    if isinstance(given, Agreed):
        return f"{score(given.score)} by {given.detectors} detectors at once"
    return score(given)


def score(value: float) -> str:
    """Return a score with two digits, or with as many as it takes."""
    return f"{value:.2f}" if round(value, 2) == value else repr(value)


def items(where: FactConditions) -> str:
    """Return for which items a row is, for example ``surface avatar, locale de-*``."""
    parts = []
    if where.surface is not None:
        parts.append(f"surface {where.surface}")
    if where.locale is not None:
        parts.append(f"locale {where.locale}")
    parts += [f"with {flag}" for flag in where.context]
    if where.account_days_below is not None:
        parts.append(f"account younger than {days(where.account_days_below)}")
    if where.kind is not None:
        parts.append(f"{where.kind} only")
    return ", ".join(parts)


def days(count: int) -> str:
    """Return ``1 day``, ``30 days``."""
    return "1 day" if count == 1 else f"{count} days"


def matches(where: MatchConditions) -> str:
    """Return which matches a rule is for, for example ``a match in a block bank``."""
    kinds = f"a {where.kind} match" if where.kind is not None else "a match"
    bank = where.bank if where.bank is not None else _ROLES[where.role] if where.role else "a bank"
    if where.bank is not None:
        bank = f"bank {where.bank}" + (f" as {_ROLES[where.role]}" if where.role else "")
    text = f"{kinds} in {bank}"
    return f"{text} for {where.category}" if where.category is not None else text


def bounds(rule: BankRule) -> str:
    """Return how near a match must be, for example ``within 31 bits``."""
    parts = [f"within {rule.distance} bits"]
    if rule.query_share:
        parts.append(f"at least {share(rule.query_share)} of the item")
    if rule.entry_share:
        parts.append(f"at least {share(rule.entry_share)} of the entry")
    return ", ".join(parts)


def bank_rule(rule: BankRule) -> str:
    """Return a rule for matches in words."""
    text = f"{matches(rule.where)}, {bounds(rule)}: {rule.action}"
    return f"{text}, whatever an allow bank says" if rule.despite_allow else text


def missing(where: UnknownConditions) -> str:
    """Return which missing answers a rule is for."""
    parts = []
    if where.category is not None:
        parts.append(f"about {where.category}")
    if where.detector is not None:
        parts.append(f"of detector {where.detector}")
    if where.cause is not None:
        parts.append(f"for cause {where.cause}")
    if where.stage is not None:
        parts.append(f"at stage {where.stage}")
    return f"a missing answer {', '.join(parts)}" if parts else "any missing answer"


def unknown_rule(rule: UnknownRule) -> str:
    """Return a rule for missing answers in words."""
    return f"{missing(rule.where)}: {rule.action}"


def then(given: Then) -> str:
    """Return what a rule does, for example ``review, queue avatars at priority 80``."""
    parts: list[str] = []
    if given.action is not None:
        parts.append(given.action)
    if given.queue is not None:
        parts.append(f"queue {given.queue} at priority {given.priority}")
    if given.label is not None:
        parts.append(f"label {given.label}")
    if given.alarm is not None:
        parts.append(f"alarm {given.alarm}")
    if given.cap is not None:
        parts.append(f"no score or guard leads to more than {given.cap}")
    return ", ".join(parts)


def unsure(rule: Rule) -> str:
    """Return what a rule does where its guard cannot be told."""
    if rule.unknown is None:
        return "what the section unknowns says for cause guard"
    return "nothing" if rule.unknown == "ignore" else rule.unknown


def mode(rule: Rule) -> str:
    """Return whether a rule acts, for example ``live for 10 % of items``."""
    if rule.mode == "live" and rule.rollout is not None:
        return f"live for {rollout(rule.rollout)}, in shadow for the others"
    return {"live": "live", "shadow": "in shadow: it does nothing", "off": "off"}[rule.mode]


def rollout(given: Rollout | None) -> str:
    """Return for which share of items a rule is live."""
    if given is None:
        return "all items"
    salt = f" (salt {given.salt!r})" if given.salt else ""
    return f"{share(given.share)} of items{salt}"


def sample(given: Sample) -> str:
    """Return a sample in words."""
    of = "" if set(given.of) == set(ACTIONS) else f" that end as {listed(given.of)}"
    salt = f" (salt {given.salt!r})" if given.salt else ""
    return (
        f"{share(given.share)} of items{of}{salt}: queue {given.queue} at priority {given.priority}"
    )


_PER = {"rule": "of one rule", "uploader": "of one uploader", "entry": "for one entry of a bank"}


def breaker(given: Breaker) -> str:
    """Return a breaker in words."""
    return (
        f"beyond {given.limit:,} decisions {listed(given.of)} {_PER[given.per]} within one "
        f"{given.within}: {given.action} instead, alarm {given.alarm}"
    )


def share(value: float) -> str:
    """Return a share in percent with the digits that it takes."""
    return f"{100 * value:.10g} %"


def listed(parts: Sequence[str]) -> str:
    """Return ``a, b or c``."""
    *first, last = parts
    return f"{', '.join(first)} or {last}" if first else last
