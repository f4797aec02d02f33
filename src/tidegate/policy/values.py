"""From evidence and facts to the values of a guard's names. What is not known has no value."""

from collections.abc import Callable, Iterable
from functools import partial

from tidegate import taxonomy
from tidegate.evidence import Evidence, Facts, Match, Stage
from tidegate.policy.names import SECOND

NOT_MET = 257
"""The ``distance`` of a bank that was asked and of which nothing was met: more than any."""

Getter = Callable[[Evidence, Facts], object]


def getter(name: str) -> Getter:
    """Return what finds the value of a name; it gives ``None`` where that is not known.

    Raises:
        KeyError: There is no such name.
    """
    if name in _GETTERS:
        return _GETTERS[name]
    rank, category = (1, name.removeprefix(SECOND)) if name.startswith(SECOND) else (0, name)
    if category not in taxonomy.detectable():
        raise KeyError(name)
    return partial(_opinion, category, rank)


def may_be_otherwise(name: str, evidence: Evidence) -> bool:
    """Return whether a value hangs on what was not seen of the item.

    A score over a part of an item is the least that the whole would have, and what was not
    seen may be in a bank.
    """
    if name in OF_BANKS:
        return _missing(evidence, ("media", "matching"))
    category = name.removeprefix(SECOND)
    return category in taxonomy.CATEGORIES and _missing(evidence, ("media", "detectors"), category)


def _missing(evidence: Evidence, stages: tuple[Stage, ...], category: str | None = None) -> bool:
    return any(
        unknown.stage in stages
        and (category is None or not unknown.categories or category in unknown.categories)
        for unknown in evidence.unknowns
    )


def _opinion(category: str, rank: int, evidence: Evidence, facts: Facts) -> float | None:
    """Return the highest score of a category by the best detector (rank 0) or the second best."""
    best: dict[str, float] = {}
    for signal in evidence.signals:
        if signal.category == category:
            best[signal.detector] = max(signal.score, best.get(signal.detector, 0.0))
    return sorted(best.values(), reverse=True)[rank] if len(best) > rank else None


def _by_bank(
    evidence: Evidence,
    value: Callable[[Match], float],
    best: Callable[[Iterable[float]], float],
    none: float,
) -> dict[str, float]:
    """Return a value for each bank that was asked, of the matches with its entries."""
    found: dict[str, list[float]] = {bank: [] for bank in evidence.banks}
    for match in evidence.matches:
        found.setdefault(match.bank, []).append(value(match))
    return {bank: best(values) if values else none for bank, values in found.items()}


def _stated(evidence: Evidence, facts: Facts) -> list[str]:
    given = {
        "surface": facts.surface,
        "locale": facts.locale,
        "uploader.account_days": facts.uploader.account_days,
        "uploader.removals": facts.uploader.removals,
        "uploader.trusted": facts.uploader.trusted,
    }
    return [name for name, value in given.items() if value is not None]


_GETTERS: dict[str, Getter] = {
    "item.kind": lambda e, f: e.media and e.media.kind,
    "item.format": lambda e, f: e.media and e.media.format,
    "item.duration": lambda e, f: e.media and e.media.duration,
    "item.width": lambda e, f: e.media and e.media.width,
    "item.height": lambda e, f: e.media and e.media.height,
    "item.size": lambda e, f: e.size,
    "surface": lambda e, f: f.surface,
    "locale": lambda e, f: f.locale,
    "context": lambda e, f: list(f.context),
    "stated": _stated,
    "uploader.account_days": lambda e, f: f.uploader.account_days,
    "uploader.removals": lambda e, f: f.uploader.removals,
    "uploader.trusted": lambda e, f: f.uploader.trusted,
    "met": lambda e, f: _by_bank(e, lambda m: True, any, False),
    "distance": lambda e, f: _by_bank(e, lambda m: m.distance, min, NOT_MET),
    "query_share": lambda e, f: _by_bank(e, lambda m: m.query_share, max, 0.0),
    "entry_share": lambda e, f: _by_bank(e, lambda m: m.entry_share, max, 0.0),
    "matched": lambda e, f: sorted({match.category for match in e.matches}),
    # A detector that was left out answers for its categories all the same.
    "covered": lambda e, f: [*e.covered, *(c for one in e.skipped for c in one.categories)],
    "unknowns": lambda e, f: sorted({unknown.cause for unknown in e.unknowns}),
}

OF_BANKS = frozenset({"met", "distance", "query_share", "entry_share", "matched"})
"""Names whose values hang on which entries the item met."""
