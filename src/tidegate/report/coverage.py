"""What was looked for, and what was not."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate import taxonomy
from tidegate.evidence import Evidence


@dataclass(frozen=True)
class Coverage:
    """What a scan could have found.

    Attributes:
        looked_for: Categories that a detector answered for, in the order of the taxonomy.
        not_asked: Categories that a detector would have answered for and was not asked,
            because nothing hung on it.
        not_looked_for: Categories that a detector might answer for and none does.
        banks: Names of the banks that were asked.
    """

    looked_for: tuple[str, ...]
    not_asked: tuple[str, ...]
    not_looked_for: tuple[str, ...]
    banks: tuple[str, ...]


def coverage(evidences: Iterable[Evidence]) -> Coverage:
    """Return what was looked for in any of these."""
    covered: set[str] = set()
    skipped: set[str] = set()
    banks: dict[str, None] = {}
    for evidence in evidences:
        covered.update(evidence.covered)
        skipped.update(name for one in evidence.skipped for name in one.categories)
        banks.update(dict.fromkeys(evidence.banks))
    return Coverage(
        looked_for=tuple(name for name in taxonomy.CATEGORIES if name in covered),
        not_asked=tuple(name for name in taxonomy.detectable() if name in skipped - covered),
        not_looked_for=tuple(
            name for name in taxonomy.detectable() if name not in covered | skipped
        ),
        banks=tuple(banks),
    )
