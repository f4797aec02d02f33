"""From YAML text to a checked policy. Pure: the caller reads the file."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, get_args

import msgspec
import yaml

from tidegate import taxonomy
from tidegate.evidence import Role, strength
from tidegate.policy.schema import BankRule, Policy, UnknownRule, conditions


class PolicyError(ValueError):
    """A policy that does not load. The message says what, where and how to mend it."""

    def __init__(self, name: str, line: int | None, message: str) -> None:
        place = name if line is None else f"{name}:{line}"
        super().__init__(f"{place}: {message}")
        self.line = line


Path = tuple[str | int, ...]


def parse(text: str, name: str) -> Policy:
    """Read a policy and check all that can be checked without evidence.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        PolicyError: It is malformed, names an unknown category, contradicts itself or
            leaves a case without a rule.
    """
    try:
        if any(isinstance(t, yaml.AliasToken) for t in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise PolicyError(name, None, "aliases (*name) are not allowed: write it out")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "this is not YAML"
        raise PolicyError(name, mark.line + 1 if mark else None, problem) from None
    except RecursionError:
        raise PolicyError(name, None, "is nested too deeply") from None
    except PolicyError:
        raise
    except ValueError as error:
        raise PolicyError(name, None, f"holds an impossible value: {error}") from None
    try:
        if twice := _written_twice(tree):
            raise PolicyError(name, twice.start_mark.line + 1, f"'{twice.value}' is written twice")
        policy = msgspec.convert(plain, Policy)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        path = _json_path(where)
        shown = f" (at {'.'.join(map(str, path))})" if path else ""
        field = re.search(r"unknown field `(.+)`", message)
        place = (*path, field[1]) if field else path
        raise PolicyError(name, _line(tree, place), message + shown) from None
    for path, message in _problems(policy):
        raise PolicyError(name, _line(tree, path), message)
    return policy


def _written_twice(node: Any) -> Any:
    """Return the first key that a mapping has a second time. YAML itself would let it win."""
    children: list[Any] = []
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                return key
            seen.add(key.value)
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    return next((twice for child in children if (twice := _written_twice(child))), None)


def _problems(policy: Policy) -> Sequence[tuple[Path, str]]:
    return [
        *_threshold_problems(policy),
        *_bank_problems(policy),
        *_unknown_problems(policy),
    ]


def _threshold_problems(policy: Policy) -> list[tuple[Path, str]]:
    problems: list[tuple[Path, str]] = []
    for category, row in policy.thresholds.items():
        path: Path = ("thresholds", category)
        if category not in taxonomy.CATEGORIES:
            problems.append((path, _no_category(category)))
            continue
        if taxonomy.get(category).source != "detector":
            problems.append(
                (path, f"{category} is never scored by a detector: write a rule under 'banks'")
            )
        if "allow" in row:
            problems.append((path, f"{category}: a score cannot ask for 'allow'"))
        ranked = sorted(row, key=strength)
        for weaker, stronger in pairwise(ranked):
            if row[weaker] > row[stronger]:
                problems.append(
                    (
                        path,
                        f"{category}: '{stronger}' is stronger than '{weaker}' but asks for a "
                        f"lower score ({row[stronger]} < {row[weaker]})",
                    )
                )
    return problems


def _bank_problems(policy: Policy) -> list[tuple[Path, str]]:
    problems: list[tuple[Path, str]] = []
    for index, rule in enumerate(policy.banks):
        category = rule.where.category
        if category is not None and category not in taxonomy.CATEGORIES:
            problems.append((("banks", index, "where", "category"), _no_category(category)))
        if rule.action == "allow" and rule.where.role != "allow":
            problems.append(
                (("banks", index), f"rule '{rule.id}': only a match in an allow bank can allow")
            )
        if rule.where.role == "allow" and rule.action != "allow":
            problems.append(
                (
                    ("banks", index),
                    f"rule '{rule.id}': an allow bank holds known good content",
                )
            )
    for role in get_args(Role):
        if not any(_catches(conditions(rule.where), role) for rule in policy.banks):
            problems.append(
                (("banks",), f"no rule is for every match in a bank of role '{role}': add one")
            )
    return problems + _ties("banks", policy.banks)


def _catches(where: Mapping[str, str], role: str) -> bool:
    """Return whether conditions hold for every match in a bank of this role."""
    return where == {"role": role} or (not where and role != "allow")


def _unknown_problems(policy: Policy) -> list[tuple[Path, str]]:
    problems: list[tuple[Path, str]] = [
        (("unknowns", index), f"rule '{rule.id}': a missing answer is not clean, it cannot 'allow'")
        for index, rule in enumerate(policy.unknowns)
        if rule.action == "allow"
    ]
    if not any(not conditions(rule.where) for rule in policy.unknowns):
        problems.append(
            (("unknowns",), "no rule is for every missing answer: add one with 'where: {}'")
        )
    return problems + _ties("unknowns", policy.unknowns)


def _ties(section: str, rules: Sequence[BankRule | UnknownRule]) -> list[tuple[Path, str]]:
    problems: list[tuple[Path, str]] = []
    for (_, one), (index, other) in combinations(enumerate(rules), 2):
        a, b = conditions(one.where), conditions(other.where)
        path: Path = (section, index)
        if one.id == other.id:
            problems.append((path, f"two rules are called '{one.id}'"))
        elif a == b:
            problems.append(
                (path, f"rules '{one.id}' and '{other.id}' have the same conditions: change one")
            )
    return problems


def _no_category(name: str) -> str:
    return f"{name!r} is not a category of taxonomy v{taxonomy.VERSION}"


def _json_path(text: str) -> Path:
    """Turn msgspec's ``$.banks[0].action`` into a path."""
    steps = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", text)
    return tuple(int(index) if index else key for key, index in steps)


def _line(tree: Any, path: Path) -> int | None:
    """Return the line of the deepest node on a path that exists, counted from 1."""
    node: Any = tree
    line: int | None = None
    for step in path:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line
