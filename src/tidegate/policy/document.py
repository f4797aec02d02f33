"""A YAML file of the operator, and where in it something is wrong."""

import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

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
            self._refuse(at, str(error))

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
            self.refuse(wrong.path, wrong.message, key=wrong.key)

    def refuse(self, path: Path, message: str, *, key: bool = False) -> NoReturn:
        """Raise an error about a value.

        Args:
            path: Leads to it; the deepest step that exists is shown.
            message: What is wrong.
            key: Whether the last key is to blame, and not what stands behind it.
        """
        self._refuse((place_of_key if key else place)(self._tree, path), message)

    def refuse_within(self, path: Path, line: int, column: int, message: str) -> NoReturn:
        """Raise an error about a place within a text; line and column are counted from 1."""
        self._refuse(within(self._tree, path, self._text, line, column), message)

    def _refuse(self, at: Place | None, message: str) -> NoReturn:
        if at is None:
            raise PolicyError(self._name, None, message)
        shown = excerpt(self._text, *at)
        raise PolicyError(self._name, at.line, message, column=at.column, excerpt=shown) from None


def _json_path(text: str) -> Path:
    """Return the steps of what msgspec writes: ``$.banks[0].action``, keys as ``[`key`]``."""
    steps = re.findall(r"\[`([^`]*)`\]|\.(\w+)|\[(\d+)\]", text)
    return tuple(given or key or int(number) for given, key, number in steps)
