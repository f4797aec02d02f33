"""One text for one value: the JSON Canonicalization Scheme (RFC 8785), without its floats.

Keys are sorted by their UTF-16 code units, nothing stands between tokens, text is UTF-8
and escaped only where it must be. Numbers are whole and within 2**53 of zero: how to write
a float is where implementations differ, so there are none. Whoever has one writes text.
"""

import json
from typing import Any

from tidegate.store.error import InvalidError

LARGEST_NUMBER = 2**53 - 1
"""The largest whole number that every reader of JSON holds exactly (RFC 7493)."""

DEEPEST = 32
"""Lists and objects within one another, at most."""


def encode(value: Any) -> str:
    """Return the canonical text of a value.

    Args:
        value: ``None``, booleans, whole numbers, text, lists, tuples, and dictionaries by text.

    Raises:
        InvalidError: Something in it is none of these, or is nested too deeply.
    """
    return json.dumps(_plain(value, DEEPEST), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool():
            return value
        case int() if -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            return value
        case str():
            _units(value)
            return value
        case list() | tuple() if depth:
            return [_plain(part, depth - 1) for part in value]
        case dict() if depth and all(isinstance(key, str) for key in value):
            return {key: _plain(value[key], depth - 1) for key in sorted(value, key=_units)}
        case list() | tuple() | dict() if not depth:
            raise InvalidError(f"nested more than {DEEPEST} deep")
    raise InvalidError(f"{value!r:.80} has no canonical form: whole numbers, text, lists, objects")


def _units(text: str) -> bytes:
    """Return the UTF-16 code units of a text, big end first, so that bytes sort as they do."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise InvalidError(f"{text!r:.80} is not Unicode: it has half a surrogate pair") from None
