"""Which categories a detector answers for, which only a bank, and which nobody."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tidegate import taxonomy


class _Answering(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...


class Coverage(NamedTuple):
    """What could be found, in the order of the taxonomy.

    Attributes:
        detected: Categories that detectors answer for, with the detectors' ids.
        bank_only: Categories that no model may assert, only a match with a bank.
        not_covered: Categories that a model might answer for and none does. A bank may carry
            them; without one they are never found, and their score is not known, not 0.
    """

    detected: dict[str, tuple[str, ...]]
    bank_only: tuple[str, ...]
    not_covered: tuple[str, ...]


def coverage(detectors: Iterable[_Answering]) -> Coverage:
    """Return which categories these detectors cover."""
    known = list(detectors)
    detected = {
        category: tuple(d.id for d in known if category in d.categories)
        for category in taxonomy.detectable()
    }
    return Coverage(
        detected={category: ids for category, ids in detected.items() if ids},
        bank_only=tuple(c for c in taxonomy.CATEGORIES if taxonomy.get(c).source == "bank"),
        not_covered=tuple(category for category, ids in detected.items() if not ids),
    )
