"""What a guard answers where not all of an item was seen."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from tidegate.evidence import Evidence
from tidegate.policy.guard import Guard
from tidegate.policy.names import SECOND
from tidegate.policy.values import OF_BANKS, may_be_otherwise

MOST_TRIED = 512
"""Most ways that an item could be, up to which a guard is asked about each."""


class _Open(NamedTuple):
    """One value that could be otherwise, and what it could be.

    Attributes:
        name: The name.
        key: Of a map the key, of a list the element; ``None`` where the value is no part.
        choices: Enough of the values for every answer: with what was seen, the ends, and the
            values at and beside each literal of the guard.
    """

    name: str
    key: str | None
    choices: tuple[Any, ...]


def in_part(guard: Guard, values: Mapping[str, object], evidence: Evidence) -> bool | str:
    """Return whether a guard holds for an item of which not all was seen.

    It is asked about each way that the whole item could be, as far as its literals tell these
    apart; where the answers differ, there is none.

    Args:
        guard: The guard.
        values: Values of the names that it reads, as far as they are known.
        evidence: Where they come from.

    Returns:
        True, False, or where that cannot be told, one line that says why.
    """
    answer = guard.holds(values)
    names = sorted(n for n in guard.reads & values.keys() if may_be_otherwise(n, evidence))
    if not names or isinstance(answer, str):
        return answer
    unsure = f"not all of the item was seen, and {' and '.join(names)} could be otherwise"
    ways = [one for name in names for one in _open(name, values[name], guard.literals)]
    if guard.computes or math.prod(len(one.choices) for one in ways) > MOST_TRIED:
        return unsure
    for chosen in product(*(one.choices for one in ways)):
        if guard.holds({**values, **_whole(values, ways, chosen)}) != answer:
            return unsure
    return answer


def _open(name: str, value: Any, literals: Collection[Any]) -> Iterator[_Open]:
    """Yield what could be otherwise of one name."""
    if name == "matched":
        for category in sorted(c for c in literals if isinstance(c, str) and c not in value):
            yield _Open(name, category, (False, True))
        # Others that the guard does not name: only their number could matter.
        yield _Open(name, None, (0, *_numbers(literals, 0, 100)))
    elif name in OF_BANKS:
        for bank in sorted(bank for bank in value if bank in literals):
            seen = value[bank]
            if isinstance(seen, bool):
                yield _Open(name, bank, (True,) if seen else (False, True))
            elif name == "distance":
                yield _Open(name, bank, (seen, 0, *_numbers(literals, 0, seen)))
            else:
                yield _Open(name, bank, (seen, 1.0, *_shares(literals, seen)))
    else:
        yield _Open(name, None, (value, 1.0, *_shares(literals, value)))


def _shares(literals: Iterable[Any], least: float) -> list[float]:
    """Return the values at and beside the literals, from the least on to 1."""
    given = {float(x) for x in literals if isinstance(x, int | float) and not isinstance(x, bool)}
    beside = {y for x in given for y in (math.nextafter(x, -1), x, math.nextafter(x, 2))}
    return sorted(y for y in beside if least < y < 1)


def _numbers(literals: Iterable[Any], least: int, most: int) -> list[int]:
    """Return the whole numbers at and beside the literals, within bounds."""
    given = {int(x) for x in literals if isinstance(x, int | float) and abs(x) < 1e6}
    return sorted(y for y in {y for x in given for y in (x - 1, x, x + 1)} if least < y < most)


def _whole(
    values: Mapping[str, Any], ways: Iterable[_Open], chosen: Iterable[Any]
) -> dict[str, Any]:
    """Return the values of names as they would be."""
    found: dict[str, Any] = {}
    for (name, key, _), choice in zip(ways, chosen, strict=True):
        if name == "matched":
            more = [key] if key is not None and choice else []
            others = [f"another {n}" for n in range(choice)] if key is None else []
            found[name] = [*found.get(name, values[name]), *more, *others]
        elif key is not None:
            found[name] = {**found.get(name, values[name]), key: choice}
        else:
            found[name] = choice
    return found


def reads_any(guard: Guard, categories: Collection[str]) -> bool:
    """Return whether answers for some categories could change what a guard answers."""
    return bool(guard.reads & {"covered", "unknowns"}) or any(
        name.removeprefix(SECOND) in categories for name in guard.reads
    )
