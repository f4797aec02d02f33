"""What can be wrong with a policy whose every value is of the right shape."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple, get_args

from tidegate import taxonomy
from tidegate.evidence import Action, Role, strength
from tidegate.policy.narrow import rank, same, ties, together
from tidegate.policy.schema import BankRule, Policy, Row, UnknownRule, conditions
from tidegate.policy.spelling import nearest
from tidegate.policy.tree import Path

Problem = tuple[Path, str]
"""Where in the policy, and what is wrong with it."""


Line = Callable[[Path], int | None]
"""What tells in which line of the file something stands."""


def problems(policy: Policy, line: Line) -> Iterator[Problem]:
    """Yield all that is wrong, guards apart."""
    for check in _CHECKS:
        yield from check(policy)
    yield from _rows_together(policy, line)


def _names(policy: Policy) -> Iterator[Problem]:
    for kind in ("surfaces", "banks", "queues", "labels", "alarms"):
        given: tuple[str, ...] = getattr(policy.names, kind)
        for index, name in enumerate(given):
            if name in given[:index]:
                yield ("names", kind, index), f"{name!r} is named twice"


def _needs(policy: Policy) -> Iterator[Problem]:
    for index, category in enumerate(policy.needs):
        yield from _detectable(category, ("needs", index))


def _thresholds(policy: Policy) -> Iterator[Problem]:
    for category in policy.thresholds:
        path: Path = ("thresholds", category)
        if wrong := list(_detectable(category, path)):
            yield from wrong
            continue
        for at, row in zip(_row_paths(policy, category), policy.rows(category), strict=True):
            yield from _conditions(row, (*at, "where"), policy)
            if not any(True for _ in row.cells()):
                yield at, f"{category}: this row says nothing"


def _rows_together(policy: Policy, line: Line) -> Iterator[Problem]:
    """Yield rows that go ill with one another."""
    for category in policy.thresholds:
        rows = policy.rows(category)
        at = _row_paths(policy, category)
        for weak, strong in dict.fromkeys(_strong_before_weak(rows)):
            general, special = sorted((weak, strong), key=lambda one: rank(rows[one.row].where))
            message = (
                f"{category}: '{strong.action}' is stronger than '{weak.action}' but asks for a "
                f"lower score ({strong.score} < {weak.score})"
            )
            if general.row != special.row:
                message += (
                    f": line {line(at[general.row])} says '{general.action}', "
                    "say it in this row, too"
                )
            yield (*at[special.row], special.action), message
        for one, other in ties(rows):
            if same(rows[one].where, rows[other].where):
                told = f"is for the same items as that of line {line(at[one])}: make them one row"
            else:
                told = (
                    f"and that of line {line(at[one])} can both be for one item, and neither is "
                    "more specific: add a row with the conditions of both"
                )
            yield at[other], f"{category}: this row {told}"


class _Alone(NamedTuple):
    """From which score one detector brings an action about, and which row says so."""

    row: int
    action: Action
    score: float


def _strong_before_weak(rows: Sequence[Row]) -> Iterator[tuple[_Alone, _Alone]]:
    """Yield pairs that some item meets of which the stronger asks for the lower score."""
    for _, cells in together(rows):
        # What several must agree on is a stronger claim at any score.
        alone = [
            _Alone(row, action, cell)
            for action, (cell, row) in cells.items()
            if isinstance(cell, float)
        ]
        for weak, strong in pairwise(sorted(alone, key=lambda one: strength(one.action))):
            if weak.score > strong.score:
                yield weak, strong


def _row_paths(policy: Policy, category: str) -> Sequence[Path]:
    """Return where the rows of a category stand."""
    given = policy.thresholds[category]
    if isinstance(given, Row):
        return [("thresholds", category)]
    return [("thresholds", category, index) for index in range(len(given))]


def _conditions(row: Row, path: Path, policy: Policy) -> Iterator[Problem]:
    where = row.where
    if where.surface is not None:
        yield from _declared(where.surface, "surfaces", (*path, "surface"), policy)
    for index, flag in enumerate(where.context):
        at = (*path, "context", index)
        if flag not in taxonomy.CATEGORIES or taxonomy.get(flag).source != "context":
            flags = taxonomy.contexts()
            yield at, f"{flag!r} is no context flag{_meant(flag, flags)}"
        elif flag in where.context[:index]:
            yield at, f"{flag!r} is written twice"


def _banks(policy: Policy) -> Iterator[Problem]:
    for index, rule in enumerate(policy.banks):
        path: Path = ("banks", index)
        if rule.where.category is not None:
            yield from _bankable(rule.where.category, (*path, "where", "category"))
        if rule.where.bank is not None:
            yield from _declared(rule.where.bank, "banks", (*path, "where", "bank"), policy)
        if rule.action == "allow" and rule.where.role != "allow":
            yield path, f"rule '{rule.id}': only a match in an allow bank can allow"
        if rule.where.role == "allow" and rule.action != "allow":
            yield path, f"rule '{rule.id}': an allow bank holds known good content"
    for role in get_args(Role):
        if not any(_catches(conditions(rule.where), role) for rule in policy.banks):
            yield ("banks",), f"no rule is for every match in a bank of role '{role}': add one"
    yield from _alike("banks", policy.banks)


def _catches(where: Mapping[str, str], role: str) -> bool:
    """Return whether conditions hold for every match in a bank of this role."""
    return where == {"role": role} or (not where and role != "allow")


def _unknowns(policy: Policy) -> Iterator[Problem]:
    for index, rule in enumerate(policy.unknowns):
        path: Path = ("unknowns", index)
        if rule.action == "allow":
            yield path, f"rule '{rule.id}': a missing answer is not clean, it cannot 'allow'"
        if rule.where.category is not None:
            yield from _detectable(rule.where.category, (*path, "where", "category"))
    if not any(not conditions(rule.where) for rule in policy.unknowns):
        yield ("unknowns",), "no rule is for every missing answer: add one with 'where: {}'"
    yield from _alike("unknowns", policy.unknowns)


def _alike(section: str, rules: Sequence[BankRule | UnknownRule]) -> Iterator[Problem]:
    for (_, one), (index, other) in combinations(enumerate(rules), 2):
        if one.id == other.id:
            yield (section, index), f"two rules are called '{one.id}'"
        elif conditions(one.where) == conditions(other.where):
            yield (
                (section, index),
                f"rules '{one.id}' and '{other.id}' have the same conditions: change one",
            )


def _rules(policy: Policy) -> Iterator[Problem]:
    for index, rule in enumerate(policy.rules):
        path: Path = ("rules", index)
        then = rule.then
        if rule.id in [other.id for other in policy.rules[:index]]:
            yield path, f"two rules are called '{rule.id}'"
        if not any((then.action, then.queue, then.label, then.alarm, then.cap)):
            yield (
                (*path, "then"),
                f"rule '{rule.id}' does nothing: give it an action, queue, label, alarm or cap",
            )
        if then.action == "allow":
            yield (
                (*path, "then", "action"),
                f"rule '{rule.id}': only a match in an allow bank can allow; to do less, 'cap'",
            )
        if then.cap == "allow":
            yield (
                (*path, "then", "cap"),
                f"rule '{rule.id}': what was found cannot be undone by a guard: cap at 'label'",
            )
        if rule.unknown == "allow":
            yield (
                (*path, "unknown"),
                f"rule '{rule.id}': a missing answer is not clean, it cannot 'allow'",
            )
        for kind in ("queue", "label", "alarm"):
            if (name := getattr(then, kind)) is not None:
                yield from _declared(name, f"{kind}s", (*path, "then", kind), policy)


def _sampling(policy: Policy) -> Iterator[Problem]:
    for index, sample in enumerate(policy.sampling):
        path: Path = ("sampling", index)
        if sample.id in [other.id for other in policy.sampling[:index]]:
            yield path, f"two samples are called '{sample.id}'"
        if not sample.of:
            yield (*path, "of"), f"sample '{sample.id}' is of no action"
        yield from _declared(sample.queue, "queues", (*path, "queue"), policy)


def _breakers(policy: Policy) -> Iterator[Problem]:
    for index, breaker in enumerate(policy.breakers):
        path: Path = ("breakers", index)
        if breaker.id in [other.id for other in policy.breakers[:index]]:
            yield path, f"two breakers are called '{breaker.id}'"
        if not breaker.of:
            yield (*path, "of"), f"breaker '{breaker.id}' is of no action"
        for action in breaker.of:
            if strength(action) <= strength(breaker.action):
                yield (
                    (*path, "of"),
                    f"breaker '{breaker.id}': '{action}' is not stronger than "
                    f"'{breaker.action}', to which it would be lowered",
                )
        yield from _declared(breaker.alarm, "alarms", (*path, "alarm"), policy)


_CHECKS: tuple[Callable[[Policy], Iterator[Problem]], ...] = (
    _names,
    _needs,
    _thresholds,
    _banks,
    _unknowns,
    _rules,
    _sampling,
    _breakers,
)


def _category(name: str, path: Path) -> Iterator[Problem]:
    if name not in taxonomy.CATEGORIES:
        close = _meant(name, list(taxonomy.CATEGORIES))
        yield path, f"{name!r} is not a category of taxonomy v{taxonomy.VERSION}{close}"


def _bankable(name: str, path: Path) -> Iterator[Problem]:
    if name not in taxonomy.CATEGORIES:
        yield from _category(name, path)
    elif name not in taxonomy.bankable():
        yield path, f"{name} is said by people, and no bank carries it: write a guard on 'context'"


def _detectable(name: str, path: Path) -> Iterator[Problem]:
    if name not in taxonomy.CATEGORIES:
        yield from _category(name, path)
    elif taxonomy.get(name).source != "detector":
        yield path, f"{name} is never scored by a detector: write a rule under 'banks'"


def _declared(name: str, kind: str, path: Path, policy: Policy) -> Iterator[Problem]:
    known: tuple[str, ...] = getattr(policy.names, kind)
    if name not in known:
        near = nearest(name, known)
        mend = f"did you mean {near!r}?" if near else "add it there"
        yield path, f"{name!r} is not among names.{kind}: {mend}"


def _meant(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    return f" (did you mean {near!r}?)" if near else ""
