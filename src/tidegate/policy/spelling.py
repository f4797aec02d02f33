"""What was probably meant by a name that there is not."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

LONGEST = 100
"""Characters of a name up to which it is compared with others."""


def nearest(wanted: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the nearest name in spelling, or the one that ends so; ``None`` where none is near.

    Names of one group begin alike: only where the last part is alike, too, was it a slip.

    Args:
        wanted: The name, its parts parted by dots.
        known: Names that there are.
        alike: How alike the last parts must be, in [0, 1].
    """
    if len(wanted) > LONGEST:
        return None
    known = tuple(known)
    for close in get_close_matches(wanted, known, n=1, cutoff=0.75):
        if SequenceMatcher(None, _last(close), _last(wanted)).ratio() >= alike:
            return close
    return next((name for name in known if _last(name) == wanted), None)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
