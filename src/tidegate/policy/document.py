"""A YAML file of the operator, and where in it something is wrong."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tidegate.policy.error import PolicyError, excerpt
from tidegate.policy.shape import told
from tidegate.policy.tree import Path, Place, TreeError, place, place_of_key, read, within

T = TypeVar("T")


class Document:
    """The text, read as YAML.

    Args:
        text: The YAML.
        name: Name of the file, for errors.

    Attributes:
        plain: What it says, in plain values.

    Raises:
        PolicyError: It is no YAML of ours.
    """

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        try:
            self._tree, self.plain = read(text)
        except TreeError as error:
            at = Place(error.line, error.column or 1) if error.line is not None else None
            raise self._error(at, str(error)) from None

    def convert(
        self,
        kind: type[T],
        closer: Callable[[Any, msgspec.ValidationError], msgspec.ValidationError] | None = None,
    ) -> T:
        """Return what it says as a value of a type.

        Args:
            kind: The type.
            closer: Makes an error out of one that does not say enough of its place.

        Raises:
            PolicyError: It is of another shape.
        """
        try:
            return msgspec.convert(self.plain, kind)
        except msgspec.ValidationError as error:
            closest = closer(self.plain, error) if closer else error
            message, _, where = str(closest).partition(" - at ")
            wrong = told(kind, _json_path(where), message)
            raise self.error(wrong.path, wrong.message, key=wrong.key) from None

    def line(self, path: Path) -> int | None:
        """Return in which line a value stands, counted from 1."""
        at = place(self._tree, path)
        return at.line if at else None

    def error(self, path: Path, message: str, *, key: bool = False) -> PolicyError:
        """Return an error about a value.

        Args:
            path: Leads to it; the deepest step that exists is shown.
            message: What is wrong.
            key: Whether the last key is to blame, and not what stands behind it.
        """
        return self._error((place_of_key if key else place)(self._tree, path), message)

    def error_within(self, path: Path, line: int, column: int, message: str) -> PolicyError:
        """Return an error about a place within a text; line and column are counted from 1."""
        return self._error(within(self._tree, path, self._text, line, column), message)

    def _error(self, at: Place | None, message: str) -> PolicyError:
        if at is None:
            return PolicyError(self._name, None, message)
        shown = excerpt(self._text, *at)
        return PolicyError(self._name, at.line, message, column=at.column, excerpt=shown)


def _json_path(text: str) -> Path:
    """Return the steps of what msgspec writes: ``$.banks[0].action``, keys as ``[`key`]``."""
    steps = re.findall(r"\[`([^`]*)`\]|\.(\w+)|\[(\d+)\]", text)
    return tuple(given or key or int(number) for given, key, number in steps)
