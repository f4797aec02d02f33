"""From YAML text that anybody may have written to plain values, at a bounded cost."""

import math
from typing import Any

import yaml

from tidegate.detectors.manifest import ManifestError

MAX_TEXT = 2 << 20
"""Most characters of a manifest. The longest part is a list of labels."""

MAX_DEPTH = 12

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(text: str, name: str) -> Any:
    """Read YAML that uses none of its powers.

    Aliases, a key that is written twice, deep nesting and numbers that are not finite are
    refused. The errors quote nothing of the text: it holds labels that nobody may see.

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
    except (ValueError, RecursionError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{name}: holds a value that cannot be") from None
    _check_numbers(value, name)
    return value


def _check_events(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else "?"
            raise ManifestError(f"{name}:{line}: aliases (*name) are not allowed: write it out")
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
