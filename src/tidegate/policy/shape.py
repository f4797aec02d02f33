"""What is wrong with a value of the wrong shape, in our words, and how to mend it.

msgspec says what it expected and where. What could stand there instead is found in the type.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from msgspec import inspect

from tidegate.policy.tree import Path

_MOST = 12
"""Most names that are listed."""

_FIELD = re.compile(r"Object contains unknown field `(?P<name>.+)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>.+)`")
_VALUE = re.compile(r"Invalid enum value (?P<value>.+)")
_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_PATTERN = re.compile(r"Expected `str` matching regex .+")
_BOUND = re.compile(r"Expected `(?:int|float)` (?P<sign>[<>]=?) (?P<bound>.+)")
_LENGTH = re.compile(r"Expected `(?P<of>array|str)` of length (?P<sign>[<>]=?) (?P<bound>\d+)")

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}

_SIGNS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}


class Wrong(NamedTuple):
    """What is wrong, and where.

    Attributes:
        path: Leads to it.
        message: What is wrong.
        key: Whether the last key of the path is to blame, and not what stands behind it.
    """

    path: Path
    message: str
    key: bool = False


def told(kind: Any, path: Path, message: str) -> Wrong:
    """Return where in a file something is wrong, and what.

    Args:
        kind: The type that the file is of.
        path: Leads to the value that msgspec speaks of.
        message: What msgspec says, without the place.
    """
    nodes = list(_reach([inspect.type_info(kind)], path))
    at = f" (at {'.'.join(map(str, path))})" if path else ""
    if found := _FIELD.fullmatch(message):
        structs = [node for node in nodes if isinstance(node, inspect.StructType)]
        known = [field.encode_name for struct in structs for field in struct.fields]
        hint = _hint(found["name"], known)
        said = f"{found['name']!r} has no meaning here{at}{hint}"
        return Wrong((*path, found["name"]), said, key=True)
    if found := _MISSING.fullmatch(message):
        return Wrong(path, f"'{found['name']}' is missing{at}")
    if found := _VALUE.fullmatch(message):
        values: list[object] = []
        for node in nodes:
            values += node.values if isinstance(node, inspect.LiteralType) else ()
            values += ["a number"] if isinstance(node, inspect.FloatType) else ()
        hint = _hint(found["value"].strip("'"), values)
        return Wrong(path, f"{found['value']} has no meaning here{at}{hint}")
    if found := _TYPE.fullmatch(message):
        wanted = " or ".join(_TYPES.get(one, one) for one in found["wanted"].split(" | "))
        return Wrong(path, f"wants {wanted}, and is {_TYPES.get(found['got'], found['got'])}{at}")
    if found := _BOUND.fullmatch(message):
        hint = ": 80 % is 0.8" if found["bound"] == "1.0" else ""
        return Wrong(path, f"must be {_SIGNS[found['sign']]} {found['bound']}{at}{hint}")
    if found := _LENGTH.fullmatch(message):
        of = "characters" if found["of"] == "str" else "elements"
        return Wrong(path, f"must have {_SIGNS[found['sign']]} {found['bound']} {of}{at}")
    if _PATTERN.fullmatch(message):
        for node in _reach([inspect.type_info(kind)], path, raw=True):
            if description := _description(node):
                return Wrong(path, f"must be {description}{at}")
    return Wrong(path, message + at)


def _hint(given: str, known: Sequence[object]) -> str:
    names = list(dict.fromkeys(map(str, known)))
    if close := get_close_matches(given, names, n=1):
        return f": did you mean '{close[0]}'?"
    if not names:
        return ""
    listed = ", ".join(names[:_MOST]) + (", …" if len(names) > _MOST else "")
    return f": there {'is' if len(names) == 1 else 'are'} {listed}"


def _reach(
    nodes: Sequence[inspect.Type], path: Path, *, raw: bool = False
) -> Iterator[inspect.Type]:
    """Yield the types that a value at a path may be of."""
    for node in nodes:
        plain = node.type if isinstance(node, inspect.Metadata) else node
        if isinstance(plain, inspect.UnionType):
            yield from _reach(plain.types, path, raw=raw)
        elif not path:
            yield node if raw else plain
        elif isinstance(plain, inspect.StructType):
            fields = [field.type for field in plain.fields if field.encode_name == path[0]]
            yield from _reach(fields, path[1:], raw=raw)
        elif isinstance(plain, inspect.DictType) and isinstance(path[0], str):
            yield from _reach([plain.value_type], path[1:], raw=raw)
        elif isinstance(plain, inspect.VarTupleType) and isinstance(path[0], int):
            yield from _reach([plain.item_type], path[1:], raw=raw)


def _description(node: inspect.Type) -> str:
    if not isinstance(node, inspect.Metadata) or not node.extra_json_schema:
        return ""
    return str(node.extra_json_schema.get("description", ""))
