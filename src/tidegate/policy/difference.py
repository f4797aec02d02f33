"""How two policies differ in what they decide: by meaning, not by text.

The order of rules and rows, the short and the long form of a row, white space in a guard, and
what is only declared under ``names`` make no difference.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from tidegate.evidence import ACTIONS, Action, strength
from tidegate.policy import prose, space, stricter
from tidegate.policy.narrow import Meant, meant
from tidegate.policy.program import digest
from tidegate.policy.schema import (
    Agreed,
    BankRule,
    Breaker,
    Policy,
    Rule,
    Sample,
    Score,
    UnknownRule,
    conditions,
)
from tidegate.policy.stricter import Way

Section = Literal["thresholds", "needs", "banks", "rules", "unknowns", "sampling", "breakers"]


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """From which score an action is asked for.

    Attributes:
        old: Before, in words; ``never`` where it is not asked for.
        new: Now.
    """

    old: str
    new: str


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is different.

    Attributes:
        section: Of the policy.
        name: A category, or the id of a rule.
        what: Whether it is new, gone or changed.
        way: Which way it goes; of thresholds, all those of the category together.
        part: Of a rule the field; empty for all of it.
        old: What it was, in words; ``None`` where it is new.
        new: What it is, in words; ``None`` where it is gone.
        shifts: Of thresholds, by action what is different.
        items: Of thresholds, for which items: the values along each axis where not all are
            meant, so that an empty mapping is all items.
        where: The same in words; empty for all items.
    """

    section: Section
    name: str
    what: Literal["added", "removed", "changed"]
    way: Way
    part: str = ""
    old: str | None = None
    new: str | None = None
    shifts: dict[Action, Shift] = msgspec.field(default_factory=dict)
    items: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    where: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that is different.

    Attributes:
        schema: Version of this JSON.
        old: Id and version of the old policy.
        new: Id and version of the new one.
        old_sha256: Digest of the old policy's canonical form.
        new_sha256: Digest of the new one's.
        changes: In the order of the sections.
    """

    schema: int = 1
    old: str
    new: str
    old_sha256: str
    new_sha256: str
    changes: tuple[Change, ...]


def difference(old: Policy, new: Policy) -> Difference:
    """Compare two policies.

    Raises:
        TooManyKindsError: Their rows tell too many kinds of items apart.
    """
    return Difference(
        old=old.name,
        new=new.name,
        old_sha256=digest(old),
        new_sha256=digest(new),
        changes=(
            *_thresholds(old, new),
            *_needs(old, new),
            *_rules("banks", old.banks, new.banks, _BANK),
            *_rules("rules", old.rules, new.rules, _RULE),
            *_unknowns(old.unknowns, new.unknowns),
            *_rules("sampling", old.sampling, new.sampling, _SAMPLE),
            *_rules("breakers", old.breakers, new.breakers, _BREAKER),
        ),
    )


_NOUNS: dict[Section, str] = {
    "thresholds": "category",
    "needs": "needed category",
    "banks": "bank rule",
    "rules": "rule",
    "unknowns": "unknown rule",
    "sampling": "sample",
    "breakers": "breaker",
}


def summary(found: Difference) -> list[str]:
    """Return what is different in few lines: ``3 categories stricter: surface avatar``."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for change in found.changes:
        if change.section == "thresholds":
            way = "changed" if change.way == "other" else change.way
            told = f"{way}: {change.where or 'all items'}"
        elif change.part == "mode":
            told = f"from {change.old} to {change.new}"
        else:
            told = change.what + _way(change)
        groups.setdefault((_NOUNS[change.section], told), {})[change.name] = None
    return [
        f"{_counted(noun, len(names))} {told}"
        for (noun, told), names in sorted(groups.items(), key=lambda one: -len(one[1]))
    ]


def line(change: Change) -> str:
    """Return one change in words."""
    if change.section == "thresholds":
        values = [f"{action} {one.old} → {one.new}" for action, one in change.shifts.items()]
        return f"{change.name}: {', '.join(values)}; {change.where or 'all items'}{_way(change)}"
    name = f"{change.section}.{change.name}"
    if change.what == "changed":
        return f"{name}: {change.part} {change.old} → {change.new}{_way(change)}"
    rule = change.new or change.old
    return f"{name}: {change.what}{_way(change)}" + (f": {rule}" if rule else "")


def _way(change: Change) -> str:
    return "" if change.way == "other" else f", {change.way}"


def _counted(noun: str, count: int) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{count} {noun}s"


