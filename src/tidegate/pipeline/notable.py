"""Which changes to look at first.

The weight of a change is its severity times its surprise.

Severity: by how many actions the decision moves, 1 to 6; twice that where the item is taken from
view or given back to it, which is what ``hold``, ``remove`` and ``quarantine`` do.

Surprise, the greatest that applies: 4 where a person found the opposite, 3 where a match with a
block bank has less done about it, 2 where the rule fired by a hair
(:data:`tidegate.policy.change.CLOSE`), else 1.

Of equal weight the newest comes first, then the path and the place of the record decide. So that
a list is not all of one kind, it has first the weightiest change of each kind, then the next of
each: changes are of one kind where both actions and the first rule that they are due to are.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.evidence import Action, strength
from tidegate.pipeline.record import Record, Review
from tidegate.policy.change import Cause, step

_OPPOSITE, _LET_GO, _CLOSE = 4, 3, 2


class Notable(NamedTuple):
    """The weight of a change, and the notes that explain it."""

    weight: int
    notes: tuple[str, ...]


def weigh(
    record: Record, old: Action, new: Action, causes: Sequence[Cause], review: Review | None
) -> Notable:
    """Return how much a change of action deserves a look."""
    by = step(old, new)
    severity, surprise = abs(by), 1
    notes = []
    if _hidden(old) != _hidden(new):
        severity *= 2
    if stands_to(review, old, new, causes) < 0:
        surprise = _OPPOSITE
        notes.append("a person found the opposite")
    if by < 0 and any(match.role == "block" for match in record.evidence.matches):
        surprise = max(surprise, _LET_GO)
        notes.append("a match with a block bank")
    if any(cause.close for cause in causes):
        surprise = max(surprise, _CLOSE)
        notes.append("close to the threshold")
    return Notable(severity * surprise, tuple(notes))


def stands_to(review: Review | None, old: Action, new: Action, causes: Sequence[Cause]) -> int:
    """Return whether a change is towards what a person found (1), away from it (-1), or neither.

    The person's own decision counts before what they found of the categories that the change is
    about; where it is about none, any category that they found will do.
    """
    if review is None:
        return 0
    by = step(old, new)
    if review.action is not None:
        before, after = abs(step(old, review.action)), abs(step(new, review.action))
        return (after < before) - (after > before)
    about = {cause.category for cause in causes if cause.category is not None}
    found = [shown for name, shown in review.truth.items() if not about or name in about]
    if not found:
        return 0
    return 1 if any(found) == (by > 0) else -1


def _hidden(action: Action) -> bool:
    return strength(action) >= strength("hold")
