"""A policy's YAML as nodes that know where they stand, and as plain values."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

from tidegate.policy import yamlwords

Path = tuple[str | int, ...]
"""The keys and numbers that lead to a value."""

MAX_TEXT = 1_000_000
"""Characters that a policy may have."""


MAX_DEPTH = 40
"""Lists and mappings within one another."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, to which only ``true`` and ``false`` are truth values.

    So has YAML 1.2 it (section 10.3.2); before, ``mode: off`` and ``locale: no`` were false.
    """


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")


class TreeError(ValueError):
    """A text that is no YAML of ours.

    Attributes:
        line: Counted from 1, or ``None``.
        column: Counted from 1, or ``None``.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Place(NamedTuple):
    """Where something stands, counted from 1."""

    line: int
    column: int


def read(text: str) -> tuple[Any, Any]:
    """Return the nodes and the plain values of a YAML text.

    Raises:
        TreeError: It is no YAML, is nested too deeply, has aliases or a key twice.
    """
    if len(text) > MAX_TEXT:
        raise TreeError(f"has more than {MAX_TEXT:,} characters")
    try:
        _look_over(text)
        tree = yaml.compose(text, Loader=_Loader)
        for key in _written_twice(tree):
            raise TreeError(f"'{key.value}' is written twice", *_place(key))
        return tree, yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        wrong = yamlwords.told(error, text)
        at = (None, None) if wrong.at is None else _counted(text, wrong.at)
        raise TreeError(wrong.message, *at) from None
    except RecursionError:
        raise TreeError("is nested too deeply") from None
    except TreeError:
        raise
    except ValueError as error:
        raise TreeError(f"holds an impossible value: {error}") from None


def _look_over(text: str) -> None:
    """Refuse what would cost much to build, before any of it is built."""
    depth = 0
    for token in yaml.scan(text, Loader=_Loader):
        if isinstance(token, yaml.AliasToken):
            raise TreeError("aliases (*name) are not allowed: write it out", *_place(token))
        if isinstance(token, yaml.TagToken):
            raise TreeError(yamlwords.NO_TAG, *_place(token))
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise TreeError("is nested too deeply")


_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def _written_twice(node: Any) -> Iterator[Any]:
    """Yield the keys that a mapping has a second time. YAML itself would let them win."""
    children: Sequence[Any] = ()
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
            if name in seen:
                yield key
            seen.add(name)
        children = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    for child in children:
        yield from _written_twice(child)


def find(tree: Any, path: Path) -> tuple[Any, Any]:
    """Return the key node and the value node of the deepest step of a path that exists."""
    key, node = tree, tree
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                break
            key, node = found
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            key = node = node.value[step]
        else:
            break
    return key, node


def place(tree: Any, path: Path) -> Place | None:
    """Return where a value stands, or its key where it is no plain one.

    Of a path that does not exist, the key of the deepest step that does; ``None`` where there
    is nothing.
    """
    key, node = find(tree, path)
    if key is None:
        return None
    return _place(node if isinstance(node, yaml.ScalarNode) and node.value else key)


def place_of_key(tree: Any, path: Path) -> Place | None:
    """Return where the last key of a path stands; ``None`` where there is nothing."""
    key, _ = find(tree, path)
    return None if key is None else _place(key)


def within(tree: Any, path: Path, text: str, line: int, column: int) -> Place | None:
    """Return where a place within a text value stands in the file.

    YAML folds lines, strips what they begin with and knows escapes. All of that leaves the
    characters that are no white space, and their order, as they are: so they are counted.

    Args:
        tree: The nodes.
        path: Leads to the value.
        text: The whole file.
        line: In the value, counted from 1.
        column: In the value, counted from 1.
    """
    _, node = find(tree, path)
    if not isinstance(node, yaml.ScalarNode):
        return place(tree, path)
    value = node.value
    lines = value.split("\n")[: line - 1]
    offset = min(sum(len(one) + 1 for one in lines) + column - 1, len(value))
    before = sum(not character.isspace() for character in value[:offset])
    inside = offset < len(value) and not value[offset].isspace()
    begin = behind = _beginning(node, text)
    for at, size, visible in _characters(node.style, text, begin, node.end_mark.index):
        if visible and before == 0:
            return _counted(text, at if inside else behind)
        if visible:
            before -= 1
            behind = at + size
    return _counted(text, behind)


def _beginning(node: yaml.ScalarNode, text: str) -> int:
    """Return where in the file the first character of a text value stands."""
    start: int = node.start_mark.index
    if node.style in ("|", ">"):
        return text.index("\n", start) + 1
    return text.index(node.style, start) + 1 if node.style else start


_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|\r?\n|.)", re.DOTALL)
_BLANKS = frozenset("tnrvf NL_P")
"""Letters that stand for white space behind a backslash."""


def _characters(
    style: str | None, text: str, start: int, end: int
) -> Iterator[tuple[int, int, bool]]:
    """Yield for each character of a text value where it stands, its length, if it is visible."""
    at = start
    while at < end:
        size, visible = 1, not text[at].isspace()
        if style == "'" and text.startswith("''", at):
            size = 2
        elif style == '"' and (escape := _ESCAPE.match(text, at, end)):
            size, letter = len(escape[0]), escape[0][1]
            code = escape[0][2:] if letter in "xuU" else ""
            visible = not (chr(int(code, 16)).isspace() if code else letter in _BLANKS | {"\n"})
        elif style in ("'", '"') and text[at] == style:
            return  # The quotes that end it.
        yield at, size, visible
        at += size


def _counted(text: str, index: int) -> Place:
    lines = f"{text[:index]}x".splitlines()
    return Place(len(lines), len(lines[-1]))


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
