"""The kinds of items that rows of thresholds tell apart, and sets of them in words.

Rows look at few facts of an item, and at each only through the conditions that they have. So
all items fall into finitely many kinds: one for each combination of a value along each
:class:`Axis`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

import msgspec

from tidegate.evidence import Facts, Kind, Uploader
from tidegate.policy import prose
from tidegate.policy.schema import FactConditions

MOST_KINDS = 200_000
"""Kinds of items of one category that can be compared."""

MOST_SUBTAGS = 3
"""Parts that a locale has behind its language, at most."""

_KINDS: tuple[Kind, ...] = ("image", "animation", "video")


class TooManyKindsError(ValueError):
    """The rows of a category tell more kinds of items apart than can be compared."""


class Item(NamedTuple):
    """An item, as far as rows of thresholds look at it."""

    facts: Facts
    kind: Kind


class Value(NamedTuple):
    """One value along an axis.

    Attributes:
        name: In words.
        example: What an item of this value has there.
        usual: Whether it is what is left when no condition is met.
    """

    name: str
    example: str | int | bool | None
    usual: bool = False


class Axis(NamedTuple):
    """One fact that rows look at. Every item has exactly one of its values.

    Attributes:
        of: ``surface``, ``locale``, ``account``, ``kind`` or a context flag.
        values: What the rows tell apart; at least two.
    """

    of: str
    values: tuple[Value, ...]


Point = tuple[int, ...]
"""A kind of items: the number of a value along each axis."""

Block = tuple[frozenset[int], ...]
"""A set of kinds: along each axis some values, in all combinations."""


def axes(wheres: Collection[FactConditions]) -> tuple[Axis, ...]:
    """Return what tells items apart under some conditions.

    Raises:
        TooManyKindsError: There are too many combinations.
    """
    found: list[Axis] = []
    if surfaces := sorted({w.surface for w in wheres if w.surface is not None}):
        values = [Value(name, name) for name in surfaces]
        found.append(Axis("surface", (*values, Value("any other surface or none", None, True))))
    if locales := {w.locale.lower(): w.locale for w in wheres if w.locale is not None}:
        found.append(Axis("locale", tuple(_locales(locales))))
    for flag in sorted({flag for w in wheres for flag in w.context}):
        found.append(Axis(flag, (Value("set", True), Value("not set", False, True))))
    limits = sorted({w.account_days_below for w in wheres if w.account_days_below is not None})
    if limits:
        found.append(Axis("account", tuple(_ages(limits))))
    if any(w.kind is not None for w in wheres):
        found.append(Axis("kind", tuple(Value(kind, kind) for kind in _KINDS)))
    if prod(len(axis.values) for axis in found) > MOST_KINDS:
        raise TooManyKindsError(f"rows tell more than {MOST_KINDS:,} kinds of items apart")
    return tuple(found)


def _locales(conditions: Mapping[str, str]) -> Iterator[Value]:
    """Yield one value for each set of conditions that a language tag can meet.

    Which they are hangs on whether the tag itself is named, and on the longest prefix of it
    that is.

    Args:
        conditions: As they are written, by their lower case.
    """
    exact = sorted(one for one in conditions if not one.endswith("-*"))
    ranges = sorted(one.removesuffix("-*") for one in conditions if one.endswith("-*"))
    for tag in exact:
        yield Value(conditions[tag], tag)
    for prefix in ranges:
        within = [
            one
            for one in sorted(conditions)
            if one.startswith(f"{prefix}-") and one != f"{prefix}-*"
        ]
        within += [prefix] if prefix in exact else []
        name = conditions[f"{prefix}-*"]
        if within:
            name += f" without {prose.listed([conditions[one] for one in within])}"
        if prefix.count("-") < MOST_SUBTAGS:
            yield Value(name, _fresh(prefix, [*exact, *ranges]))
        elif prefix not in exact:
            yield Value(name, prefix)
    yield Value("any other locale or none", None, True)


def _fresh(prefix: str, known: Sequence[str]) -> str:
    """Return a tag beneath a prefix that is beneath nothing longer that is known."""
    taken = {one.removeprefix(f"{prefix}-").split("-")[0] for one in known}
    number = 0
    while (part := f"x{number}") in taken:
        number += 1
    return f"{prefix}-{part}"


def _ages(limits: Sequence[int]) -> Iterator[Value]:
    yield Value(f"younger than {prose.days(limits[0])}", limits[0] - 1)
    for low, high in pairwise(limits):
        yield Value(f"{low} to {high - 1} days old", low)
    yield Value(f"{prose.days(limits[-1])} or older, or of unknown age", None, True)


def points(along: Sequence[Axis]) -> Iterator[Point]:
    """Yield all kinds of items."""
    yield from product(*(range(len(axis.values)) for axis in along))


def example(along: Sequence[Axis], point: Point) -> Item:
    """Return an item of a kind."""
    facts, kind, flags = Facts(), _KINDS[0], []
    for axis, number in zip(along, point, strict=True):
        given = axis.values[number].example
        if axis.of == "surface":
            facts = msgspec.structs.replace(facts, surface=given)
        elif axis.of == "locale":
            facts = msgspec.structs.replace(facts, locale=given)
        elif axis.of == "account":
            assert given is None or isinstance(given, int)
            facts = msgspec.structs.replace(facts, uploader=Uploader(account_days=given))
        elif axis.of == "kind":
            kind = next(known for known in _KINDS if known == given)
        elif given:
            flags.append(axis.of)
    return Item(msgspec.structs.replace(facts, context=tuple(flags)), kind)


def blocks(along: Sequence[Axis], wanted: Collection[Point]) -> list[Block]:
    """Return a few sets of kinds that together are all the wanted kinds and no others.

    They may overlap, so that each is as large and as easily said as can be.
    """
    inside = frozenset(wanted)
    left = set(inside)
    found: list[Block] = []
    for point in sorted(inside):
        if point in left:
            block = _grown(along, point, inside)
            found.append(block)
            left.difference_update(product(*block))
    return found


def _grown(along: Sequence[Axis], seed: Point, inside: frozenset[Point]) -> Block:
    block = [{number} for number in seed]
    for index, axis in enumerate(along):
        for number in range(len(axis.values)):
            others = [{number} if i == index else chosen for i, chosen in enumerate(block)]
            if all(point in inside for point in product(*others)):
                block[index].add(number)
    return tuple(frozenset(chosen) for chosen in block)


def named(along: Sequence[Axis], block: Block) -> dict[str, tuple[str, ...]]:
    """Return the values of a set along each axis along which it is not all of them."""
    return {
        axis.of: tuple(axis.values[number].name for number in sorted(chosen))
        for axis, chosen in zip(along, block, strict=True)
        if len(chosen) < len(axis.values)
    }


def told(along: Sequence[Axis], block: Block) -> str:
    """Return a set in words, for example ``surface avatar, account younger than 7 days``."""
    parts = []
    for axis, chosen in zip(along, block, strict=True):
        values = [axis.values[number] for number in sorted(chosen)]
        if len(values) == len(axis.values):
            continue
        words = prose.listed([value.name for value in values])
        if "." in axis.of:
            parts.append(f"with {axis.of}" if values[0].example else f"without {axis.of}")
        elif axis.of != "account" and any(value.usual for value in values):
            others = [v.name for n, v in enumerate(axis.values) if n not in chosen]
            parts.append(f"any {axis.of} but {prose.listed(others)}")
        else:
            parts.append(f"{axis.of} {words}")
    return ", ".join(parts)
