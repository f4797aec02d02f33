"""Where in an item something was strongest."""

from dataclasses import dataclass

from tidegate.evidence import Evidence
from tidegate.report import words


@dataclass(frozen=True)
class Peak:
    """A second at which something was strongest.

    Attributes:
        second: When.
        category: Category concerned.
        text: What peaked, in words.
    """

    second: float
    category: str
    text: str


def peaks(evidence: Evidence) -> tuple[Peak, ...]:
    """Return the peak of every match, then of every signal, in the evidence's order."""
    found = [
        Peak(m.peak, m.category, f"{m.bank} / {m.entry}: {words.match_distance(m)}")
        for m in evidence.matches
        if m.peak is not None
    ]
    found += [
        Peak(s.peak, s.category, f"{words.title(s.category)}, score {s.score:.2f}")
        for s in evidence.signals
        if s.peak is not None
    ]
    return tuple(found)
