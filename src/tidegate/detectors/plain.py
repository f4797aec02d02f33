"""From YAML text that anybody may have written to plain values, at a bounded cost."""

import math
import re
from typing import Any

import yaml

from tidegate.detectors.manifest import ManifestError

MAX_TEXT = 2 << 20
"""Most characters of a manifest. The longest part is a list of labels."""

MAX_DEPTH = 12

MAX_DIGITS = 64
"""Most characters of a number. YAML 1.1 has numbers to base 60, which are slow to add up."""

_NUMBER = re.compile(r"[-+.]?[0-9][-+.:\w]*")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_FAILURES = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)
"""What the library's constructors raise for a value that is not of its type."""


def plain(text: str, name: str) -> Any:
    """Read YAML that uses none of its powers.

    Aliases, tags, merge keys, a key that is written twice, deep nesting, endless numbers and
    those that are not finite are refused. The errors quote nothing of the text: it holds
    labels that nobody may see.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        ManifestError: It is no YAML, or more than the plain part of it.
    """
    if len(text) > MAX_TEXT:
        raise ManifestError(f"{name}: is longer than {MAX_TEXT:,} characters")
    try:
        _check_events(text, name)
        _check_keys(yaml.compose(text, Loader=_LOADER), name)
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ManifestError(f"{name}{where}: is no YAML that can be read") from None
    except _FAILURES as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{name}: holds a value that cannot be") from None
    _check_numbers(value, name)
    return value


def _check_events(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else "?"
        if isinstance(event, yaml.AliasEvent):
            raise ManifestError(f"{name}:{line}: aliases (*name) are not allowed: write it out")
        if getattr(event, "tag", None) is not None:
            raise ManifestError(f"{name}:{line}: tags (!name) are not allowed")
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            if event.value == "<<":
                raise ManifestError(f"{name}:{line}: merge keys (<<) are not allowed: write it out")
            if len(event.value) > MAX_DIGITS and _NUMBER.fullmatch(event.value):
                raise ManifestError(f"{name}:{line}: holds a number that cannot be: it is too long")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ManifestError(f"{name}: is nested too deeply")


def _check_keys(node: Any, name: str) -> None:
    """Refuse a key that a mapping has a second time. YAML itself would let it win."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                line = key.start_mark.line + 1
                raise ManifestError(f"{name}:{line}: a key is no text, or is written twice")
            seen.add(key.value)
            _check_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_keys(child, name)


def _check_numbers(value: Any, name: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ManifestError(f"{name}: holds a number that is not finite")
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            _check_numbers(child, name)
