"""What a guard answers where not all of an item was seen."""

from collections.abc import Collection, Mapping
from itertools import product

from tidegate.evidence import Evidence
from tidegate.policy.guard import Guard
from tidegate.policy.names import SECOND
from tidegate.policy.values import at_most

MOST_OPEN = 4
"""Values that hang on what was not seen, up to which a guard is asked with all of them."""


def in_part(guard: Guard, values: Mapping[str, object], evidence: Evidence) -> bool | str:
    """Return whether a guard holds for an item of which not all was seen.

    A score over a part of an item is the least that the whole would have, and what was not
    seen may be in a bank. So the guard is asked with what was seen and with the other end of
    what is possible; where the answers differ, there is none. With several such values all
    combinations are asked: enough for every guard that compares each in one direction.

    Args:
        guard: The guard.
        values: Values of the names that it reads, as far as they are known.
        evidence: Where they come from.

    Returns:
        True, False, or where that cannot be told, one line that says why.
    """
    answer = guard.holds(values)
    known = sorted(guard.reads & values.keys())
    ends = {name: end for name in known if (end := at_most(name, evidence)) is not None}
    if len(ends) > MOST_OPEN:
        return f"{len(ends)} values are of a part of the item only"
    for corner in product((False, True), repeat=len(ends)):
        other = {name: ends[name] for name, far in zip(ends, corner, strict=True) if far}
        if other and guard.holds({**values, **other}) != answer:
            return f"not all of the item was seen, and {' and '.join(ends)} could be otherwise"
    return answer


def reads_any(guard: Guard, categories: Collection[str]) -> bool:
    """Return whether answers for some categories could change what a guard answers."""
    return bool(guard.reads & {"covered", "unknowns"}) or any(
        name.removeprefix(SECOND) in categories for name in guard.reads
    )