def _thresholds(old: Policy, new: Policy) -> Iterator[Change]:
    for category in sorted({*old.thresholds, *new.thresholds}):
        before, after = old.rows(category), new.rows(category)
        along = space.axes([row.where for row in (*before, *after)])
        found: dict[tuple[_Asked, _Asked], list[space.Point]] = {}
        for point in space.points(along):
            facts, kind = space.example(along, point)
            was, now = _asked(meant(before, facts, kind)), _asked(meant(after, facts, kind))
            if was != now:
                found.setdefault((was, now), []).append(point)
        for (was, now), wanted in found.items():
            one, other = dict(was), dict(now)
            for block in space.blocks(along, wanted):
                yield Change(
                    section="thresholds",
                    name=category,
                    what="changed" if was and now else "added" if now else "removed",
                    way=stricter.of_thresholds(one, other),
                    shifts={
                        action: Shift(
                            old=prose.cell(one.get(action)), new=prose.cell(other.get(action))
                        )
                        for action in ACTIONS
                        if one.get(action) != other.get(action)
                    },
                    items=space.named(along, block),
                    where=space.told(along, block),
                )


_Asked = frozenset[tuple[Action, Score | Agreed]]


def _asked(cells: Mapping[Action, Meant]) -> _Asked:
    """Return what is asked for. One detector is the same as no number of them."""
    found: dict[Action, Score | Agreed] = {}
    for action, (cell, _) in cells.items():
        if isinstance(cell, Agreed):
            found[action] = cell if cell.detectors > 1 else cell.score
        elif cell != "never":
            found[action] = float(cell)
    return frozenset(found.items())


def _needs(old: Policy, new: Policy) -> Iterator[Change]:
    for name in sorted({*old.needs} - {*new.needs}):
        yield Change(section="needs", name=name, what="removed", way="weaker")
    for name in sorted({*new.needs} - {*old.needs}):
        yield Change(section="needs", name=name, what="added", way="stricter")


AnyRule = TypeVar("AnyRule", BankRule, Rule, UnknownRule, Sample, Breaker)


class _Field(NamedTuple):
    """One part of a rule.

    Attributes:
        means: What is compared.
        says: The same in words.
        way: Which way a change of it goes, from the old and the new rule.
    """

    means: Callable[[Any], object]
    says: Callable[[Any], str]
    way: Callable[[Any, Any], Way] = lambda old, new: "other"


class _Manner(NamedTuple):
    """How rules of one section are compared."""

    fields: Mapping[str, _Field]
    says: Callable[[Any], str]
    pushes: Callable[[Any], int] = lambda rule: 0


def _rules(
    section: Section, old: Sequence[AnyRule], new: Sequence[AnyRule], manner: _Manner
) -> Iterator[Change]:
    before, after = {rule.id: rule for rule in old}, {rule.id: rule for rule in new}
    for name, rule in before.items():
        if name not in after:
            yield Change(
                section=section,
                name=name,
                what="removed",
                way=_by_number(-manner.pushes(rule)),
                old=manner.says(rule),
            )
    for name, rule in after.items():
        if name not in before:
            yield Change(
                section=section,
                name=name,
                what="added",
                way=_by_number(manner.pushes(rule)),
                new=manner.says(rule),
            )
            continue
        was = before[name]
        for part, field in manner.fields.items():
            if field.means(was) != field.means(rule):
                yield Change(
                    section=section,
                    name=name,
                    what="changed",
                    way=field.way(was, rule),
                    part=part,
                    old=field.says(was),
                    new=field.says(rule),
                )


def _by_number(push: float) -> Way:
    return "stricter" if push > 0 else "weaker" if push < 0 else "other"


def _rises(value: Callable[[Any], float]) -> Callable[[Any, Any], Way]:
    """Return what calls a change stricter where a value rises."""
    return lambda old, new: _by_number(value(new) - value(old))


def _of_match(value: Callable[[BankRule], float]) -> Callable[[BankRule, BankRule], Way]:
    """Return what calls a change stricter where more matches count, weaker for known good ones."""

    def way(old: BankRule, new: BankRule) -> Way:
        if "allow" in (old.action, new.action):
            return _by_number(value(old) - value(new)) if old.action == new.action else "other"
        return _by_number(value(new) - value(old))

    return way


def _strength(action: Action | None) -> int:
    return -1 if action is None else strength(action)


_BANK = _Manner(
    fields={
        "where": _Field(lambda r: conditions(r.where), lambda r: prose.matches(r.where)),
        "distance": _Field(
            lambda r: r.distance,
            lambda r: f"{r.distance} bits",
            _of_match(lambda r: r.distance),
        ),
        "query_share": _Field(
            lambda r: r.query_share,
            lambda r: prose.share(r.query_share),
            _of_match(lambda r: -r.query_share),
        ),
        "entry_share": _Field(
            lambda r: r.entry_share,
            lambda r: prose.share(r.entry_share),
            _of_match(lambda r: -r.entry_share),
        ),
        "action": _Field(
            lambda r: r.action,
            lambda r: r.action,
            _rises(lambda r: _strength(r.action)),
        ),
        "despite_allow": _Field(
            lambda r: r.despite_allow,
            lambda r: "yes" if r.despite_allow else "no",
            _rises(lambda r: r.despite_allow),
        ),
    },
    says=prose.bank_rule,
)

