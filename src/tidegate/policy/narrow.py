"""Which rows of thresholds are for an item: the most specific one that says something wins."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec

from tidegate.evidence import Action, Facts, Kind
from tidegate.policy.schema import Cell, FactConditions, Row


class Meant(NamedTuple):
    """A cell that is for an item.

    Attributes:
        cell: The threshold.
        row: Number of the row that says so, among those of its category.
    """

    cell: Cell
    row: int


def holds(where: FactConditions, facts: Facts, kind: Kind) -> bool:
    """Return whether all conditions are met. A fact that was not stated meets none."""
    days = facts.uploader.account_days
    return (
        (where.surface is None or where.surface == facts.surface)
        and (where.locale is None or _within(where.locale, facts.locale))
        and (where.kind is None or where.kind == kind)
        and (
            where.account_days_below is None
            or (days is not None and days < where.account_days_below)
        )
        and all(flag in facts.context for flag in where.context)
    )


def _within(wanted: str, given: str | None) -> bool:
    """Return whether a language tag is in a range, without regard to case (RFC 4647, 3.3.1)."""
    if given is None:
        return False
    prefix = wanted.lower().removesuffix("-*")
    tag = given.lower()
    if prefix == wanted.lower():
        return tag == prefix
    return tag == prefix or tag.startswith(prefix + "-")


def rank(where: FactConditions) -> tuple[int, ...]:
    """Return a key that sorts conditions from the general to the specific.

    In order of weight: how many context flags, the surface, the age of the account (the
    younger the limit, the more specific), the locale (the longer, the more specific; one
    tag before all of a language), the kind of media.
    """
    days, locale = where.account_days_below, where.locale
    return (
        len(where.context),
        where.surface is not None,
        0 if days is None else 1_000_000 - days,
        0
        if locale is None
        else 2 * len(locale.removesuffix("-*").split("-")) + ("*" not in locale),
        where.kind is not None,
    )


def meant(rows: Sequence[Row], facts: Facts, kind: Kind) -> dict[Action, Meant]:
    """Return the threshold of each action for an item, the most specific one of each."""
    return _laid([i for i, row in enumerate(rows) if holds(row.where, facts, kind)], rows)


def _laid(numbers: Iterable[int], rows: Sequence[Row]) -> dict[Action, Meant]:
    """Lay rows over one another, the specific over the general."""
    found: dict[Action, Meant] = {}
    for number in sorted(numbers, key=lambda i: rank(rows[i].where)):
        found.update((action, Meant(cell, number)) for action, cell in rows[number].cells())
    return {action: one for action, one in found.items() if one.cell != "never"}


def together(rows: Sequence[Row]) -> Iterator[tuple[int, Mapping[Action, Meant]]]:
    """Yield for each row the thresholds of an item for which it is the most specific one."""
    for number, row in enumerate(rows):
        beneath = [i for i, other in enumerate(rows) if _implies(row.where, other.where)]
        yield number, _laid(beneath, rows)


def ties(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that speak of one action, for one item, with equal right."""
    for (a, one), (b, other) in combinations(enumerate(rows), 2):
        shared = {action for action, _ in one.cells()} & {action for action, _ in other.cells()}
        if not shared or rank(one.where) != rank(other.where):
            continue
        both = _both(one.where, other.where)
        if both is None:
            continue
        # A row for just what is common to both settles it.
        if both == one.where or not any(
            same(row.where, both) and shared <= {action for action, _ in row.cells()}
            for row in rows
        ):
            yield a, b


def _both(one: FactConditions, other: FactConditions) -> FactConditions | None:
    """Return the conditions of items that meet both, of equal rank; ``None`` if none can."""
    if one.surface != other.surface or one.kind != other.kind:
        return None
    if (one.locale or "").lower() != (other.locale or "").lower():
        return None
    flags = tuple(sorted({*one.context, *other.context}))
    if flags == tuple(sorted(one.context)):
        return one
    return msgspec.structs.replace(one, context=flags)


def same(one: FactConditions, other: FactConditions) -> bool:
    """Return whether just the same items meet both."""
    return _implies(one, other) and _implies(other, one)


def _implies(one: FactConditions, other: FactConditions) -> bool:
    """Return whether every item that meets the one meets the other too."""
    return (
        other.surface in (None, one.surface)
        and other.kind in (None, one.kind)
        and (
            other.account_days_below is None
            or (
                one.account_days_below is not None
                and one.account_days_below <= other.account_days_below
            )
        )
        and (other.locale is None or _range_implies(one.locale, other.locale))
        and set(other.context) <= set(one.context)
    )


def _range_implies(one: str | None, other: str) -> bool:
    if one is None:
        return False
    if not one.endswith("-*"):
        return _within(other, one)
    return other.endswith("-*") and _within(other, one.removesuffix("-*"))


def row_name(category: str, row: int, rows: int) -> str:
    """Return where a row stands in a policy; with its number only where there are several."""
    return f"thresholds.{category}" if rows == 1 else f"thresholds.{category}[{row}]"