_UNKNOWN = _Manner(
    fields={
        "where": _Field(lambda r: conditions(r.where), lambda r: prose.missing(r.where)),
        "action": _Field(lambda r: r.action, lambda r: r.action),
    },
    says=prose.unknown_rule,
)


def _unknowns(old: Sequence[UnknownRule], new: Sequence[UnknownRule]) -> Iterator[Change]:
    """Yield what is different, each with what it changes for the answers that it is about."""
    met = stricter.of_unknowns(old, new)
    for change in _rules("unknowns", old, new, _UNKNOWN):
        concerned = (
            one.change
            for one in met
            if change.name in (one.old.id, one.new.id)
            and (change.part != "action" or one.old.id == one.new.id)
            and (change.part != "where" or one.old.id != one.new.id)
            and (change.what != "removed" or one.old.id == change.name)
            and (change.what != "added" or one.new.id == change.name)
        )
        yield msgspec.structs.replace(change, way=stricter.way(concerned))


def _pushes(rule: Rule) -> int:
    """Return 1 where a rule only asks for more, -1 where it only caps, 0 otherwise."""
    if rule.mode != "live":
        return 0
    return (rule.then.action is not None) - (rule.then.cap is not None)


def _mode_way(old: Rule, new: Rule) -> Way:
    return _by_number(_pushes(new) * _acts(new) - _pushes(old) * _acts(old))


def _acts(rule: Rule) -> float:
    """Return for which share of items a rule is live."""
    if rule.mode != "live":
        return 0.0
    return rule.rollout.share if rule.rollout is not None else 1.0


def _unsure_way(old: Rule, new: Rule) -> Way:
    if old.unknown is None or new.unknown is None:
        return "other"

    def rank(rule: Rule) -> int:
        return -1 if rule.unknown in (None, "ignore") else ACTIONS.index(rule.unknown)

    return _by_number(rank(new) - rank(old))


def _most(rule: Rule) -> int:
    return len(ACTIONS) if rule.then.cap is None else strength(rule.then.cap)


_NONE = "none"

_RULE = _Manner(
    fields={
        "mode": _Field(lambda r: r.mode, lambda r: r.mode, _mode_way),
        "rollout": _Field(lambda r: r.rollout, lambda r: prose.rollout(r.rollout), _mode_way),
        "when": _Field(lambda r: _words(r.when), lambda r: " ".join(r.when.split())),
        "action": _Field(
            lambda r: r.then.action,
            lambda r: r.then.action or _NONE,
            _rises(lambda r: _strength(r.then.action)),
        ),
        "cap": _Field(lambda r: r.then.cap, lambda r: r.then.cap or _NONE, _rises(_most)),
        "queue": _Field(
            lambda r: r.then.queue and (r.then.queue, r.then.priority),
            lambda r: f"{r.then.queue} at priority {r.then.priority}" if r.then.queue else _NONE,
        ),
        "label": _Field(lambda r: r.then.label, lambda r: r.then.label or _NONE),
        "alarm": _Field(lambda r: r.then.alarm, lambda r: r.then.alarm or _NONE),
        "unknown": _Field(lambda r: r.unknown, prose.unsure, _unsure_way),
        "title": _Field(lambda r: r.title, lambda r: repr(r.title)),
    },
    says=lambda r: f"{' '.join(r.when.split())} ⇒ {prose.then(r.then)} ({prose.mode(r)})",
    pushes=_pushes,
)

_SAMPLE = _Manner(
    fields={
        "share": _Field(lambda r: r.share, lambda r: prose.share(r.share)),
        "of": _Field(lambda r: {*r.of}, lambda r: prose.listed(r.of)),
        "queue": _Field(
            lambda r: (r.queue, r.priority), lambda r: f"{r.queue} at priority {r.priority}"
        ),
        "salt": _Field(lambda r: r.salt, lambda r: repr(r.salt)),
    },
    says=prose.sample,
)

_BREAKER = _Manner(
    fields={
        "per": _Field(lambda r: r.per, lambda r: r.per),
        "limit": _Field(
            lambda r: (r.limit, r.within), lambda r: f"{r.limit:,} within one {r.within}"
        ),
        "of": _Field(lambda r: {*r.of}, lambda r: prose.listed(r.of)),
        "action": _Field(lambda r: r.action, lambda r: r.action),
        "alarm": _Field(lambda r: r.alarm, lambda r: r.alarm),
    },
    says=prose.breaker,
)

_WORD = re.compile(
    r"""[rR](?:'{3}.*?'{3}|"{3}.*?"{3}|'[^']*'|"[^"]*")"""
    r"""|'{3}.*?'{3}|"{3}.*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
    r"""|(?P<comment>//[^\n]*)|\w+|\S""",
    re.DOTALL,
)


def _words(guard: str) -> list[str]:
    """Return a guard's words and signs, without comments and the space between them."""
    return [found[0] for found in _WORD.finditer(guard) if found["comment"] is None]
